"""Alembic revisions: from nothing or from any older tables to the very tables of this version, and back."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from loyalty import Audit, CodeKeys, GetBalance, IssueGiftCard, Loyalty, PlaceHold, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.adapters.sqlalchemy.dialects import database_of
from loyalty.adapters.sqlalchemy.migrations import downgrade_tables, revision_of, upgrade_tables
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.adapters.sqlalchemy.upgrading import NEWEST
from loyalty.errors import InvalidRequest
from tests.migrations.older_books import usd

DATA: Final = Path(__file__).parents[1] / "data"
EXAMPLE: Final = Path(__file__).parents[2] / "docs" / "examples" / "alembic"
REVISIONS: Final = ["loyalty_0001", "loyalty_0002", "loyalty_0003"]
HEAD: Final = REVISIONS[-1]
KEYS: Final = CodeKeys.from_secret("a secret that is long enough")


@pytest.fixture(params=["sqlite_url", "postgresql_database", "mariadb_database"])
def url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def storage(url: str) -> Iterator[SqlAlchemyStorage]:
    """Give a storage on an empty database."""
    made = SqlAlchemyStorage(url)
    yield made
    made.dispose()


def load_older(url: str) -> None:
    """
    Leave in the database what the first version left.

    That one did not know MariaDB; there the same rows come into the tables as they were then.
    """
    name = make_url(url).get_backend_name()
    if name == "mariadb":
        _copy_older(url)
        return
    script = (DATA / f"older_{name}.sql").read_text()
    if name == "sqlite":
        connection = sqlite3.connect(str(make_url(url).database))
        connection.executescript(script)
        connection.close()
        return
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as server:
        server.execute(script.encode())


def _copy_older(url: str) -> None:
    storage, source = SqlAlchemyStorage(url), sqlite3.connect(":memory:")
    source.executescript((DATA / "older_sqlite.sql").read_text())
    with writing(storage) as connection:
        upgrade_tables(connection, Tables.named(), "loyalty_0001")
        connection.exec_driver_sql("DROP TABLE loyalty_version")
        for table in ("receipt", "account", "gift_card", "store_credit", "lot", "transfer"):
            rows = source.execute(f"SELECT * FROM loyalty_{table}").fetchall()
            assert rows, f"nothing in {table}"
            connection.exec_driver_sql(f"INSERT INTO loyalty_{table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)
    source.close()
    storage.dispose()


@contextmanager
def writing(storage: SqlAlchemyStorage) -> Iterator[Connection]:
    """Give a connection in a transaction that is committed."""
    with storage.engine.connect() as connection:
        if storage.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()


def differences(storage: SqlAlchemyStorage, tables: Tables) -> list[Any]:
    """Return in what the database differs from the tables of this version: tables, columns, types, indexes, keys."""

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or (str(name).startswith(tables.prefix) and str(name) != f"{tables.prefix}version")

    tables = Tables.named(tables.prefix, tables.metadata.schema, database=database_of(storage.engine.dialect))
    with storage.engine.connect() as connection:
        options = {"include_name": is_ours, "include_schemas": tables.metadata.schema is not None}
        if tables.metadata.schema is not None:
            options["include_name"] = lambda name, kind, parents: (
                name == tables.metadata.schema if kind == "schema" else is_ours(name, kind, parents)
            )
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, tables.metadata))


def revision(storage: SqlAlchemyStorage, tables: Tables | None = None) -> str | None:
    """Return at which revision the database is."""
    with storage.engine.connect() as connection:
        return revision_of(connection, tables or Tables.named())


def columns_of(storage: SqlAlchemyStorage) -> dict[str, set[str]]:
    """Return the tables there are, with their columns."""
    present = inspect(storage.engine)
    return {table: {column["name"] for column in present.get_columns(table)} for table in present.get_table_names()}


def test_from_nothing_to_the_tables_of_this_version(storage: SqlAlchemyStorage) -> None:
    """With no difference; again changes nothing."""
    storage.upgrade()
    assert [] == differences(storage, Tables.named())
    assert HEAD == revision(storage)
    before = columns_of(storage)
    storage.upgrade()
    assert before == columns_of(storage)


def test_the_newest_revision_is_known_without_alembic() -> None:
    """The look at a database when a process starts compares with it, as names that grow."""
    assert HEAD == NEWEST
    assert sorted(REVISIONS) == REVISIONS


def test_from_the_first_version_to_the_tables_of_this_one(storage: SqlAlchemyStorage, url: str) -> None:
    """With no difference, an index that is no longer wanted included."""
    load_older(url)
    storage.upgrade()
    assert [] == differences(storage, Tables.named())
    assert HEAD == revision(storage)


@pytest.mark.parametrize("database", ["sqlite_url", "postgresql_database"])
def test_from_tables_that_were_made_before_there_were_revisions(request: pytest.FixtureRequest, database: str) -> None:
    """They are found as they are, and from then on it is known where they are. MariaDB came after them."""
    storage = SqlAlchemyStorage(request.getfixturevalue(database))
    with writing(storage) as connection:
        Tables.named().metadata.create_all(connection)
    assert revision(storage) is None
    storage.upgrade()
    assert [] == differences(storage, Tables.named())
    assert HEAD == revision(storage)
    storage.dispose()


def test_tables_of_this_version_that_do_not_say_so(storage: SqlAlchemyStorage, url: str) -> None:
    """All revisions are run and find their work done; the guard of this version is not put back to an older one."""
    load_older(url)
    storage.upgrade()
    with writing(storage) as connection:
        connection.exec_driver_sql("DROP TABLE loyalty_version")
    before = guards_of(storage)
    storage.upgrade()
    assert [] == differences(storage, Tables.named())
    assert HEAD == revision(storage)
    assert before == guards_of(storage)
    _require_guard(storage)


def guards_of(storage: SqlAlchemyStorage) -> list[str]:
    """Return how the triggers on transfers are made."""
    made = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1",
        "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        "mariadb": "SELECT action_statement FROM information_schema.triggers"
        " WHERE event_object_schema = DATABASE() ORDER BY 1",
    }
    with storage.engine.connect() as connection:
        found = [row[0] for row in connection.execute(text(made[storage.engine.dialect.name]))]
    assert found, "nothing guards them"
    return found


def test_the_difference_is_seen(storage: SqlAlchemyStorage) -> None:
    """A column or an index that is missing, or too much, is told."""
    storage.upgrade()
    with writing(storage) as connection:
        where = " ON loyalty_lot" if storage.engine.dialect.name == "mariadb" else ""
        connection.exec_driver_sql(f"DROP INDEX loyalty_lot_end{where}")
        connection.exec_driver_sql("ALTER TABLE loyalty_receipt ADD COLUMN more INTEGER")
        connection.exec_driver_sql("ALTER TABLE loyalty_gift_card DROP COLUMN time_zone")
    assert {"add_index", "remove_column", "add_column"} == {
        change[0] for change in differences(storage, Tables.named())
    }


def test_prefix_and_schema(postgresql_database: str) -> None:
    """Each shop's tables have their own revision, wherever they stand; taking one back leaves the other."""
    first = SqlAlchemyStorage(postgresql_database, prefix="first_")
    second = SqlAlchemyStorage(postgresql_database, prefix="second_", schema="shops")
    tables = Tables.named("second_", "shops")
    first.upgrade()
    second.upgrade()
    assert ([], []) == (differences(first, Tables.named("first_")), differences(second, tables))
    with writing(second) as connection:
        downgrade_tables(connection, tables)
    assert revision(second, tables) is None
    assert HEAD == revision(first, Tables.named("first_"))
    assert {"second_version"} == set(inspect(second.engine).get_table_names("shops"))
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("goal", ["base", *REVISIONS])
def test_back_and_forth(storage: SqlAlchemyStorage, goal: str) -> None:
    """Every revision can be taken back and run again, to the same tables."""
    storage.upgrade()
    tables = Tables.named()
    with writing(storage) as connection:
        downgrade_tables(connection, tables, goal)
    assert (None if goal == "base" else goal) == revision(storage)
    if goal == "base":
        assert {"loyalty_version"} == set(columns_of(storage))
    storage.upgrade()
    assert [] == differences(storage, tables)


def test_each_revision_is_what_that_version_had(storage: SqlAlchemyStorage, url: str) -> None:
    """The first one is the dump of the first version, table by table and column by column."""
    with writing(storage) as connection:
        upgrade_tables(connection, Tables.named(), "loyalty_0001")
    made = columns_of(storage)
    with writing(storage) as connection:
        downgrade_tables(connection, Tables.named())
        connection.exec_driver_sql("DROP TABLE loyalty_version")
    storage.dispose()
    load_older(url)
    del made["loyalty_version"]
    assert made == columns_of(storage)


@pytest.mark.parametrize("goal", REVISIONS)
def test_transfers_are_guarded_at_every_revision(storage: SqlAlchemyStorage, url: str, goal: str) -> None:
    """On the way up and on the way down: nobody changes or deletes what was recorded."""
    load_older(url)
    tables = Tables.named()
    with writing(storage) as connection:
        upgrade_tables(connection, tables, goal)
    _require_guard(storage)
    storage.upgrade()
    with writing(storage) as connection:
        downgrade_tables(connection, tables, goal)
    _require_guard(storage)


def _require_guard(storage: SqlAlchemyStorage) -> None:
    for statement in ("UPDATE loyalty_transfer SET amount = amount + 1", "DELETE FROM loyalty_transfer"):
        with storage.engine.connect() as connection, pytest.raises(DBAPIError, match="transfers are append-only"):
            connection.execute(text(statement))


def test_taking_a_revision_back_keeps_cards_and_balances(storage: SqlAlchemyStorage) -> None:
    """What it added is lost; what a card is worth is not, and the books tie when it is run again."""
    storage.upgrade()
    loyalty = Loyalty(storage, code_keys=KEYS)
    card = loyalty.execute(IssueGiftCard(value=usd(50), idempotency_key="1"))
    loyalty.execute(RedeemGiftCard(code=card.code, amount=usd(20), order_id="1", idempotency_key="2"))
    with writing(storage) as connection:
        downgrade_tables(connection, Tables.named(), "loyalty_0002")
    storage.upgrade()
    assert usd(30) == loyalty.ask(GetBalance(code=card.code)).available
    assert loyalty.ask(Audit()).is_clean
    loyalty.execute(PlaceHold(codes=(card.code,), amount_due=usd(30), order_id="2", idempotency_key="3"))


def test_tables_of_a_newer_version_stay_as_they_are(storage: SqlAlchemyStorage) -> None:
    """An older process that starts beside newer ones changes nothing, and takes nothing back."""
    storage.upgrade()
    with writing(storage) as connection:
        connection.exec_driver_sql("UPDATE loyalty_version SET version_num = 'loyalty_9999'")
    storage.upgrade()
    assert "loyalty_9999" == revision(storage)
    with writing(storage) as connection, pytest.raises(InvalidRequest, match="of a newer version"):
        downgrade_tables(connection, Tables.named())


def test_threads_upgrade_several_databases_at_once(tmp_path: Path) -> None:
    """Nothing about it is kept for the whole process."""

    def upgraded(number: int) -> list[Any]:
        """Upgrade a database of its own."""
        storage = SqlAlchemyStorage(f"sqlite:///{tmp_path}/{number}.db", prefix=f"shop{number}_")
        storage.upgrade()
        found = differences(storage, Tables.named(f"shop{number}_"))
        storage.dispose()
        return found

    with ThreadPoolExecutor(8) as pool:
        assert [[]] * 16 == list(pool.map(upgraded, range(16)))


def test_an_upgrade_in_the_middle_of_traffic(storage: SqlAlchemyStorage, url: str) -> None:
    """Processes of the older version write on, before, meanwhile and afterwards; none fails for good."""
    load_older(url)
    other, done, stop = SqlAlchemyStorage(url), [0, 0, 0], threading.Event()
    accounts = _accounts(storage)

    def write(number: int) -> None:
        """Do what the older version does to pay: lock two accounts, change them, write a receipt."""
        while not stop.is_set():
            try:
                _pay_as_before(other, accounts, f"{number}/{done[number]}")
            except DBAPIError:  # a deadlock, which the older version tries again
                continue
            done[number] += 1

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(write, number) for number in range(3)]
        try:
            _wait_for(done, [2, 2, 2])
            storage.upgrade()
            _wait_for(done, [count + 2 for count in done])
        finally:
            stop.set()
        for one in running:
            one.result()
    assert [] == differences(storage, Tables.named())
    with storage.engine.connect() as connection:
        written = connection.execute(text("SELECT count(*) FROM loyalty_receipt WHERE command = 'Older'")).scalar()
    assert sum(done) == written
    assert Loyalty(storage, code_keys=KEYS).ask(Audit()).is_clean
    other.dispose()


def test_tables_are_locked_before_anything_is_changed(postgresql_database: str) -> None:
    """On the way up and on the way down: what is waited for is waited for with empty hands."""
    load_older(postgresql_database)
    storage, seen = SqlAlchemyStorage(postgresql_database), list[str]()
    event.listen(storage.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    for work in (upgrade_tables, downgrade_tables):
        seen.clear()
        with writing(storage) as connection:
            work(connection, Tables.named())
        theirs = [text_ for text_ in seen if text_.startswith(CHANGING) and "_version" not in text_]
        assert "LOCK TABLE" == theirs[0][:10]
        assert 1 == sum(text_.startswith("LOCK TABLE") for text_ in theirs)
    storage.dispose()


CHANGING: Final = ("LOCK", "ALTER", "DROP", "CREATE", "\nALTER", "\nDROP", "\nCREATE")


def _wait_for(done: list[int], goal: list[int]) -> None:
    for _ in range(10_000):
        if all(count >= wanted for count, wanted in zip(done, goal, strict=True)):
            return
        threading.Event().wait(0.003)
    pytest.fail(f"the writers stand still: {done}")


def _accounts(storage: SqlAlchemyStorage) -> list[str]:
    with storage.engine.connect() as connection:
        return [row[0] for row in connection.execute(text("SELECT id FROM loyalty_account ORDER BY id LIMIT 2"))]


def _pay_as_before(storage: SqlAlchemyStorage, accounts: list[str], key: str) -> None:
    locking = {"sqlite": "", "postgresql": " FOR NO KEY UPDATE", "mariadb": " FOR UPDATE"}[storage.engine.dialect.name]
    with writing(storage) as connection:
        for account in accounts:
            connection.execute(text(f"SELECT version FROM loyalty_account WHERE id = :id{locking}"), {"id": account})
            connection.execute(text("UPDATE loyalty_account SET version = version + 1 WHERE id = :id"), {"id": account})
        connection.execute(
            text(
                "INSERT INTO loyalty_receipt (id, command, result, event, event_data, recorded_at)"
                " VALUES (:id, 'Older', '{}', 'Older', '{}', 1)"
            ),
            {"id": key},
        )


# --- in a host's own environment ------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, url: str) -> Config:
    """Give the configuration of a shop that has its own revisions, as in the example."""
    shutil.copytree(EXAMPLE, tmp_path / "alembic")
    config = Config(str(tmp_path / "alembic" / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def test_a_host_runs_our_revisions_beside_its_own(shop: Config, storage: SqlAlchemyStorage) -> None:
    """With one command; in its version table both stand, and each branch goes its own way."""
    command.upgrade(shop, "heads")
    assert [] == differences(storage, Tables.named())
    with storage.engine.connect() as connection:
        heads = {row[0] for row in connection.execute(text("SELECT version_num FROM alembic_version"))}
    assert {"a1", HEAD} == heads
    loyalty = Loyalty(storage, code_keys=KEYS)
    loyalty.execute(IssueGiftCard(value=usd(5), idempotency_key="1"))
    assert loyalty.ask(Audit()).is_clean

    command.downgrade(shop, "loyalty@base")
    assert {"orders", "alembic_version"} == set(columns_of(storage))
    command.upgrade(shop, "loyalty@head")
    assert [] == differences(storage, Tables.named())


def test_a_host_takes_over_tables_that_we_made(shop: Config, storage: SqlAlchemyStorage) -> None:
    """Its environment finds them as they are; so does our own upgrade afterwards."""
    storage.upgrade()
    command.upgrade(shop, "heads")
    storage.upgrade()
    assert [] == differences(storage, Tables.named())


def test_a_host_says_where_our_tables_are(shop: Config, postgresql_database: str) -> None:
    """By a prefix and a schema of its choice."""
    storage = SqlAlchemyStorage(postgresql_database, prefix="value_", schema="money")
    with storage.engine.begin() as connection:
        connection.execute(CreateSchema("money"))
    for name, value in (
        ("loyalty_prefix", "value_"),
        ("loyalty_schema", "money"),
        ("sqlalchemy.url", postgresql_database),
    ):
        shop.set_main_option(name, value.replace("%", "%%"))
    command.upgrade(shop, "heads")
    assert [] == differences(storage, Tables.named("value_", "money"))
    storage.dispose()
