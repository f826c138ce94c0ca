"""
The storage: its own transactions with retries, or the host's connection.

Correctness comes from row locks taken in the order of ids, from conditional
updates whose row counts are checked, and from constraints; it needs no more
than READ COMMITTED. On SQLite every piece of work takes the write lock first.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import tenacity
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateSchema

from loyalty.adapters.sqlalchemy.driver import Driver, ThroughSqlAlchemy, connected
from loyalty.adapters.sqlalchemy.failures import is_outcome_unknown, translated
from loyalty.adapters.sqlalchemy.reading import SqlReader
from loyalty.adapters.sqlalchemy.statements import Statements
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from loyalty.errors import ConcurrentUpdate, InvalidRequest, LoyaltyError, OutcomeUnknown
from loyalty.ports.storage import Reader, UnitOfWork

__all__ = ["JoinedStorage", "SqlAlchemyStorage"]

Result = TypeVar("Result")

SUPPORTED = frozenset({"sqlite", "postgresql"})
_PREFIX = re.compile("[a-z_][a-z0-9_]{0,29}")
LOCK_SECONDS = 30
"""How long a SQLite connection waits for another process's write lock."""


class SqlAlchemyStorage:
    """
    The books in a database that SQLAlchemy reaches.

    Args:
        url_or_engine:
            A database URL, or an Engine of the host. From a URL the storage makes
            its own engine; on SQLite with a write-ahead log and full
            synchronization, so that what is committed survives a power cut.
        prefix:
            What all table names begin with.
        schema:
            The schema of the tables, where the database has schemas.
        attempts:
            How often a piece of work is tried when others win the race.

    Raises:
        loyalty.errors.InvalidRequest: If the URL is not one, the database is not
            supported, or the prefix is not a plain name.
    """

    def __init__(
        self,
        url_or_engine: str | Engine,
        *,
        prefix: str = "loyalty_",
        schema: str | None = None,
        attempts: int = 10,
    ) -> None:
        """Keep the engine; nothing is connected yet."""
        self.engine = url_or_engine if isinstance(url_or_engine, Engine) else _engine(url_or_engine)
        if self.engine.dialect.name not in SUPPORTED:
            raise InvalidRequest(f"{self.engine.dialect.name} is not supported; use SQLite or PostgreSQL")
        _require_prefix(prefix)
        self._tables = Tables.named(prefix, schema)
        self._statements = Statements(self._tables, self.engine.dialect)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        # Threads of one process queue here instead of polling SQLite's lock.
        self._turn: AbstractContextManager[object] = threading.Lock() if self._is_sqlite else nullcontext()
        one_connection = isinstance(self.engine.pool, StaticPool)
        self._read_turn: AbstractContextManager[object] = self._turn if one_connection else nullcontext()
        self._readers = self.engine if self._is_sqlite else self.engine.execution_options(**SNAPSHOT)
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(max(1, attempts - 1)),
            wait=tenacity.wait_random_exponential(multiplier=0.005, max=0.5),
            retry=tenacity.retry_if_exception_type(ConcurrentUpdate),
            reraise=True,
        )

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* in a transaction of its own and commit it; again if it lost a race.

        Raises:
            loyalty.errors.ConcurrentUpdate: If all attempts lost their race.
            loyalty.errors.StorageUnavailable: If the database did not answer; nothing was changed.
            loyalty.errors.OutcomeUnknown: If the connection broke while committing.
        """
        try:
            return self._attempt(work)
        except ConcurrentUpdate:
            result: Result = self._retrying.copy()(self._attempt, work)
            return result

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one snapshot, without locking anything."""
        with self._read_turn, _translating(), self._readers.connect() as connection:
            driver = ThroughSqlAlchemy(connection)
            if self._is_sqlite and not _in_transaction(driver):
                driver.changed("BEGIN", [()])
            answer = question(SqlReader(driver, self._statements))
            _end_unchanged(driver)
            return answer

    def joining(self, connection_or_session: Connection | Session) -> JoinedStorage:
        """
        Return a storage that works inside the host's transaction.

        It never commits, never rolls the host's work back and never retries:
        what it wrote becomes permanent with the host's own commit.
        """
        return JoinedStorage(connection_or_session, self._statements)

    def upgrade(self) -> None:
        """
        Create what tables are missing; safe to repeat, and to run from several processes at once.

        Raises:
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        with self._turn, _translating(), self.engine.connect() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": self._tables.prefix})
                if self._tables.metadata.schema is not None:
                    connection.execute(CreateSchema(self._tables.metadata.schema, if_not_exists=True))
            self._tables.metadata.create_all(connection)
            connection.commit()

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    def _attempt(self, work: Callable[[UnitOfWork], Result]) -> Result:
        with self._turn, _translating(), connected(self.engine) as driver:
            _require_transaction(driver)
            if self._is_sqlite:
                _take_write_lock(driver, self._statements)
            uow = SqlUnitOfWork(driver, self._statements)
            try:
                result = work(uow)
            except LoyaltyError:
                if not uow.has_tried_to_write:
                    _end_refused(driver, self._statements)
                raise
            if uow.has_written:
                _commit(driver, uow.idempotency_key)
            else:
                _end_unchanged(driver)
            return result


class JoinedStorage:
    """The books inside the host's transaction. Made by :meth:`SqlAlchemyStorage.joining`."""

    def __init__(self, connection_or_session: Connection | Session, statements: Statements) -> None:
        """Keep the host's connection."""
        self._host = connection_or_session
        self._statements = statements

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* inside the host's transaction, behind a savepoint.

        Raises:
            loyalty.errors.ConcurrentUpdate: If a race was lost; the host's
                transaction must be rolled back and tried again.
            loyalty.errors.InvalidRequest: If the connection commits every
                statement by itself, so that there is no transaction to join.
        """
        connection = self._connection()
        driver = ThroughSqlAlchemy(connection)
        with _translating():
            _require_transaction(driver)
            if connection.dialect.name == "sqlite":
                _take_write_lock(driver, self._statements)
            with connection.begin_nested():
                return work(SqlUnitOfWork(driver, self._statements))

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from what the host's transaction sees."""
        with _translating():
            return question(SqlReader(ThroughSqlAlchemy(self._connection()), self._statements))

    def _connection(self) -> Connection:
        connection = self._host.connection() if isinstance(self._host, Session) else self._host
        if not isinstance(connection, Connection):
            raise InvalidRequest("join a SQLAlchemy Connection or Session")
        if connection.closed:
            raise InvalidRequest("the connection to join is closed")
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise InvalidRequest("the connection commits every statement by itself; there is no transaction to join")
        return connection


SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _require_prefix(prefix: object) -> None:
    if not isinstance(prefix, str) or _PREFIX.fullmatch(prefix) is None:
        raise InvalidRequest("the prefix of tables must be 1 to 30 lower case letters, digits and underscores")


def _engine(url: object) -> Engine:
    if not isinstance(url, str) or "\0" in url:
        raise InvalidRequest("the database URL must be a text without NUL")
    try:
        parsed = make_url(url)
        options: dict[str, Any] = {"hide_parameters": True}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": LOCK_SECONDS}
            if parsed.database in {None, "", ":memory:"}:
                options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        engine = create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ImportError, TypeError, ValueError) as error:
        raise InvalidRequest(f"the database URL cannot be used: {type(error).__name__}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:  # the driver's own connection
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _require_transaction(driver: Driver) -> None:
    """
    Refuse to move money where every statement commits by itself.

    Raises:
        loyalty.errors.InvalidRequest: If the driver is in that mode.
    """
    if getattr(driver.dbapi_connection, "autocommit", False) is True:
        raise InvalidRequest("the connection commits every statement by itself; money needs a transaction")


def _in_transaction(driver: Driver) -> bool:
    return bool(getattr(driver.dbapi_connection, "in_transaction", False))


def _take_write_lock(driver: Driver, statements: Statements) -> None:
    """
    Take SQLite's write lock before anything is read.

    A transaction that reads first and writes later fails at once when another
    one wrote between, whatever the time-out.
    """
    if _in_transaction(driver):
        driver.changed(f"UPDATE {statements.account} SET version = version WHERE 1 = 0", [()])
    else:
        driver.changed("BEGIN IMMEDIATE", [()])


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
    if statements.locks_rows:
        driver.changed("SET LOCAL synchronous_commit TO OFF", [()])
    _end_unchanged(driver)


def _commit(driver: Driver, idempotency_key: str | None) -> None:
    try:
        driver.commit()
    except DBAPIError as error:
        if is_outcome_unknown(error):
            raise OutcomeUnknown(idempotency_key=idempotency_key) from error
        raise


@contextmanager
def _translating() -> Iterator[None]:
    """Turn the database's errors into ours; everything else passes."""
    try:
        yield
    except SQLAlchemyError as error:
        raise translated(error) from error
