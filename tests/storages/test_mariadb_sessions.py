"""What MariaDB must be set to before money moves, and what a host's own settings may be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pymysql
import pytest
from pymysql.constants import CLIENT
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import PendingRollbackError

from loyalty import Audit, IssueGiftCard, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import ConcurrentUpdate, DuplicateRecord, InvalidRequest
from loyalty.ports.changes import Changes
from loyalty.ports.storage import Wanted
from loyalty.testing.kit.case import Stand
from loyalty.testing.programs import money
from tests.use_cases.shop import KEYS, usd


@pytest.fixture
def engines(mariadb_database: str) -> Iterator[list[Engine]]:
    """Give a list for the engines of a test, the first of which is the library's own, on a database with the tables."""
    storage = SqlAlchemyStorage(mariadb_database)
    storage.upgrade()
    engines = [storage.engine]
    yield engines
    for engine in engines:
        engine.dispose()


def hosts_engine(engines: list[Engine], setting: str | None = None, **options: Any) -> Engine:
    """Return an engine of a host, whose connections are set up in its own way."""
    engines.append(create_engine(engines[0].url, **options))
    if setting is not None:

        def set_up(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"SET SESSION {setting}")

        event.listen(engines[-1], "connect", set_up)
    return engines[-1]


def issue(storage: Any, key: str = "issue") -> str:
    """Issue a card and return its code."""
    loyalty = Loyalty(storage, code_keys=KEYS)
    return str(loyalty.execute(IssueGiftCard(value=usd("5.00"), idempotency_key=key)).code)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sql_mode = ''", "sql_mode"),
        ("sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", "sql_mode"),
        ("TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "READ COMMITTED"),
        ("autocommit = 1", "commits every statement"),
    ],
)
def test_an_unsafe_session_of_a_host_is_refused(engines: list[Engine], setting: str, said: str) -> None:
    """Before anything is written, whether the transaction is ours or the host's."""
    storage = SqlAlchemyStorage(hosts_engine(engines, setting))

    with pytest.raises(InvalidRequest, match=said):
        issue(storage)
    with storage.engine.connect() as connection, pytest.raises(InvalidRequest, match=said):
        issue(storage.joining(connection))
    assert 0 == Loyalty(SqlAlchemyStorage(engines[0]), code_keys=KEYS).ask(Audit()).accounts


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"charset": "latin1", "client_flag": CLIENT.FOUND_ROWS}, "utf8mb4"),
        ({"client_flag": CLIENT.MULTI_RESULTS}, "FOUND_ROWS"),
    ],
)
def test_a_connection_that_was_made_otherwise_is_refused(
    engines: list[Engine], options: dict[str, Any], said: str
) -> None:
    """It would lose letters, or count changes in another way."""
    url = make_url(str(engines[0].url))

    def connect() -> Any:
        given = {"host": url.host, "port": url.port, "user": url.username, "database": url.database}
        return pymysql.connect(**{**given, **options})

    with pytest.raises(InvalidRequest, match=said):
        issue(SqlAlchemyStorage(hosts_engine(engines, creator=connect)))


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_a_hosts_engine_works_at_every_level_and_stays_as_it_is(engines: list[Engine], level: str, name: str) -> None:
    """Under both names that SQLAlchemy has for it; a session's level is the host's before and after."""
    engine = hosts_engine(engines, f"TRANSACTION ISOLATION LEVEL {level}")
    other = create_engine(engine.url.set(drivername=f"{name}+pymysql"), isolation_level=level)
    engines.append(other)
    storage = SqlAlchemyStorage(other)
    loyalty = Loyalty(storage, code_keys=KEYS)
    code = issue(storage)
    loyalty.execute(RedeemGiftCard(code=code, amount=usd("1.00"), order_id="1", idempotency_key="pay"))

    assert loyalty.ask(Audit()).is_clean
    with other.connect() as connection:
        assert level.replace(" ", "-") == connection.exec_driver_sql("SELECT @@SESSION.tx_isolation").scalar()


def test_a_table_without_transactions_is_refused(engines: list[Engine]) -> None:
    """By the first command of a host that did not ask before; the message says what to do."""
    with engines[0].begin() as connection:
        connection.exec_driver_sql("ALTER TABLE loyalty_refunded_order ENGINE = Aria")
    engine = hosts_engine(engines)
    with pytest.raises(InvalidRequest, match="ALTER TABLE loyalty_refunded_order ENGINE = InnoDB"):
        issue(SqlAlchemyStorage(engine))


def test_a_text_that_ends_in_spaces_is_another_one(engines: list[Engine]) -> None:
    """Keys are compared by their bytes: not by their letters, and not up to the spaces at their end."""
    storage = SqlAlchemyStorage(engines[0])

    codes = [issue(storage, key) for key in ("key", "Key", "key ", "kéy", "ke\u0301y")]

    assert 5 == len(set(codes))


def test_a_duplicate_that_is_not_the_one_looked_for_is_an_error(engines: list[Engine]) -> None:
    """Only a receipt's key may be there already; an id that is there already is a mistake that is told."""
    storage = SqlAlchemyStorage(engines[0])
    issue(storage)
    (receipt,) = storage.read(lambda reader: tuple(reader.receipts()))
    same_id, same_key = (attrs.evolve(receipt, idempotency_key="'PRIMARY'"), attrs.evolve(receipt, id="other"))

    assert not storage.run(lambda uow: uow.write(Changes(receipt=same_key)))
    with pytest.raises(DuplicateRecord):
        storage.run(lambda uow: uow.write(Changes(receipt=same_id)))


def test_a_deadlock_in_a_hosts_transaction_leaves_nothing_of_it(engines: list[Engine]) -> None:
    """The server rolled back all of it, so the host cannot commit what it does afterwards."""
    storage = SqlAlchemyStorage(hosts_engine(engines))
    stand = Stand(storage)
    first, second = sorted(stand.card(100).gift_card.account_id for _ in range(2))
    touched = "UPDATE loyalty_account SET held = held WHERE id = %s"
    with engines[0].begin() as connection:
        connection.exec_driver_sql("CREATE TABLE host_order (id INT PRIMARY KEY) ENGINE = InnoDB")
    with storage.engine.connect() as host, engines[0].connect() as other, ThreadPoolExecutor(1) as pool:
        host.exec_driver_sql("INSERT INTO host_order VALUES (1)")
        host.exec_driver_sql(touched, (second,))
        # Who has written more is not the victim.
        other.exec_driver_sql(f"INSERT INTO host_order VALUES {', '.join(f'({n})' for n in range(10, 200))}")
        other.exec_driver_sql(touched, (first,))
        waiting = pool.submit(other.exec_driver_sql, touched, (second,))
        time.sleep(0.2)
        with pytest.raises(ConcurrentUpdate):
            storage.joining(host).run(lambda uow: uow.lock(Wanted(account_ids=(first,))))
        waiting.result()
        with pytest.raises(PendingRollbackError):
            host.exec_driver_sql("INSERT INTO host_order VALUES (2)")
        with pytest.raises(PendingRollbackError):
            host.commit()
        host.rollback()
        other.rollback()
    with engines[0].connect() as connection:
        assert 0 == connection.exec_driver_sql("SELECT COUNT(*) FROM host_order").scalar()


def test_what_changed_after_a_host_began_to_read_is_a_lost_race(engines: list[Engine]) -> None:
    """At REPEATABLE READ a transaction that waited for a lock would go on with what was there before."""
    storage = SqlAlchemyStorage(hosts_engine(engines, isolation_level="REPEATABLE READ"))
    stand = Stand(storage)
    card = stand.card(100)
    with storage.engine.connect() as host:
        host.exec_driver_sql("SELECT COUNT(*) FROM loyalty_account")
        stand.execute(RedeemGiftCard(code=card.code, amount=money(10), order_id="1", idempotency_key="pay"))
        with pytest.raises(ConcurrentUpdate):
            storage.joining(host).run(lambda uow: uow.lock(Wanted(account_ids=(card.gift_card.account_id,))))
        host.rollback()
        found = storage.joining(host).run(lambda uow: uow.lock(Wanted(account_ids=(card.gift_card.account_id,))))
        assert 90 == found.gift_cards[0].account.posted
