"""A full disk, or a database that may only be read: told so, nothing changed; reads go on, and then it works again."""

from __future__ import annotations

import itertools
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, event, text

from loyalty import Audit, GrantStoreCredit, IssuedGiftCard, LotOrigin, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import OutcomeUnknown, StorageError, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import START, Stand
from loyalty.testing.programs import money
from tests.faults.processes import lives_through, url_of
from tests.storages.databases import MariadbDatabases, PostgresqlDatabases, SqliteDatabases

DISK_FULL: Final = "53100"
ROOM: Final = 50_000
"""For some commands, in bytes."""


@pytest.fixture
def on_file(sqlite_databases: SqliteDatabases) -> Iterator[Stand]:
    """Give a shop on a SQLite file."""
    storage = sqlite_databases.make()
    yield Stand(storage)
    sqlite_databases.drop(storage)


@pytest.fixture
def on_server(postgresql_databases: PostgresqlDatabases) -> Iterator[Stand]:
    """Give a shop on PostgreSQL."""
    storage = postgresql_databases.make()
    yield Stand(storage)
    postgresql_databases.drop(storage)


@pytest.fixture
def on_mariadb(mariadb_databases: MariadbDatabases) -> Iterator[Stand]:
    """Give a shop on MariaDB."""
    storage = mariadb_databases.make()
    yield Stand(storage)
    mariadb_databases.drop(storage)


def _redeem(card: IssuedGiftCard, key: str = "once") -> RedeemGiftCard:
    return RedeemGiftCard(code=card.code, amount=money(1), order_id=key, idempotency_key=key)


def _require_refused(stand: Stand, storage: SqlAlchemyStorage, card: IssuedGiftCard, key: str = "once") -> None:
    """Find that nothing can be written, that nothing was changed, and that the books can be read."""
    before = stand.books()
    with pytest.raises(StorageError) as caught:
        stand.on(storage).execute(_redeem(card, key))

    assert StorageUnavailable is caught.type
    assert before == stand.books()
    assert stand.on(storage).ask(Audit()).is_clean


def _require_it_works(stand: Stand, storage: Storage, card: IssuedGiftCard, key: str = "once") -> None:
    """Find that the same command has one effect now."""
    before = stand.left_on(card)
    first = stand.on(storage).execute(_redeem(card, key))

    assert first == stand.on(storage).execute(_redeem(card, key))
    assert before - money(1) == stand.left_on(card)
    stand.require_sound()


def test_a_full_disk_under_sqlite(on_file: Stand) -> None:
    """The file may not grow: sooner or later a command finds no room; with more room it has one effect."""
    card = on_file.card(1000)
    storage = SqlAlchemyStorage(url_of(on_file))
    most: list[int] = []
    event.listen(storage.engine, "checkout", lambda connection, *_: _bound(connection, most))
    with storage.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    most.append(pages)

    done = 0
    for number in range(1000):
        try:
            on_file.on(storage).execute(_redeem(card, f"{number}"))
        except StorageError:
            break
        done += 1
    assert 0 < done < 1000
    _require_refused(on_file, storage, card, f"{done}")
    assert money(1000 - done) == on_file.left_on(card)
    most[0] = 10 * pages
    _require_it_works(on_file, storage, card, f"{done}")
    storage.dispose()


def _bound(connection: object, most: list[int]) -> None:
    if most:
        cursor = connection.cursor()  # type: ignore[attr-defined]  # the driver's own connection
        cursor.execute(f"PRAGMA max_page_count = {most[0]}")
        cursor.close()


def _write_until_it_is_full(url: str) -> None:
    """Grant until the system takes no more bytes, ask again in vain, and again when there is room."""
    storage = SqlAlchemyStorage(url)
    door = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds())
    door.execute(_grant(0))
    log = Path(f"{url.removeprefix('sqlite:///')}-wal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + ROOM, before[1]))
    done = list(itertools.takewhile(lambda number: _is_granted(door, number), range(1, 1000)))
    assert 0 < len(done) < 999
    assert not _is_granted(door, len(done) + 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    again = _grant(len(done) + 1)
    assert door.execute(again) == door.execute(again)
    storage.dispose()


def _grant(number: int) -> GrantStoreCredit:
    key = f"{number}"
    return GrantStoreCredit(customer_id="ada", amount=money(1), origin=LotOrigin.GOODWILL, idempotency_key=key)


def _is_granted(door: Loyalty, number: int) -> bool:
    try:
        door.execute(_grant(number))
    except (StorageUnavailable, OutcomeUnknown):
        # SQLite cannot say what a write that failed has left in its log; whoever asks again hears what came of it.
        return False
    return True


def test_a_system_that_takes_no_more_bytes_under_sqlite(on_file: Stand) -> None:
    """The log may not grow, which is noticed while committing: asked again, with room, it happened once."""
    assert lives_through(_write_until_it_is_full, url_of(on_file))

    books = on_file.books()
    assert money(len(books.receipts)) == on_file.credit_of("ada")
    assert [f"{number}" for number in range(len(books.receipts))] == sorted(
        (str(receipt.idempotency_key) for receipt in books.receipts), key=int
    )
    on_file.require_sound()


@pytest.mark.parametrize("at_commit", [False, True], ids=["at a statement", "at the COMMIT"])
def test_a_full_disk_under_postgresql(on_server: Stand, at_commit: bool) -> None:
    """The server answers that its disk is full, to a statement or to the COMMIT: nothing was kept, and we know it."""
    card = on_server.card(1000)
    assert isinstance(on_server.storage, SqlAlchemyStorage)
    storage = on_server.storage
    fill = f"RAISE EXCEPTION 'No space left on device' USING ERRCODE = '{DISK_FULL}'"
    function = f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {fill}; END $$"
    when = "CONSTRAINT TRIGGER full_disk AFTER INSERT ON loyalty_transfer DEFERRABLE INITIALLY DEFERRED"
    trigger = when if at_commit else "TRIGGER full_disk AFTER INSERT ON loyalty_transfer"
    _run(storage, function, f"CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION full_disk()")
    try:
        _require_refused(on_server, storage, card)
    finally:
        _run(storage, "DROP TRIGGER full_disk ON loyalty_transfer", "DROP FUNCTION full_disk")
    _require_it_works(on_server, storage, card)


def test_a_full_disk_under_mariadb(on_mariadb: Stand) -> None:
    """A table that is full, at a statement: the same."""
    card = on_mariadb.card(1000)
    assert isinstance(on_mariadb.storage, SqlAlchemyStorage)
    fill = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'"
    _run(on_mariadb.storage, f"CREATE TRIGGER full_disk AFTER INSERT ON loyalty_transfer FOR EACH ROW {fill}")
    try:
        _require_refused(on_mariadb, on_mariadb.storage, card)
    finally:
        _run(on_mariadb.storage, "DROP TRIGGER full_disk")
    _require_it_works(on_mariadb, on_mariadb.storage, card)


def _run(storage: SqlAlchemyStorage, *statements: str) -> None:
    with storage.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _read_only_file(url: str) -> SqlAlchemyStorage:
    path = Path(url.removeprefix("sqlite:///"))
    return SqlAlchemyStorage(create_engine(f"sqlite:///file:{path}?mode=ro&uri=true"))


def _read_only_session(url: str) -> SqlAlchemyStorage:
    return SqlAlchemyStorage(create_engine(url, connect_args={"options": "-c default_transaction_read_only=on"}))


def _read_only_session_of_mariadb(url: str) -> SqlAlchemyStorage:
    session = {"init_command": "SET SESSION TRANSACTION READ ONLY"}
    return SqlAlchemyStorage(create_engine(url, connect_args=session))


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        ("on_file", _read_only_file),
        ("on_server", _read_only_session),
        ("on_mariadb", _read_only_session_of_mariadb),
    ],
    ids=["sqlite", "postgresql", "mariadb"],
)
def test_a_database_that_may_only_be_read(
    request: pytest.FixtureRequest, name: str, opened: Callable[[str], SqlAlchemyStorage]
) -> None:
    """A standby, a file of somebody else: commands are refused, queries answered."""
    stand: Stand = request.getfixturevalue(name)
    card = stand.card(1000)
    storage = opened(url_of(stand))
    _require_refused(stand, storage, card)
    _require_it_works(stand, stand.storage, card)
    storage.dispose()
