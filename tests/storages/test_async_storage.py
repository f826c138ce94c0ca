"""The async storage by itself: what it takes, where it lives, and what it makes of errors."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from moneyed import Money
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from loyalty import (
    AsyncLoyalty,
    Audit,
    CodeKeys,
    GetGiftCard,
    IssueGiftCard,
    ListGiftCards,
    Loyalty,
    MemoryStorage,
    RedeemGiftCard,
)
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.errors import InvalidRequest
from loyalty.testing import Moment, is_cancelled_at

KEYS = CodeKeys.generate()
ISSUE = IssueGiftCard(value=Money("5.00", "USD"), idempotency_key="issue")


@pytest.fixture
def url(sqlite_url: str) -> str:
    """Give the URL of a SQLite file for the async driver."""
    return sqlite_url.replace("sqlite:", "sqlite+aiosqlite:")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncLoyalty]:
    """Give the library on a database with tables."""
    storage = AsyncSqlAlchemyStorage(url)
    await storage.upgrade()
    await storage.upgrade()
    yield AsyncLoyalty(storage, code_keys=KEYS)
    await storage.dispose()


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        1,
        b"sqlite+aiosqlite://",
        "",
        "nonsense",
        "sqlite+aiosqlite:///a\0b",
        "sqlite:///blocking.db",
        "postgresql+nodriver://",
        "mysql+nodriver://",
    ],
)
def test_a_wrong_url_is_an_invalid_request(wrong: Any) -> None:  # wrong on purpose
    """Also one that names a blocking driver."""
    with pytest.raises(InvalidRequest):
        AsyncSqlAlchemyStorage(wrong)


def test_a_blocking_engine_is_no_async_engine(url: str, sqlite_url: str) -> None:
    """Neither storage takes what belongs to the other."""
    with pytest.raises(InvalidRequest):
        AsyncSqlAlchemyStorage(create_engine(sqlite_url))  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidRequest, match="AsyncSqlAlchemyStorage"):
        SqlAlchemyStorage(url)
    with pytest.raises(InvalidRequest):
        SqlAlchemyStorage(create_async_engine(url))  # type: ignore[arg-type]  # wrong on purpose


def test_each_door_takes_its_own_kind_of_storage(url: str) -> None:
    """Mixing them up is told when the library is set up."""
    with pytest.raises(InvalidRequest, match="async run and read"):
        AsyncLoyalty(MemoryStorage(), code_keys=KEYS)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidRequest, match="must have run and read"):
        Loyalty(AsyncSqlAlchemyStorage(url), code_keys=KEYS)  # type: ignore[arg-type]  # wrong on purpose


def test_what_is_no_command_or_query_is_an_invalid_request(url: str) -> None:
    """As with the blocking door."""

    async def main() -> None:
        async with opened(url) as door:
            with pytest.raises(InvalidRequest):
                await door.execute(Audit())  # type: ignore[arg-type]  # wrong on purpose
            with pytest.raises(InvalidRequest):
                await door.ask(ISSUE)  # type: ignore[arg-type]  # wrong on purpose

    asyncio.run(main())


def test_a_file_is_as_durable_as_with_the_blocking_storage(url: str) -> None:
    """Every connection to SQLite has the write-ahead log, full synchronization and foreign keys."""

    async def main() -> list[object]:
        async with opened(url) as door, door._storage.engine.connect() as connection:  # type: ignore[attr-defined]  # ours
            return [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]

    assert ["wal", 2, 1] == asyncio.run(main())


def test_one_storage_serves_one_event_loop_after_another(url: str) -> None:
    """A host whose loops come and go disposes of the connections in between."""
    storage = AsyncSqlAlchemyStorage(url)
    door = AsyncLoyalty(storage, code_keys=KEYS)

    async def main() -> object:
        await storage.upgrade()
        # At once, so that they queue for the one write lock.
        answers = await asyncio.gather(door.execute(ISSUE), door.execute(ISSUE), door.execute(ISSUE))
        await storage.dispose()
        return answers

    assert asyncio.run(main()) == asyncio.run(main())


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
def test_a_database_in_memory_outlives_its_cancelled_tasks(moment: Moment) -> None:
    """Its one connection is all that it is, and every transaction on it is waited for to its end."""

    async def main() -> None:
        async with opened("sqlite+aiosqlite://") as door:
            issued = await door.execute(ISSUE)
            for number in range(1, 4):
                command = RedeemGiftCard(
                    code=issued.code, amount=Money("1.00", "USD"), order_id="1", idempotency_key=str(number)
                )
                is_cancelled = await is_cancelled_at(door.execute(command), number, moment)
                await is_cancelled_at(door.ask(Audit()), number, moment)
                assert is_cancelled is (number == 1)
            left = await door.ask(GetGiftCard(id=issued.gift_card.id))
            assert Money("2.00", "USD") == left.available
            assert (await door.ask(Audit())).is_clean

    asyncio.run(main())


def test_a_host_that_listens_hears_every_statement(url: str) -> None:
    """Tracing on the host's engine sees what the library does."""

    async def main() -> list[str]:
        heard: list[str] = []
        async with opened(url) as door:
            engine = door._storage.engine.sync_engine  # type: ignore[attr-defined]  # ours
            event.listen(engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
            await door.execute(ISSUE)
        return heard

    assert [statement for statement in asyncio.run(main()) if "INSERT INTO loyalty_gift_card" in statement]


@pytest.mark.parametrize("package", ["greenlet", "aiosqlite", "asyncpg", "sqlalchemy.ext.asyncio"])
def test_blocking_hosts_load_nothing_of_it(package: str, tmp_path: Path) -> None:
    """The async storage is loaded when it is first named."""
    code = (
        "import sys; from loyalty.adapters.sqlalchemy import SqlAlchemyStorage\n"
        f"storage = SqlAlchemyStorage('sqlite:///{tmp_path}/x.db'); storage.upgrade(); storage.dispose()\n"
        f"print({package!r} in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)

    assert "False" == told.stdout.strip()


def test_an_unknown_name_of_the_adapter_is_an_attribute_error() -> None:
    """As Python tells it."""
    from loyalty.adapters import sqlalchemy

    with pytest.raises(AttributeError, match="MongoStorage"):
        sqlalchemy.MongoStorage  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize(("asked", "told"), [(None, "read committed"), ("SERIALIZABLE", "serializable")])
def test_the_isolation_that_a_host_chose_is_kept(postgresql_database: str, asked: str | None, told: str) -> None:
    """Transactions of ours begin as the host's engine begins its own."""

    async def main() -> tuple[object, bool]:
        options = {} if asked is None else {"isolation_level": asked}
        engine = create_async_engine(postgresql_database.replace("+psycopg", "+asyncpg"), **options)
        storage = AsyncSqlAlchemyStorage(engine)
        await storage.upgrade()
        isolation = await storage.run(lambda uow: uow._driver.rows("SHOW transaction_isolation", ())[0][0])  # type: ignore[attr-defined]  # ours
        door = AsyncLoyalty(storage, code_keys=KEYS)
        await asyncio.gather(*(door.execute(ISSUE) for _ in range(3)))
        is_clean = (await door.ask(Audit())).is_clean
        await engine.dispose()
        return isolation, is_clean

    assert (told, True) == asyncio.run(main())


def test_an_engine_that_commits_every_statement_is_refused(postgresql_database: str) -> None:
    """Money needs a transaction."""

    async def main() -> None:
        url = postgresql_database.replace("+psycopg", "+asyncpg")
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        with pytest.raises(InvalidRequest):
            await AsyncLoyalty(AsyncSqlAlchemyStorage(engine), code_keys=KEYS).execute(ISSUE)
        await engine.dispose()

    asyncio.run(main())


def test_a_stream_reads_a_page_when_it_is_needed_and_holds_no_connection(url: str) -> None:
    """An async stream gives every card once, page by page; between two pages, and when it is left, nothing is open."""

    async def through(storage: AsyncSqlAlchemyStorage) -> tuple[list[str], list[str], list[int]]:
        """Return what was streamed, what is there, and how often the database was asked by each card."""
        loyalty, statements, reads = AsyncLoyalty(storage, code_keys=KEYS), list[str](), list[int]()
        for number in range(5):
            await loyalty.execute(IssueGiftCard(value=Money("5.00", "USD"), idempotency_key=f"issue {number}"))

        def note(*given: object) -> None:
            """Keep what reads."""
            statements.extend([str(given[2])] * ("SELECT" in str(given[2])))

        event.listen(storage.engine.sync_engine, "before_cursor_execute", note)
        streamed = list[str]()
        async for card in loyalty.stream(ListGiftCards(limit=2)):
            streamed.append(card.id)
            reads.append(len(statements))
            assert 0 == storage.engine.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
        async for _ in loyalty.stream(ListGiftCards(limit=2)):
            break
        assert 0 == storage.engine.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
        whole = await loyalty.ask(ListGiftCards())
        with pytest.raises(InvalidRequest, match="stream takes a list"):
            loyalty.stream(GetGiftCard(id="a card"))  # type: ignore[arg-type]  # wrong on purpose
        return streamed, [card.id for card in whole], reads

    async def in_a_shop() -> tuple[list[str], list[str], list[int]]:
        """Open a shop for it."""
        storage = AsyncSqlAlchemyStorage(url)
        await storage.upgrade()
        try:
            return await through(storage)
        finally:
            await storage.dispose()

    streamed, whole, reads = asyncio.run(in_a_shop())
    assert whole == streamed
    assert [1, 1, 2, 2, 3] == reads
