"""
Pieces of work, each in one transaction of its own.

Everything here is plain, blocking-style code on an Engine. The blocking
storage calls it in its caller's thread, the async storage on the engine
inside its AsyncEngine, where SQLAlchemy turns each wait for the database into
an await. Who may begin when, and who tries again, is up to the storages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import tenacity
from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from loyalty.adapters.sqlalchemy.connecting import connected
from loyalty.adapters.sqlalchemy.dialects import MARIADB, MARIADB_NAMES, POSTGRESQL, SQLITE, database_of
from loyalty.adapters.sqlalchemy.driver import Driver, ThroughSqlAlchemy, commits_by_itself
from loyalty.adapters.sqlalchemy.failures import is_outcome_unknown, translated
from loyalty.adapters.sqlalchemy.mariadb_sessions import (
    CONNECT,
    begin_change,
    begin_snapshot,
    configure,
)
from loyalty.adapters.sqlalchemy.reading import SqlReader
from loyalty.adapters.sqlalchemy.statements import Statements
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from loyalty.adapters.sqlalchemy.upgrading import alone, make_schema, what_is_missing
from loyalty.adapters.sqlalchemy.urls import TORN, is_torn
from loyalty.errors import ConcurrentUpdate, InvalidRequest, LoyaltyError, OutcomeUnknown
from loyalty.ports.storage import Reader, UnitOfWork

__all__ = ["Transactions", "engine_from", "require_transaction", "retries", "take_write_lock", "translating"]

Result = TypeVar("Result")

SUPPORTED: Final = frozenset({SQLITE, POSTGRESQL, MARIADB})
LOCK_SECONDS: Final = 30
"""How long a SQLite connection waits for another process's write lock."""
RECYCLE_SECONDS: Final = 3600
"""For how long a connection to MariaDB is used again."""

SNAPSHOT: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_PREFIX: Final = re.compile("[a-z_][a-z0-9_]{0,29}")


class Transactions:
    """
    The transactions of one storage.

    Args:
        engine:
            Where connections come from.
        prefix:
            What all table names begin with.
        schema:
            The schema of the tables, where the database has schemas.

    Raises:
        loyalty.errors.InvalidRequest: If the database is not supported, or the
            prefix is not a plain name.
    """

    def __init__(self, engine: Engine, prefix: str, schema: str | None) -> None:
        """Keep the engine; nothing is connected yet."""
        database = database_of(engine.dialect)
        if database not in SUPPORTED:
            raise InvalidRequest(f"{engine.dialect.name} is not supported; use SQLite, PostgreSQL or MariaDB")
        _require_prefix(prefix)
        self.engine = engine
        self.tables = Tables.named(prefix, schema, database=database)
        self.statements = Statements(self.tables, engine.dialect)
        self.is_sqlite = database == SQLITE
        self.share_one_connection = isinstance(engine.pool, StaticPool)
        self._readers = engine.execution_options(**SNAPSHOT) if database == POSTGRESQL else engine

    def attempt(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* once, and commit what it wrote.

        Raises:
            loyalty.errors.ConcurrentUpdate: If a race was lost; trying again helps.
            loyalty.errors.StorageUnavailable: If the database did not answer; nothing was changed.
            loyalty.errors.OutcomeUnknown: If the connection broke while committing.
        """
        with translating(), connected(self.engine) as driver:
            self._begin_change(driver)
            uow = SqlUnitOfWork(driver, self.statements)
            try:
                result = work(uow)
            except LoyaltyError:
                if not uow.has_tried_to_write:
                    _end_refused(driver, self.statements)
                raise
            if uow.has_written:
                _commit(driver, uow.idempotency_key)
            else:
                _end_unchanged(driver)
            return result

    def answer(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one snapshot, without locking anything."""
        with translating(), self._readers.connect() as connection:
            driver = ThroughSqlAlchemy(connection)
            self._begin_snapshot(driver)
            answer = question(SqlReader(driver, self.statements))
            _end_unchanged(driver)
            return answer

    def upgrade(self) -> None:
        """
        Run the revisions that are missing; safe to repeat, and to run from several processes at once.

        Raises:
            loyalty.errors.ConcurrentUpdate: If it and traffic waited for each other, and it was given up.
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        from loyalty.adapters.sqlalchemy.migrations import upgrade_tables  # noqa: PLC0415  # brings Alembic

        with translating(), self.engine.connect() as connection, alone(connection, self.tables):
            if not self.is_sqlite:
                make_schema(connection, self.tables)
            upgrade_tables(connection, self.tables)
            connection.commit()

    def missing(self) -> tuple[str, ...]:
        """
        Return what :meth:`upgrade` would have to add before this version can work.

        Raises:
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        with translating(), self.engine.connect() as connection:
            return what_is_missing(connection, self.tables)

    def _begin_change(self, driver: Driver) -> None:
        if self.statements.database == MARIADB:
            begin_change(driver, self.tables)
            return
        require_transaction(driver)
        if self.is_sqlite:
            take_write_lock(driver, self.statements)

    def _begin_snapshot(self, driver: Driver) -> None:
        if self.is_sqlite and not _in_transaction(driver):
            driver.changed("BEGIN", [()])
        elif self.statements.database == MARIADB:
            begin_snapshot(driver)


def engine_from(url: object, make: Callable[..., Engine]) -> Engine:
    """
    Return an engine of our own, made by *make*.

    On SQLite with a write-ahead log and full synchronization, so that what is
    committed survives a power cut.

    Raises:
        loyalty.errors.InvalidRequest: If the URL is not one, or its driver is not there.
    """
    if not isinstance(url, str) or "\0" in url:
        raise InvalidRequest("the database URL must be a text without NUL")
    try:
        parsed = make_url(url)
        options: dict[str, Any] = {"hide_parameters": True}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": LOCK_SECONDS}
            if parsed.database in {None, "", ":memory:"}:
                options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        elif parsed.get_backend_name() in MARIADB_NAMES:
            # A server hangs up on whoever is silent for some hours; a connection is not kept for so long.
            options |= {"connect_args": _to_mariadb(parsed), "pool_recycle": RECYCLE_SECONDS}
        engine = make(parsed, **options)
    except (ArgumentError, InvalidRequestError, NoSuchModuleError, ImportError, TypeError, ValueError) as error:
        raise InvalidRequest(f"the database URL cannot be used: {type(error).__name__}") from error
    if is_torn(engine.url):
        raise InvalidRequest(TORN)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    elif database_of(engine.dialect) == MARIADB:
        event.listen(engine, "connect", configure)
    return engine


def _to_mariadb(url: URL) -> dict[str, Any]:
    """Return how our own engines connect to MariaDB."""
    if url.get_driver_name() != "asyncmy":
        return CONNECT
    from loyalty.adapters.sqlalchemy.asyncmy_driver import connected_unless_cancelled  # noqa: PLC0415 - needs asyncmy

    return {**CONNECT, "async_creator_fn": connected_unless_cancelled}


def retries(attempts: int) -> dict[str, Any]:  # the arguments of tenacity, which have many types
    """Return how work that lost a race is tried again, after the first attempt."""
    return {
        "stop": tenacity.stop_after_attempt(max(1, attempts - 1)),
        "wait": tenacity.wait_random_exponential(multiplier=0.005, max=0.5),
        "retry": tenacity.retry_if_exception_type(ConcurrentUpdate),
        "reraise": True,
    }


def _configure_sqlite(connection: Any, _record: object) -> None:  # the driver's own connection
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _require_prefix(prefix: object) -> None:
    if not isinstance(prefix, str) or _PREFIX.fullmatch(prefix) is None:
        raise InvalidRequest("the prefix of tables must be 1 to 30 lower case letters, digits and underscores")


def require_transaction(driver: Driver) -> None:
    """
    Refuse to move money where every statement commits by itself.

    Raises:
        loyalty.errors.InvalidRequest: If the driver is in that mode.
    """
    if commits_by_itself(driver.dbapi_connection):
        raise InvalidRequest("the connection commits every statement by itself; money needs a transaction")


def take_write_lock(driver: Driver, statements: Statements) -> None:
    """
    Take SQLite's write lock before anything is read.

    A transaction that reads first and writes later fails at once when another
    one wrote between, whatever the time-out.
    """
    if _in_transaction(driver):
        driver.changed(f"UPDATE {statements.account} SET version = version WHERE 1 = 0", [()])
    else:
        driver.changed("BEGIN IMMEDIATE", [()])


def _in_transaction(driver: Driver) -> bool:
    connection = driver.dbapi_connection
    # An async driver's own connection stands behind the one that SQLAlchemy made for it.
    return bool(getattr(getattr(connection, "driver_connection", connection), "in_transaction", False))


def _end_unchanged(driver: Driver) -> None:
    """
    End a transaction in which nothing was written.

    By COMMIT, because after a ROLLBACK psycopg forgets its prepared statements.
    """
    driver.commit()


def _end_refused(driver: Driver, statements: Statements) -> None:
    """
    End a refused transaction, without waiting for the disk.

    PostgreSQL logs the lock of a row, and a COMMIT waits until its log is on the
    disk. That wait would tell a stranger that his code led to a card; there is
    nothing in such a transaction that a crash could take.
    """
    if statements.database == POSTGRESQL:
        driver.changed("SET LOCAL synchronous_commit TO OFF", [()])
    _end_unchanged(driver)


def _commit(driver: Driver, idempotency_key: str | None) -> None:
    try:
        driver.commit()
    except (DBAPIError, OSError) as error:
        if is_outcome_unknown(error):
            raise OutcomeUnknown(idempotency_key=idempotency_key) from error
        raise


@contextmanager
def translating() -> Iterator[None]:
    """Turn the errors of the database, and of the way to it, into ours; everything else passes."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise translated(error) from error
