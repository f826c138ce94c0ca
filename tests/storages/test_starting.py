"""A database that cannot be worked on is refused when a process starts, with a message that says what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from moneyed import Money
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from loyalty import Audit, CodeKeys, IssueGiftCard, Loyalty
from loyalty.adapters.sqlalchemy import (
    AsyncSqlAlchemyStorage,
    SqlAlchemyStorage,
    mariadb_sessions,
    starting_on_postgresql,
    starting_on_sqlite,
)
from loyalty.adapters.sqlalchemy.migrations import downgrade_tables
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import InvalidRequest, StorageError, StorageNotReady, StorageUnavailable
from tests.bad_input.scene import Scene
from tests.servers.postgresql import fresh_role

GUIDE: Final = Path(__file__).parents[2] / "docs" / "guides" / "starting.md"
NOBODY: Final = 65_534


@pytest.fixture(params=["sqlite_url", "postgresql_database", "mariadb_database"])
def url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def storage(url: str) -> Iterator[SqlAlchemyStorage]:
    """Give a storage on a database with tables."""
    made = SqlAlchemyStorage(url)
    made.upgrade()
    yield made
    made.dispose()


def problems(url_or_engine: str | Engine, **given: Any) -> tuple[str, ...]:
    """Return what a new process is told; durability is looked at where a test says so."""
    storage = SqlAlchemyStorage(url_or_engine, schema=given.pop("schema", None))
    try:
        storage.require_ready(**{"durable": False, **given})
    except StorageNotReady as error:
        told = error
    else:
        return ()
    finally:
        storage.dispose()
    assert all(problem in str(told) for problem in told.problems)
    assert "hunter2" not in str(told)
    return told.problems


def execute(storage: SqlAlchemyStorage, *statements: str) -> None:
    """Change the database behind the library's back."""
    with storage.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_database_with_tables_is_ready(storage: SqlAlchemyStorage, url: str) -> None:
    """Nothing is found and nothing is changed, however often it is asked."""
    assert () == problems(url) == problems(url, writes=False)
    storage.require_ready(durable=False)
    assert Loyalty(storage, code_keys=CodeKeys.generate()).ask(Audit()).is_clean


# --- the way to it ------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"host": "no-such-host.invalid"}, "check the host"),
        ({"port": 1}, "check the host, the port"),
        ({"database": "no_such_database"}, "the name of the database.*no_such_database"),
        ({"username": "guarded_nobody", "password": "hunter2"}, "the user and the password"),
    ],
)
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_wrong_url_is_told_with_what_to_check(
    postgresql_url: str, driver: str, given: dict[str, Any], told: str
) -> None:
    """By the upgrade too, and as a database that is away, which may be all that is wrong."""
    wrong = make_url(postgresql_url).set(drivername=f"postgresql+{driver}", **given)

    require_unreachable(wrong.render_as_string(hide_password=False), told)


def require_unreachable(url: str, told: str) -> None:
    """Check that a blocking or async storage says so at every start."""
    if "asyncpg" not in url:
        storage = SqlAlchemyStorage(url)
        for start in (storage.require_ready, storage.upgrade):
            with pytest.raises(StorageUnavailable, match=told) as caught:
                start()
            assert "hunter2" not in str(caught.value)
        return

    async def main() -> None:
        storage = AsyncSqlAlchemyStorage(url)
        for start in (storage.require_ready, storage.upgrade):
            with pytest.raises(StorageUnavailable, match=told) as caught:
                await start()
            assert "hunter2" not in str(caught.value)
        await storage.dispose()

    asyncio.run(main())


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_wrong_password_is_told_and_not_shown(postgresql_database: str, driver: str) -> None:
    """Neither the wrong one nor the right one."""
    with fresh_role(postgresql_database) as right:
        wrong = make_url(right).set(drivername=f"postgresql+{driver}", password="not hunter2")
        require_unreachable(wrong.render_as_string(hide_password=False), "the password")


@pytest.mark.parametrize("url", ["sqlite:////no/such/directory/shop.db", f"sqlite:///{__file__}"])
def test_a_wrong_file_is_told_with_what_to_check(url: str) -> None:
    """One in no directory, and one that is no database."""
    require_unreachable(url, "check that it is a SQLite file, and that this process may write it and the directory")


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://ada:hun@ter2@db/shop", "postgresql+psycopg://ada:hunter2@db/a@b"]
)
def test_a_password_that_cuts_the_url_in_two_is_refused(url: str) -> None:
    """Its end would be taken for the host, and be in every message."""
    with pytest.raises(InvalidRequest, match="write @, : and / in a password as %40") as caught:
        SqlAlchemyStorage(url)
    assert "ter2" not in str(caught.value)


# --- the tables ---------------------------------------------------------------


def test_a_database_without_the_tables_is_refused(url: str) -> None:
    """And says how to make them."""
    (told,) = problems(url)
    assert told.startswith("tables or columns are missing (loyalty_")
    assert "run 'loyalty upgrade' first, or storage.upgrade()" in told


def test_a_table_or_a_column_that_is_missing_is_named(storage: SqlAlchemyStorage, url: str) -> None:
    """Also to a process that only asks."""
    execute(storage, "DROP TABLE loyalty_imported_card", "ALTER TABLE loyalty_gift_card DROP COLUMN time_zone")
    for writes in (True, False):
        (told,) = problems(url, writes=writes)
        assert "missing (loyalty_imported_card, loyalty_gift_card.time_zone)" in told


def test_older_tables_are_refused(storage: SqlAlchemyStorage, url: str) -> None:
    """Those that lack columns, and those that lack only what an index or a trigger does."""
    execute(storage, "UPDATE loyalty_version SET version_num = 'loyalty_0002'")
    (told,) = problems(url)
    assert told.startswith("the tables are of an older version (loyalty_0002); run 'loyalty upgrade'")
    storage.upgrade()
    assert () == problems(url)
    with storage.engine.begin() as connection:
        downgrade_tables(connection, Tables.named(), "loyalty_0001")
    (told,) = problems(url)
    assert told.startswith("tables or columns are missing")


@pytest.mark.parametrize("is_hosts", [False, True])
def test_newer_tables_are_refused_unless_a_deployment_says_so(
    storage: SqlAlchemyStorage, url: str, caplog: pytest.LogCaptureFixture, *, is_hosts: bool
) -> None:
    """Wherever their revision is written down; then it is logged."""
    execute(storage, "UPDATE loyalty_version SET version_num = 'loyalty_9999'")
    if is_hosts:
        execute(
            storage,
            "ALTER TABLE loyalty_version RENAME TO alembic_version",
            "INSERT INTO alembic_version VALUES ('zzz_of_the_host')",
        )
    for writes in (True, False):
        (told,) = problems(url, writes=writes)
        assert "the tables are of a newer version of this library (loyalty_9999, and this one knows loyalty_" in told
        assert "install that version here" in told
    with caplog.at_level(logging.WARNING):
        assert () == problems(url, newer_tables=True)
    assert "accepted at start: the tables are of a newer version" in caplog.text


# --- rights -------------------------------------------------------------------


def test_a_role_that_may_only_read_is_refused(postgresql_database: str) -> None:
    """Unless the process only asks; and one that may not even read is refused then, too."""
    storage = SqlAlchemyStorage(postgresql_database, schema="shop")
    storage.upgrade()
    with fresh_role(postgresql_database) as url:
        role = make_url(url).username
        assert ("this role may not look into the schema shop; GRANT USAGE ON SCHEMA to it",) == problems(
            url, schema="shop"
        )
        execute(storage, f"GRANT USAGE ON SCHEMA shop TO {role}")
        (told,) = problems(url, schema="shop", writes=False)
        assert "may not do all it must (shop.loyalty_account: SELECT, shop.loyalty_batch: SELECT" in told
        execute(storage, f"GRANT SELECT ON ALL TABLES IN SCHEMA shop TO {role}")
        assert () == problems(url, schema="shop", writes=False)
        (told,) = problems(url, schema="shop")
        assert "(shop.loyalty_account: INSERT, shop.loyalty_account: UPDATE, " in told
        execute(storage, f"GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA shop TO {role}")
        (told,) = problems(url, schema="shop")
        assert "(shop.loyalty_receipt_position: USAGE); GRANT that to it" in told
        execute(storage, f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA shop TO {role}")
        assert () == problems(url, schema="shop")
    storage.dispose()


def test_the_rights_that_the_guide_grants_are_enough(postgresql_database: str) -> None:
    """And the look finds them enough."""
    storage = SqlAlchemyStorage(postgresql_database, schema="loyalty")
    storage.upgrade()
    (grants,) = re.findall(r"^```sql\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    with fresh_role(postgresql_database) as url:
        execute(storage, *grants.replace("TO shop;", f"TO {make_url(url).username};").splitlines())
        assert () == problems(url, schema="loyalty")
        restricted = SqlAlchemyStorage(url, schema="loyalty")
        Scene(restricted).send("EraseCustomer")
        restricted.dispose()
    storage.dispose()


@pytest.mark.parametrize("schema", [None, "shop"])
def test_a_role_that_may_not_make_tables_cannot_upgrade(postgresql_database: str, schema: str | None) -> None:
    """And is told who can. Where there is nothing to do it needs no such right."""
    owner = SqlAlchemyStorage(postgresql_database, schema=schema)
    place = schema or "public"
    execute(owner, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with fresh_role(postgresql_database) as url:
        storage = SqlAlchemyStorage(url, schema=schema)
        with pytest.raises(StorageNotReady, match="upgrade as the role that owns the tables"):
            storage.upgrade()
        owner.upgrade()
        role = make_url(url).username
        execute(owner, f"GRANT USAGE ON SCHEMA {place} TO {role}")
        execute(owner, f"GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {role}")
        storage.upgrade()
        storage.dispose()
    owner.dispose()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody for whom permissions of files count."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize("what", ["file", "directory"])
def test_a_sqlite_file_that_cannot_be_written_is_refused(what: str) -> None:
    """Because of itself, or of its directory, in which the log of changes has to be."""
    directory = Path(tempfile.mkdtemp())
    path = directory / "shop.db"
    storage = SqlAlchemyStorage(f"sqlite:///{path}")
    storage.upgrade()
    storage.require_ready()
    storage.dispose()
    directory.chmod(0o777 if what == "file" else 0o555)
    path.chmod(0o666 if what == "directory" else 0o444)
    try:
        with unprivileged(), pytest.raises(StorageError, match="may write it and the directory"):
            storage.require_ready()
        storage.dispose()
    finally:
        directory.chmod(0o777)
        shutil.rmtree(directory)


def test_a_sqlite_database_that_is_opened_to_read_is_refused(sqlite_url: str) -> None:
    """Unless the process only asks."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    storage.dispose()
    read_only = f"sqlite:///file:{make_url(sqlite_url).database}?mode=ro&uri=true"

    (told,) = problems(read_only)
    assert told.startswith("nothing can be written (attempt to write a readonly database)")
    assert () == problems(read_only, writes=False)


# --- versions -----------------------------------------------------------------


@pytest.mark.parametrize("writes", [True, False])
def test_a_database_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch, *, writes: bool) -> None:
    """Before anything else is asked that it might not understand; the upgrade refuses it, too."""
    monkeypatch.setattr(starting_on_sqlite, "OLDEST", (999, 9, 9))
    monkeypatch.setattr(starting_on_postgresql, "OLDEST", 999)
    monkeypatch.setattr(mariadb_sessions, "OLDEST", (999, 9))
    (told,) = problems(url, writes=writes)
    assert "is too old; " in told
    assert "999" in told
    storage = SqlAlchemyStorage(url)
    with pytest.raises(StorageNotReady, match="is too old"):
        storage.upgrade()
    storage.dispose()
    monkeypatch.undo()
    assert "is too old" not in problems(url)[0]


def test_a_server_of_another_kind_is_refused(postgresql_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that speaks the same language, and says by its version that it is something else."""
    storage = SqlAlchemyStorage(postgresql_database)

    def another_kind(_: object) -> None:
        raise AssertionError("Could not determine version from string 'CockroachDB CCL v26.1.0'")

    monkeypatch.setattr(storage.engine.dialect, "_get_server_version_info", another_kind)
    for start in (storage.upgrade, storage.require_ready):
        with pytest.raises(StorageNotReady, match="CockroachDB CCL"):
            start()
    storage.dispose()


# --- unsafe settings ----------------------------------------------------------


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
@pytest.mark.parametrize("where", ["engine", "options"])
def test_an_engine_that_commits_every_statement_is_refused(postgresql_database: str, driver: str, where: str) -> None:
    """At the upgrade as at the start."""
    url = make_url(postgresql_database).set(drivername=f"postgresql+{driver}")
    given = {"isolation_level": "AUTOCOMMIT"}
    if driver == "psycopg":
        engine = create_engine(url, **given) if where == "engine" else create_engine(url).execution_options(**given)
        storage = SqlAlchemyStorage(engine)
        for start in (storage.upgrade, storage.require_ready):
            with pytest.raises(StorageNotReady, match="make the engine without AUTOCOMMIT"):
                start()
        storage.dispose()
        return

    async def main() -> None:
        made = create_async_engine(url, **(given if where == "engine" else {}))
        storage = AsyncSqlAlchemyStorage(made if where == "engine" else made.execution_options(**given))
        for start in (storage.upgrade, storage.require_ready):
            with pytest.raises(StorageNotReady, match="make the engine without AUTOCOMMIT"):
                await start()
        await storage.dispose()

    asyncio.run(main())


def with_pragmas(url: str, *pragmas: str, **given: Any) -> Engine:
    """Return an engine of a host that sets these."""
    engine = create_engine(url, **given)

    @event.listens_for(engine, "connect")
    def tell(connection: Any, _: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    return engine


SAFE: Final = ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL")


@pytest.mark.parametrize(
    ("pragma", "told"),
    [
        ("foreign_keys = OFF", "foreign keys are not checked; set PRAGMA foreign_keys = ON"),
        ("ignore_check_constraints = ON", "CHECK constraints are not checked"),
        ("busy_timeout = 0", "a lock is not waited for; connect with a timeout"),
        ("journal_mode = OFF", "set PRAGMA journal_mode = WAL, and not OFF"),
        ("journal_mode = MEMORY", "set PRAGMA journal_mode = WAL, and not MEMORY"),
        ("query_only = ON", "nothing can be written"),
    ],
)
def test_unsafe_pragmas_are_refused(sqlite_url: str, pragma: str, told: str) -> None:
    """Each of them, whatever is accepted; a process that only asks is let be."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    storage.dispose()
    assert () == problems(with_pragmas(sqlite_url, *SAFE))
    (found,) = problems(with_pragmas(sqlite_url, *SAFE, pragma), newer_tables=True)
    assert told in found
    assert () == problems(with_pragmas(sqlite_url, *SAFE, pragma), writes=False)


def test_a_file_of_another_encoding_is_refused(sqlite_url: str) -> None:
    """Its texts sort otherwise."""
    engine = with_pragmas(sqlite_url, "encoding = 'UTF-16'", *SAFE)
    SqlAlchemyStorage(engine).upgrade()
    engine.dispose()
    (told,) = problems(sqlite_url)
    assert told.startswith("texts are not kept as UTF-8")


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_a_sqlite_file_that_forgets_is_refused_unless_that_is_accepted(
    sqlite_url: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In that case with a warning."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    storage.dispose()
    assert () == problems(sqlite_url, durable=True)
    forgetful = with_pragmas(sqlite_url, *SAFE, f"synchronous = {level}")
    with caplog.at_level(logging.WARNING):
        (told,) = problems(forgetful, durable=True)
    assert "a power cut takes commits back; set PRAGMA synchronous = FULL" in told
    assert "" == caplog.text
    with caplog.at_level(logging.WARNING):
        assert () == problems(forgetful)
    assert "accepted at start: a power cut takes commits back" in caplog.text


def test_a_database_in_memory_is_refused_unless_that_is_accepted() -> None:
    """It ends with the process."""
    storage = SqlAlchemyStorage("sqlite://")
    storage.upgrade()
    storage.require_ready(durable=False)
    with pytest.raises(StorageNotReady, match="the database is in memory and ends with this process; name a file"):
        storage.require_ready()
    storage.dispose()


def session(url: str, **settings: str) -> str:
    """Return a URL whose sessions have other settings."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("default_transaction_read_only", "on", "set default_transaction_read_only = off"),
        ("session_replication_role", "replica", "set session_replication_role = origin"),
    ],
)
def test_unsafe_settings_of_a_session_are_refused(
    postgresql_database: str, setting: str, value: str, told: str
) -> None:
    """Whatever is accepted."""
    storage = SqlAlchemyStorage(postgresql_database)
    storage.upgrade()
    storage.dispose()
    (found,) = problems(session(postgresql_database, **{setting: value}), newer_tables=True)
    assert told in found


def test_a_server_that_forgets_is_refused_unless_that_is_accepted(
    postgresql_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Commits that do not wait, and a server that does not: each by its name."""
    storage = SqlAlchemyStorage(postgresql_database)
    storage.upgrade()
    with storage.engine.connect() as connection:
        off = {name for name in ("fsync", "full_page_writes") if connection.scalar(text(f"SHOW {name}")) == "off"}
    storage.dispose()
    told = problems(session(postgresql_database, synchronous_commit="off"), durable=True)
    assert "commits are acknowledged too early; set synchronous_commit = on (it is off)" in told
    assert off == {name for name in ("fsync", "full_page_writes") if any(f"set {name} = on" in one for one in told)}
    told = problems(session(postgresql_database, synchronous_commit="on"), durable=True)
    assert len(off) == len(told)
    with caplog.at_level(logging.WARNING):
        assert () == problems(session(postgresql_database, synchronous_commit="off"))
    assert "accepted at start: commits are acknowledged too early" in caplog.text


def test_a_database_that_cannot_keep_every_text_is_refused(postgresql_database: str) -> None:
    """Such as one of LATIN1."""
    name = f"{make_url(postgresql_database).database}_latin"
    plain = make_url(postgresql_database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
        url = make_url(postgresql_database).set(database=name).render_as_string(hide_password=False)
        told = problems(url)
        server.execute(f"DROP DATABASE {name}".encode())
    assert "LATIN1 cannot keep every text; create the database with ENCODING 'UTF8'" in told[0]


def test_everything_that_is_wrong_is_told_at_once(sqlite_url: str) -> None:
    """So that nobody comes to know it one start after the other."""
    engine = with_pragmas(sqlite_url, "synchronous = OFF", connect_args={"timeout": 0})
    told = problems(engine, durable=True)
    assert ["foreign keys", "a lock is no", "a power cut", "tables or co"] == [one[:12].strip() for one in told]


# --- for tasks ----------------------------------------------------------------


def test_an_async_storage_finds_the_same(url: str) -> None:
    """On its own drivers."""
    drivers = {"sqlite": "aiosqlite", "postgresql": "asyncpg", "mariadb": "asyncmy"}
    name = make_url(url).get_backend_name()
    driver = f"{name}+{drivers[name]}"

    async def main() -> None:
        storage = AsyncSqlAlchemyStorage(make_url(url).set(drivername=driver).render_as_string(hide_password=False))
        with pytest.raises(StorageNotReady) as caught:
            await storage.require_ready(durable=False)
        assert problems(url) == caught.value.problems
        await storage.upgrade()
        await storage.require_ready(durable=False)
        async with storage.engine.begin() as connection:
            await connection.execute(text("UPDATE loyalty_version SET version_num = 'loyalty_9999'"))
        with pytest.raises(StorageNotReady, match="newer version"):
            await storage.require_ready(writes=False)
        await storage.require_ready(writes=False, newer_tables=True)
        await storage.dispose()

    asyncio.run(main())


def test_a_transaction_on_sqlite_is_whole_whatever_the_engine_was_told(sqlite_url: str) -> None:
    """There every transaction of ours is begun by a statement, so an engine of AUTOCOMMIT is no danger."""
    engine = with_pragmas(sqlite_url, *SAFE, isolation_level="AUTOCOMMIT")
    storage = SqlAlchemyStorage(engine)
    storage.upgrade()
    storage.require_ready()

    def cut_off(uow: Any) -> None:
        uow._driver.changed("UPDATE loyalty_account SET version = version + 1", [()])
        raise KeyboardInterrupt

    door = Loyalty(storage, code_keys=CodeKeys.generate())
    door.execute(IssueGiftCard(value=Money("5.00", "USD"), idempotency_key="1"))
    with pytest.raises(KeyboardInterrupt):
        storage.run(cut_off)
    with engine.connect() as connection:
        assert 1 == connection.scalar(text("SELECT version FROM loyalty_account"))
    storage.dispose()
