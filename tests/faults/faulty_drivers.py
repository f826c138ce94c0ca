"""Connections of the real drivers that fail on command: at a statement, or at COMMIT, before or after it is sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import asyncmy
import asyncpg
import attrs
import psycopg
import pymysql
from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage

__all__ = ["AnyStorage", "Fault", "broken", "engine_of", "lost_race", "with_faults"]

AnyStorage = SqlAlchemyStorage | AsyncSqlAlchemyStorage


@attrs.define
class Fault:
    """
    What is to fail. Statements are counted from one; ``tried`` are those that reached the driver.

    ``commits_before`` so many commits go well before one fails.
    """

    error: Exception | None = None
    at_statement: int | None = None
    at_commit: bool = False
    is_sent: bool = False
    commits_before: int = 0
    tried: list[str] = attrs.Factory(list)

    def statement(self, text: Any) -> None:
        """Fail if it is the turn of this statement."""
        self.tried.append(str(text))
        if self.error is not None and len(self.tried) == self.at_statement:
            raise self.error

    @contextmanager
    def failing(
        self,
        error: Exception,
        *,
        at_statement: int | None = None,
        at_commit: bool = False,
        is_sent: bool = False,
        commits_before: int = 0,
    ) -> Iterator[list[str]]:
        """Fail once in this way; give the statements that are tried meanwhile."""
        self.error, self.at_statement, self.at_commit, self.is_sent = error, at_statement, at_commit, is_sent
        self.commits_before = commits_before
        self.tried = []
        try:
            yield self.tried
        finally:
            self.error, self.at_statement, self.at_commit = None, None, False
            self.tried = []


class _SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        self.connection.fault.statement(sql)  # type: ignore[attr-defined]  # ours, see below
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        self.connection.fault.statement(sql)  # type: ignore[attr-defined]  # ours, see below
        super().executemany(sql, parameters)
        return self


class _SqliteConnection(sqlite3.Connection):
    fault: Fault

    def cursor(self, factory: Any = _SqliteCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        error = _commit_error(self.fault)
        if error is None or self.fault.is_sent:
            super().commit()
        if error is not None:
            raise error


class _PostgresqlCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        self.connection.fault.statement(query)  # type: ignore[attr-defined]  # ours, see below
        return super().execute(query, *arguments, **options)

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> Any:
        self.connection.fault.statement(query)  # type: ignore[attr-defined]  # ours, see below
        return super().executemany(query, *arguments, **options)


class _PostgresqlConnection(psycopg.Connection[Any]):
    fault = Fault()
    cursor_factory = _PostgresqlCursor

    def commit(self) -> None:
        error = _commit_error(self.fault)
        if error is None or self.fault.is_sent:
            super().commit()
        if error is not None:
            # The connection broke: whoever waits for its locks gets them.
            self.close()
            raise error


def _commit_error(fault: Fault) -> Exception | None:
    error = fault.error if fault.at_commit else None
    if error is not None and fault.commits_before:
        fault.commits_before -= 1
        return None
    if error is not None:
        fault.error = None
    return error


class _AsyncpgConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    fault = Fault()

    async def fetch(self, query: str, *arguments: Any, **options: Any) -> Any:
        self.fault.statement(query)
        return await super().fetch(query, *arguments, **options)

    async def execute(self, query: str, *arguments: Any, **options: Any) -> Any:
        if query == "COMMIT":
            return await self._commit()
        if not query.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            self.fault.statement(query)
        return await super().execute(query, *arguments, **options)

    async def _commit(self) -> None:
        error = _commit_error(self.fault)
        if error is None or self.fault.is_sent:
            await super().execute("COMMIT")
        if error is not None:
            # The connection broke: whoever waits for its locks gets them.
            self.terminate()
            raise error


class _MariadbConnection(pymysql.connections.Connection):
    fault = Fault()

    def query(self, sql: Any, unbuffered: bool = False) -> int:
        self.fault.statement(sql)
        return super().query(sql, unbuffered)

    def commit(self) -> None:
        error = _commit_error(self.fault)
        if error is None or self.fault.is_sent:
            super().commit()
        if error is not None:
            # The connection broke: whoever waits for its locks gets them.
            self._force_close()  # type: ignore[attr-defined]  # not in its stubs
            raise error


class _AsyncmyConnection(asyncmy.connection.Connection):
    fault = Fault()

    async def query(self, sql: Any, unbuffered: bool = False) -> Any:
        self.fault.statement(sql)
        return await super().query(sql, unbuffered)  # type: ignore[no-untyped-call]  # half typed

    async def commit(self) -> None:
        error = _commit_error(self.fault)
        if error is None or self.fault.is_sent:
            await super().commit()
        if error is not None:
            # The connection broke: whoever waits for its locks gets them.
            self.close()
            raise error


async def _connected(fault: Fault, **options: Any) -> _AsyncmyConnection:
    connection = _AsyncmyConnection(**options)  # type: ignore[no-untyped-call]  # half typed
    connection.fault = fault
    await connection.connect()
    return connection


def with_faults(storage: AnyStorage) -> Fault:
    """Let all connections that *storage* makes from now on obey the fault that is returned."""
    fault = Fault()

    def faulty(*arguments: Any, **options: Any) -> _SqliteConnection:
        connection = _SqliteConnection(*arguments, **options)
        connection.fault = fault
        return connection

    def connect(dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        if dialect.driver == "asyncpg":
            options["connection_class"] = type("FaultyConnection", (_AsyncpgConnection,), {"fault": fault})
        elif dialect.name == "sqlite":
            options["factory"] = faulty
        elif dialect.driver == "asyncmy":
            options["async_creator_fn"] = partial(_connected, fault)
        elif dialect.driver == "pymysql":
            made = _MariadbConnection(*arguments, **options)
            made.fault = fault
            return made
        else:
            connection = _PostgresqlConnection.connect(*arguments, **options)
            connection.cursor_factory = _PostgresqlCursor
            connection.fault = fault
            return connection
        return None

    event.listen(engine_of(storage), "do_connect", connect)
    return fault


def engine_of(storage: AnyStorage) -> Engine:
    """Return the engine that connects."""
    return storage.engine if isinstance(storage, SqlAlchemyStorage) else storage.engine.sync_engine


def broken(storage: AnyStorage) -> Exception:
    """Return what the driver raises when the database has gone."""
    dialect = engine_of(storage).dialect
    if dialect.name == "sqlite":
        return sqlite3.OperationalError("disk I/O error")
    if dialect.driver in {"pymysql", "asyncmy"}:
        return _mariadb_error(dialect, 2013, "Lost connection to MySQL server during query")
    if dialect.is_async:
        gone: Exception = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return gone
    return psycopg.OperationalError("server closed the connection unexpectedly")


def lost_race(storage: AnyStorage) -> Exception:
    """Return what the driver raises when another transaction was preferred."""
    dialect = engine_of(storage).dialect
    if dialect.name == "sqlite":
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        return error
    if dialect.driver in {"pymysql", "asyncmy"}:
        return _mariadb_error(dialect, 1213, "Deadlock found when trying to get lock; try restarting transaction")
    if dialect.is_async:
        lost: Exception = asyncpg.SerializationError("could not serialize access")
        return lost
    return psycopg.errors.SerializationFailure("could not serialize access")


def _mariadb_error(dialect: Dialect, number: int, said: str) -> Exception:
    made: Exception = (asyncmy.errors if dialect.is_async else pymysql.err).OperationalError(number, said)
    return made
