"""
The storage: its own transactions with retries, or the host's connection.

Correctness comes from row locks taken in the order of ids, from conditional
updates whose row counts are checked, and from constraints; it needs no more
than READ COMMITTED. On SQLite every piece of work takes the write lock first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import tenacity
from sqlalchemy import Connection, Engine, create_engine

from loyalty.adapters.sqlalchemy.forking import leave_connections, when_forked
from loyalty.adapters.sqlalchemy.joined import JoinedStorage
from loyalty.adapters.sqlalchemy.starting import Start, explained
from loyalty.adapters.sqlalchemy.transactions import Transactions, engine_from, retries
from loyalty.errors import ConcurrentUpdate, InvalidRequest
from loyalty.ports.storage import Reader, UnitOfWork

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["SqlAlchemyStorage"]

Result = TypeVar("Result")


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
            supported, its driver is an async one, or the prefix is not a plain name.
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
        engine = url_or_engine if isinstance(url_or_engine, Engine) else engine_from(url_or_engine, create_engine)
        if engine.dialect.is_async:
            raise InvalidRequest(f"{engine.dialect.driver} is an async driver; use AsyncSqlAlchemyStorage")
        self.engine = engine
        self._transactions = Transactions(engine, prefix, schema)
        self._start = Start(engine, self._transactions.tables)
        self._retrying = tenacity.Retrying(**retries(attempts))
        self._queue()
        when_forked(self)

    def _queue(self) -> None:
        """Let threads of one process queue instead of polling SQLite's lock."""
        self._turn: AbstractContextManager[object] = threading.Lock() if self._transactions.is_sqlite else nullcontext()
        self._read_turn = self._turn if self._transactions.share_one_connection else nullcontext()

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* in a transaction of its own and commit it; again if it lost a race.

        Raises:
            loyalty.errors.ConcurrentUpdate: If all attempts lost their race.
            loyalty.errors.StorageUnavailable: If the database did not answer; nothing was changed.
            loyalty.errors.OutcomeUnknown: If the connection broke while committing.
        """
        return self._until_it_wins(lambda: self._attempt(work))

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one snapshot, without locking anything."""
        with self._read_turn:
            return self._transactions.answer(question)

    def joining(self, connection_or_session: Connection | Session) -> JoinedStorage:
        """
        Return a storage that works inside the host's transaction.

        It never commits, never rolls the host's work back and never retries:
        what it wrote becomes permanent with the host's own commit.
        """
        return JoinedStorage(connection_or_session, self._transactions.statements)

    def upgrade(self) -> None:
        """
        Bring the tables to this version; safe to repeat, in the middle of traffic and from several processes at once.

        Runs the Alembic revisions that are missing (``loyalty.adapters.sqlalchemy.migrations``).
        Nothing that was recorded is rewritten, and older versions may go on writing. Tables
        of a newer version stay as they are.

        Raises:
            loyalty.errors.StorageNotReady: If the database is too old, its engine
                commits every statement by itself, or this user may not change tables.
            loyalty.errors.ConcurrentUpdate: If traffic got in the way at every attempt.
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        with self._turn, explained():
            self._start.require_upgradable()
            self._until_it_wins(self._transactions.upgrade)

    def require_ready(self, *, writes: bool = True, durable: bool = True, newer_tables: bool = False) -> None:
        """
        Refuse a database that this version cannot work on, or that could lose money; call it when a process starts.

        Looks at the connection, the version and the settings of the database, the tables
        and the rights on them. Nothing is changed. What was found is told all at once,
        each with what to do. Commands look at nothing of this again.

        Args:
            writes:
                False for a process that only asks: then it is enough that the tables are
                there and may be read, also on a standby or a copy.
            durable:
                Whether what was committed must survive a power cut. False accepts a database
                in memory or one that does not wait for its disk, as a database of tests is,
                and logs a warning instead.
            newer_tables:
                Whether tables of a newer version are accepted, with a warning. True for a
                process of the older version that starts while the newer one is deployed.

        Raises:
            loyalty.errors.StorageUnavailable: If the database cannot be reached: a wrong host,
                port, name, user or password among others. The driver's error is its cause.
            loyalty.errors.StorageNotReady: If it is not ready, with all ``problems``.

        Guarantees:
            Whatever is found on a real database says what to do, without a password
            (``tests/storages/test_starting.py``).
        """
        with self._turn:
            self._start.require_ready(writes=writes, durable=durable, newer_tables=newer_tables)

    def missing(self) -> tuple[str, ...]:
        """
        Return the tables, and columns as ``table.column``, that :meth:`upgrade` would have to add; nothing is changed.

        Empty if the database is of this version, or of a newer one.

        Raises:
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        with self._read_turn:
            return self._transactions.missing()

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    def begin_anew(self) -> None:
        """
        Share nothing with the process that this one was forked from; called by itself in such a process.

        Guarantees:
            What both processes do from then on is done once
            (``tests/faults/test_forked_after_use.py``).
        """
        leave_connections(self.engine)
        self._queue()

    def _until_it_wins(self, attempt: Callable[[], Result]) -> Result:
        """Try once, and only if that lost its race prepare to try again."""
        try:
            return attempt()
        except ConcurrentUpdate:
            result: Result = self._retrying.copy()(attempt)
            return result

    def _attempt(self, work: Callable[[UnitOfWork], Result]) -> Result:
        with self._turn:
            return self._transactions.attempt(work)
