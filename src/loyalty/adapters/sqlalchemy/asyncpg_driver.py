"""
Texts straight to asyncpg.

SQLAlchemy makes a DB-API out of asyncpg: cursors, buffers and a transaction
of its own around each statement. That costs a task about a fifth of a command,
on the one thread that all tasks share. So where nobody listens, asyncpg is
asked directly, from inside the greenlet in which SQLAlchemy runs us.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, TypeVar

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import await_

from loyalty.adapters.sqlalchemy.driver import Parameters, Rows

__all__ = ["StraightToAsyncpg"]

Answer = TypeVar("Answer")


class StraightToAsyncpg:
    """Runs texts on asyncpg's connection, in a transaction that begins with the first of them."""

    def __init__(self, pooled: PoolProxiedConnection) -> None:
        """Keep the connection; nothing is begun yet."""
        self._pooled = pooled
        self._connection: Any = pooled.driver_connection
        self._has_begun = False

    def rows(self, text: str, parameters: Parameters) -> Rows:
        """Run a query and return all its rows."""
        rows: Rows = self._answer(text, self._begun(self._connection.fetch, text, parameters))
        return rows

    def stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        """Run a query and return its rows; what our own transactions read is small."""
        return self.rows(text, parameters)

    def changed(self, text: str, rows: Sequence[Parameters]) -> int:
        """Run a change once per row of parameters and return how many rows it affected."""
        return sum([self._changed(text, row) for row in rows])

    def commit(self) -> None:
        """End the transaction, if one was begun; if that fails, :meth:`let_go` rolls back."""
        if self._has_begun:
            self._answer("COMMIT", self._connection.execute("COMMIT"))
            self._has_begun = False

    def let_go(self) -> None:
        """Give the connection back, outside any transaction, or closed."""
        try:
            self._leave_transaction()
        finally:
            self._pooled.close()

    @property
    def dbapi_connection(self) -> Any:  # whatever the driver has
        """The connection that SQLAlchemy made of the driver's own."""
        return self._pooled.dbapi_connection

    @property
    def info(self) -> dict[Any, Any]:
        """What is noted about the driver's own connection."""
        return self._pooled.info

    def _changed(self, text: str, row: Parameters) -> int:
        status: str = self._answer(text, self._begun(self._connection.execute, text, row))
        # Such as "INSERT 0 1", "UPDATE 1" or "SET".
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def _begun(self, run: Any, text: str, parameters: Parameters) -> Any:  # methods of asyncpg, which are untyped
        if not self._has_begun:
            await self._connection.execute(_begin(self.dbapi_connection))
            self._has_begun = True
        return await run(text, *parameters)

    def _answer(self, text: str, answer: Awaitable[Answer]) -> Answer:
        try:
            return await_(answer)
        except (PostgresError, InterfaceError, InternalClientError) as error:
            raise DBAPIError(text, None, error, hide_parameters=True) from error

    def _leave_transaction(self) -> None:
        """Roll back what was begun and not committed: SQLAlchemy, which did not begin it, would not."""
        if not self._pooled.is_valid:
            return
        try:
            if self._connection.is_closed():
                self._pooled.invalidate()
            elif self._connection.is_in_transaction():
                await_(self._connection.execute("ROLLBACK"))
        except BaseException as error:
            self._pooled.invalidate(error)
            if not isinstance(error, (PostgresError, InterfaceError, InternalClientError, OSError)):
                raise


def _begin(chosen: Any) -> str:  # SQLAlchemy's connection, which knows what the host chose
    """Return how a transaction begins; asyncpg's connection was never told of it."""
    level = "" if chosen.isolation_level is None else f" ISOLATION LEVEL {chosen.isolation_level.replace('_', ' ')}"
    return f"BEGIN{level}{' READ ONLY' if chosen.readonly else ''}{' DEFERRABLE' if chosen.deferrable else ''}"
