"""
The storage for tasks of an event loop, on an async driver.

The same transactions, statements and unit of work as the blocking storage:
SQLAlchemy runs them in a greenlet, in which every wait for the database is an
await of the task. Nothing about money is said here; only who waits, and how.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import tenacity
from sqlalchemy import URL, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import greenlet_spawn

from loyalty.adapters.sqlalchemy.dialects import SQLITE
from loyalty.adapters.sqlalchemy.forking import leave_connections, when_forked
from loyalty.adapters.sqlalchemy.joined import JoinedStorage
from loyalty.adapters.sqlalchemy.starting import Start, explained
from loyalty.adapters.sqlalchemy.statements import Statements
from loyalty.adapters.sqlalchemy.transactions import Transactions, engine_from, retries
from loyalty.cancellation import finished
from loyalty.errors import ConcurrentUpdate, InvalidRequest
from loyalty.ports.storage import Reader, UnitOfWork

__all__ = ["AsyncJoinedStorage", "AsyncSqlAlchemyStorage"]

Result = TypeVar("Result")

CONNECTIONS: Final = 15
"""How many connections an engine of our own keeps. More make a server slower; the other tasks wait for one."""


class AsyncSqlAlchemyStorage:
    """
    The books in a database that SQLAlchemy reaches through asyncpg or aiosqlite.

    A task may be cancelled at any await. Then what it did is kept as a whole or
    not at all, and its connection is either as good as new or closed. On SQLite,
    whose driver is a thread, it is cancelled when its transaction has ended.

    Args:
        url_or_engine:
            A database URL, such as ``postgresql+asyncpg://…`` or
            ``sqlite+aiosqlite:///…``, or an AsyncEngine of the host. From a URL the
            storage makes its own engine, as :class:`SqlAlchemyStorage` does.
        prefix:
            What all table names begin with.
        schema:
            The schema of the tables, where the database has schemas.
        attempts:
            How often a piece of work is tried when others win the race.

    Raises:
        loyalty.errors.InvalidRequest: If the URL is not one, its driver is not an
            async one, the database is not supported, or the prefix is not a plain name.
    """

    def __init__(
        self,
        url_or_engine: str | AsyncEngine,
        *,
        prefix: str = "loyalty_",
        schema: str | None = None,
        attempts: int = 10,
    ) -> None:
        """Keep the engine; nothing is connected yet."""
        if isinstance(url_or_engine, AsyncEngine):
            self.engine = url_or_engine
        else:
            self.engine = AsyncEngine(engine_from(url_or_engine, _engine))
        self._transactions = Transactions(self.engine.sync_engine, prefix, schema)
        self._start = Start(self.engine.sync_engine, self._transactions.tables)
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
        self._retrying = tenacity.AsyncRetrying(**retries(attempts))
        when_forked(self)

    async def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* in a transaction of its own and commit it; again if it lost a race.

        Raises:
            loyalty.errors.ConcurrentUpdate: If all attempts lost their race.
            loyalty.errors.StorageUnavailable: If the database did not answer; nothing was changed.
            loyalty.errors.OutcomeUnknown: If the connection broke while committing.
            asyncio.CancelledError: If the task was cancelled; if that was while
                committing, only calling again with the same key tells what happened.
        """
        return await self._until_it_wins(partial(self._attempt, work))

    async def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one snapshot, without locking anything."""
        async with self._turn() if self._transactions.share_one_connection else nullcontext():
            return await self._end_of(greenlet_spawn(self._transactions.answer, question))

    def joining(self, connection_or_session: AsyncConnection | AsyncSession) -> AsyncJoinedStorage:
        """
        Return a storage that works inside the host's transaction.

        It never commits, never rolls the host's work back and never retries:
        what it wrote becomes permanent with the host's own commit.
        """
        return AsyncJoinedStorage(connection_or_session, self._transactions.statements)

    async def upgrade(self) -> None:
        """
        Bring the tables to this version; as ``SqlAlchemyStorage.upgrade``.

        Raises:
            loyalty.errors.StorageNotReady: If the database is too old, its engine
                commits every statement by itself, or this user may not change tables.
            loyalty.errors.ConcurrentUpdate: If traffic got in the way at every attempt.
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        async with self._turn():
            with explained():
                await self._end_of(greenlet_spawn(self._start.require_upgradable))
                await self._until_it_wins(self._upgrade)

    async def require_ready(self, *, writes: bool = True, durable: bool = True, newer_tables: bool = False) -> None:
        """
        Refuse a database that this version cannot work on, or that could lose money; as ``SqlAlchemyStorage``.

        Raises:
            loyalty.errors.StorageUnavailable: If the database cannot be reached.
            loyalty.errors.StorageNotReady: If it is not ready, with all ``problems``.
        """
        look = partial(self._start.require_ready, writes=writes, durable=durable, newer_tables=newer_tables)
        async with self._turn():
            await self._end_of(greenlet_spawn(look))

    async def _upgrade(self) -> None:
        await self._end_of(greenlet_spawn(self._transactions.upgrade))

    async def _until_it_wins(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """
        Try once, and only if that lost its race prepare to try again.

        By a coroutine function or a partial of one: what is made by another function would never be awaited.
        """
        try:
            return await attempt()
        except ConcurrentUpdate:
            result: Result = await self._retrying.copy()(attempt)
            return result

    async def missing(self) -> tuple[str, ...]:
        """
        Return the tables, and columns as ``table.column``, that :meth:`upgrade` would have to add; nothing is changed.

        Raises:
            loyalty.errors.StorageUnavailable: If the database did not answer or refused.
        """
        async with self._turn():
            return await self._end_of(greenlet_spawn(self._transactions.missing))

    async def dispose(self) -> None:
        """Close all pooled connections. Needed before the event loop ends, and before another one uses the storage."""
        await self.engine.dispose()

    def begin_anew(self) -> None:
        """Share nothing with the process that this one was forked from; called by itself in such a process."""
        leave_connections(self.engine.sync_engine)

    async def _attempt(self, work: Callable[[UnitOfWork], Result]) -> Result:
        async with self._turn():
            return await self._end_of(greenlet_spawn(self._transactions.attempt, work))

    def _turn(self) -> AbstractAsyncContextManager[object]:
        """Return what tasks of this event loop queue at, instead of polling SQLite's lock."""
        if not self._transactions.is_sqlite:
            return nullcontext()
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def _end_of(self, transaction: Coroutine[Any, Any, Result]) -> Result:
        return await _end_of(transaction, is_sqlite=self._transactions.is_sqlite)


class AsyncJoinedStorage:
    """The books inside the host's transaction. Made by :meth:`AsyncSqlAlchemyStorage.joining`."""

    is_joined: Final = JoinedStorage.is_joined

    def __init__(self, connection_or_session: AsyncConnection | AsyncSession, statements: Statements) -> None:
        """Keep the host's connection."""
        self._host = connection_or_session
        self._statements = statements

    async def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* inside the host's transaction, behind a savepoint.

        Raises:
            loyalty.errors.ConcurrentUpdate: If a race was lost; the host's
                transaction must be rolled back and tried again.
            loyalty.errors.InvalidRequest: If the connection commits every
                statement by itself, so that there is no transaction to join.
        """
        return await self._end_of(greenlet_spawn(self._joined().run, work))

    async def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from what the host's transaction sees."""
        return await self._end_of(greenlet_spawn(self._joined().read, question))

    async def _end_of(self, work: Coroutine[Any, Any, Result]) -> Result:
        return await _end_of(work, is_sqlite=self._statements.database == SQLITE)

    def _joined(self) -> JoinedStorage:
        if isinstance(self._host, AsyncSession):
            return JoinedStorage(self._host.sync_session, self._statements)
        if not isinstance(self._host, AsyncConnection):
            raise InvalidRequest("join a SQLAlchemy AsyncConnection or AsyncSession")
        if self._host.sync_connection is None:
            raise InvalidRequest("the connection to join is not open")
        return JoinedStorage(self._host.sync_connection, self._statements)


async def _end_of(work: Coroutine[Any, Any, Result], *, is_sqlite: bool) -> Result:
    """
    Wait for *work*; on SQLite to its end, also if the task is cancelled.

    SQLite's driver is a thread, which goes on with what it has begun. A
    connection that is let go of meanwhile keeps its write lock until the garbage
    collector has found its cursors, and a database in memory is gone with it.
    """
    return await (finished(work) if is_sqlite else work)


def _engine(url: URL, **options: Any) -> Engine:  # whatever SQLAlchemy takes
    if url.get_backend_name() != "sqlite":
        # As many connections as SQLAlchemy allows by default; but it would close and open ten of them all the time.
        options |= {"pool_size": CONNECTIONS, "max_overflow": 0}
    return create_async_engine(url, **options).sync_engine
