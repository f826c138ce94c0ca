"""Who waits too long, or is chosen to give way, is told so or tried again; nothing is changed, and then it works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from loyalty import Audit, IssuedGiftCard, PayWithBalances, RedeemGiftCard
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.errors import ConcurrentUpdate, StorageError, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import BlockingStorage, LoopThread
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.races import kinds, race
from loyalty.testing.programs import money
from tests.faults.processes import url_of
from tests.storages.databases import MariadbDatabases, PostgresqlDatabases, SqliteDatabases

BUYERS: Final = 8


@pytest.fixture
def shop(postgresql_databases: PostgresqlDatabases) -> Iterator[Stand]:
    """Give a shop on PostgreSQL."""
    storage = postgresql_databases.make()
    yield Stand(storage)
    postgresql_databases.drop(storage)


@pytest.fixture
def shop_on_mariadb(mariadb_databases: MariadbDatabases) -> Iterator[Stand]:
    """Give a shop on MariaDB."""
    storage = mariadb_databases.make()
    yield Stand(storage)
    mariadb_databases.drop(storage)


def _impatient(url: str, setting: str) -> SqlAlchemyStorage:
    """Return a storage on an engine of a host that said how long to wait."""
    return SqlAlchemyStorage(create_engine(url, connect_args={"options": f"-c {setting}"}))


def _redeem(card: IssuedGiftCard, key: str = "once", amount: int = 10) -> RedeemGiftCard:
    return RedeemGiftCard(code=card.code, amount=money(amount), order_id=key, idempotency_key=key)


@contextmanager
def _locked(stand: Stand, *cards: IssuedGiftCard) -> Iterator[Connection]:
    """Keep the rows of cards from everybody else, as a host does that forgot a transaction."""
    assert isinstance(stand.storage, SqlAlchemyStorage)
    with stand.storage.engine.connect() as connection:
        for card in cards:
            _lock(connection, card)
        yield connection


def _lock(connection: Connection, card: IssuedGiftCard) -> None:
    where = {"id": card.gift_card.account_id}
    connection.execute(text("SELECT 1 FROM loyalty_account WHERE id = :id FOR UPDATE"), where)


def _require_refused_for_now(stand: Stand, storage: Storage, card: IssuedGiftCard, kind: type[StorageError]) -> None:
    """Find that a command ends with this error, and that nothing was changed."""
    before = stand.books()
    with pytest.raises(StorageError) as caught:
        stand.on(storage).execute(_redeem(card))

    assert kind is caught.type
    assert before == stand.books()


def _require_it_works(stand: Stand, storage: Storage, card: IssuedGiftCard) -> None:
    """Find that the same command has one effect now."""
    before = stand.left_on(card)
    first = stand.on(storage).execute(_redeem(card))

    assert first == stand.on(storage).execute(_redeem(card))
    assert before - money(10) == stand.left_on(card)
    stand.require_sound()


@pytest.mark.parametrize("setting", ["lock_timeout=100ms", "statement_timeout=100ms"], ids=["lock", "statement"])
def test_a_time_out_on_a_row_that_somebody_keeps(shop: Stand, setting: str) -> None:
    """The server gives up waiting: unavailable, nothing changed, and it works once the row is free."""
    card = shop.card(100)
    storage = _impatient(url_of(shop), setting)
    with _locked(shop, card):
        _require_refused_for_now(shop, storage, card, StorageUnavailable)
    _require_it_works(shop, storage, card)
    storage.dispose()


@pytest.mark.parametrize(
    ("setting", "told"),
    [("innodb_lock_wait_timeout = 1", ConcurrentUpdate), ("max_statement_time = 0.2", StorageUnavailable)],
    ids=["lock", "statement"],
)
def test_a_time_out_on_a_row_that_somebody_keeps_on_mariadb(
    shop_on_mariadb: Stand, setting: str, told: type[StorageError]
) -> None:
    """As well; a lock is waited for in whole seconds there, by every attempt."""
    card = shop_on_mariadb.card(100)
    session = {"init_command": f"SET SESSION {setting}"}
    storage = SqlAlchemyStorage(create_engine(url_of(shop_on_mariadb), connect_args=session), attempts=2)
    with _locked(shop_on_mariadb, card):
        _require_refused_for_now(shop_on_mariadb, storage, card, told)
    _require_it_works(shop_on_mariadb, storage, card)
    storage.dispose()


def test_a_time_out_on_the_lock_of_sqlite(sqlite_databases: SqliteDatabases) -> None:
    """Another process writes for too long: every attempt waits as long as it may, and the race counts as lost."""
    stand = Stand(sqlite_databases.make())
    card = stand.card(100)
    storage = SqlAlchemyStorage(create_engine(url_of(stand), connect_args={"timeout": 0.02}), attempts=3)
    assert isinstance(stand.storage, SqlAlchemyStorage)
    with stand.storage.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        _require_refused_for_now(stand, storage, card, ConcurrentUpdate)
    _require_it_works(stand, storage, card)
    storage.dispose()
    sqlite_databases.drop(stand.storage)


def test_a_victim_of_a_deadlock_is_tried_again(shop: Stand) -> None:
    """A host locks two rows against the order of ids; PostgreSQL ends our transaction, which then is tried again."""
    first, second = sorted((shop.card(100), shop.card(100)), key=lambda card: card.gift_card.account_id)
    # Whoever waits looks for a circle once, after this time: ours does so when the host waits, too.
    storage = _impatient(url_of(shop), "deadlock_timeout=2s")
    failures = _failures_of(storage)
    pay = PayWithBalances(
        codes=(first.code, second.code), amount_due=money(150), order_id="once", idempotency_key="once"
    )
    with ThreadPoolExecutor(1) as pool, _locked(shop, second) as host:
        host.execute(text("SET deadlock_timeout = '1min'"))
        paying = pool.submit(shop.on(storage).execute, pay)
        _wait_until_somebody_waits(shop)
        _lock(host, first)
        host.rollback()
        assert money(150) == paying.result().amount

    assert ["40P01"] == failures
    assert money(50) == shop.left_on(first) + shop.left_on(second)
    shop.require_sound()
    storage.dispose()


def test_a_victim_of_a_deadlock_on_mariadb_is_tried_again(shop_on_mariadb: Stand) -> None:
    """The same; MariaDB looks at once, and ends whoever has written less."""
    shop = shop_on_mariadb
    first, second = sorted((shop.card(100), shop.card(100)), key=lambda card: card.gift_card.account_id)
    storage = SqlAlchemyStorage(url_of(shop))
    failures = _failures_of(storage)
    pay = PayWithBalances(
        codes=(first.code, second.code), amount_due=money(150), order_id="once", idempotency_key="once"
    )
    with ThreadPoolExecutor(1) as pool, _locked(shop, second) as host:
        host.execute(text("UPDATE loyalty_receipt SET attempts = attempts + 1"))
        paying = pool.submit(shop.on(storage).execute, pay)
        _wait_until_somebody_waits(shop)
        _lock(host, first)
        host.rollback()
        assert money(150) == paying.result().amount

    assert ["40001"] == failures  # what it calls a deadlock, too
    assert money(50) == shop.left_on(first) + shop.left_on(second)
    shop.require_sound()
    storage.dispose()


def test_serialization_failures_are_tried_again(shop: Stand) -> None:
    """On a host's engine that asks for more than is needed: PostgreSQL refuses most of those who want one row."""
    card = shop.card(100)
    storage = SqlAlchemyStorage(create_engine(url_of(shop), isolation_level="SERIALIZABLE", pool_size=BUYERS))
    failures = _failures_of(storage)
    commands = [_redeem(card, f"buyer {number}") for number in range(BUYERS)]
    outcomes = kinds(race([shop.on(storage)] * BUYERS, commands))

    assert {"40001"} == set(failures)
    assert {"done", "ConcurrentUpdate"} >= set(outcomes)
    assert money(100 - 10 * outcomes["done"]) == shop.left_on(card)
    for command in commands:
        shop.on(storage).execute(command)
    assert money(100 - 10 * BUYERS) == shop.left_on(card)
    shop.require_sound()
    storage.dispose()


def test_a_pool_without_a_free_connection(stand: Stand) -> None:
    """The one connection is out: unavailable after the pool's time, nothing changed, and it works when it is back."""
    card = stand.card(100)
    engine = create_engine(url_of(stand), poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    storage = SqlAlchemyStorage(engine)
    with engine.connect():
        _require_refused_for_now(stand, storage, card, StorageUnavailable)
        with pytest.raises(StorageUnavailable):
            stand.on(storage).ask(Audit())
    _require_it_works(stand, storage, card)
    storage.dispose()


def test_an_async_pool_without_a_free_connection(shop: Stand) -> None:
    """As well, where tasks wait for it."""
    card = shop.card(100)
    url = url_of(shop).replace("+psycopg", "+asyncpg")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    storage = AsyncSqlAlchemyStorage(engine)
    with LoopThread() as loop:
        behind = BlockingStorage(storage, loop)
        taken = loop.call(_connected(engine))
        _require_refused_for_now(shop, behind, card, StorageUnavailable)
        loop.call(taken.close())
        _require_it_works(shop, behind, card)
        loop.call(storage.dispose())


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


def _failures_of(storage: SqlAlchemyStorage) -> list[str]:
    """Return a list of what the database answers to our statements from now on, by its codes."""
    failures: list[str] = []

    def hear(failed: ExceptionContext) -> None:
        error = failed.original_exception
        failures.append(str(getattr(error, "sqlstate", None) or error.args[0]))

    # Errors are told where somebody listens to statements.
    event.listen(storage.engine, "before_cursor_execute", lambda *_: None)
    event.listen(storage.engine, "handle_error", hear)
    return failures


WAITING: Final = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'",
    "mariadb": "SELECT count(*) FROM information_schema.innodb_trx"
    " JOIN information_schema.processlist ON id = trx_mysql_thread_id"
    " WHERE trx_state = 'LOCK WAIT' AND db = DATABASE()",
}
"""How each server counts the transactions of this database that wait for a row."""


def _wait_until_somebody_waits(stand: Stand) -> None:
    """Wait until a transaction waits for a row."""
    assert isinstance(stand.storage, SqlAlchemyStorage)
    asked = text(WAITING[stand.storage.engine.dialect.name])
    for _ in range(200):
        with stand.storage.engine.connect() as connection:
            if connection.scalar(asked):
                return
        time.sleep(0.15)  # asked more often than every 0.1 s, MariaDB answers as it did the first time
    pytest.fail("nobody waits")
