"""
How a text reaches the database: through SQLAlchemy, or straight to the driver.

SQLAlchemy's own part of a statement, its events, contexts and results, costs
about as much as all our rules together. So where nobody listens to the
engine, transactions of our own hand their texts straight to the driver's
cursor; connections still come from the engine's pool, and errors come out as
SQLAlchemy's. Where a host listens (events, logging, tracing), and in the
host's own transactions, everything goes through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from loyalty.adapters.sqlalchemy.dialects import MARIADB, database_of

__all__ = ["Driver", "StraightToDriver", "ThroughSqlAlchemy", "as_sqlalchemy", "commits_by_itself"]

Parameters = tuple[str | int | list[str | int | None] | None, ...]
"""The values of a statement, in the order of its markers. A list is an array, which only PostgreSQL takes."""
Rows = Sequence[Sequence[Any]]

STREAM = {"stream_results": True, "max_row_buffer": 1000}


class Driver(Protocol):
    """One connection, inside one transaction."""

    def rows(self, text: str, parameters: Parameters) -> Rows:
        """Run a query and return all its rows."""
        ...

    def stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        """Run a query and yield its rows in bounded memory."""
        ...

    def changed(self, text: str, rows: Sequence[Parameters]) -> int:
        """
        Run a change once per row of parameters and return how many rows it affected.

        All in one call of the driver, unless it does not count then, as asyncpg does not.
        """
        ...

    def commit(self) -> None:
        """End the transaction."""
        ...

    @property
    def dbapi_connection(self) -> Any:  # whatever the driver has
        """The driver's own connection."""
        ...

    @property
    def info(self) -> dict[Any, Any]:
        """What is noted about the driver's own connection, for as long as it lives."""
        ...


class ThroughSqlAlchemy:
    """Runs texts on a SQLAlchemy connection, so that its listeners hear of them."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection
        self._has_one_result = database_of(connection.dialect) == MARIADB
        self._streamed: _Streamed | None = None

    def rows(self, text: str, parameters: Parameters) -> Rows:
        """Run a query and return all its rows."""
        self._keep_streamed()
        return self._connection.exec_driver_sql(text, parameters).fetchall()

    def stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        """
        Run a query and yield its rows in bounded memory.

        MariaDB sends the rows of one query before it hears of another one. So if a
        statement runs while rows are still to come, they are all kept first.
        """
        self._keep_streamed()
        rows = self._connection.exec_driver_sql(text, parameters, execution_options=STREAM)
        if not self._has_one_result:
            return rows
        self._streamed = _Streamed(rows)
        return self._streamed

    def changed(self, text: str, rows: Sequence[Parameters]) -> int:
        """Run a change once per row of parameters and return how many rows it affected."""
        self._keep_streamed()
        if len(rows) > 1 and self._connection.dialect.supports_sane_multi_rowcount:
            return self._connection.exec_driver_sql(text, list(rows)).rowcount
        return sum([self._connection.exec_driver_sql(text, row).rowcount for row in rows])

    def commit(self) -> None:
        """End the transaction; if that fails, nothing of it stays open on the connection."""
        self._keep_streamed()
        dbapi_connection, driver_error = self.dbapi_connection, self._connection.dialect.loaded_dbapi.Error
        try:
            self._connection.commit()
        except BaseException:
            # SQLAlchemy takes the transaction for ended and would put the connection back as it is.
            if not self._connection.invalidated and not _is_rolled_back(dbapi_connection, driver_error):
                self._connection.invalidate()
            raise

    @property
    def dbapi_connection(self) -> Any:  # whatever the driver has
        """The driver's own connection."""
        return self._connection.connection.dbapi_connection

    @property
    def info(self) -> dict[Any, Any]:
        """What is noted about the driver's own connection."""
        return self._connection.info

    def _keep_streamed(self) -> None:
        if self._streamed is not None:
            self._streamed.keep()
            self._streamed = None


class _Streamed:
    """Rows that come while they are read, until they are kept."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        """Begin to read."""
        self._rows = iter(rows)

    def __iter__(self) -> Iterator[Sequence[Any]]:
        """Return this; rows are read once."""
        return self

    def __next__(self) -> Sequence[Any]:
        """Return the next row."""
        return next(self._rows)

    def keep(self) -> None:
        """Read what is still to come."""
        self._rows = iter(list(self._rows))


class StraightToDriver:
    """Runs texts on the driver's cursor. Nobody listens, so nobody misses anything."""

    def __init__(self, engine: Engine, pooled: PoolProxiedConnection) -> None:
        """Keep the connection."""
        self._dialect = engine.dialect
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._pooled = pooled

    def rows(self, text: str, parameters: Parameters) -> Rows:
        """Run a query and return all its rows."""
        cursor = self._pooled.cursor()
        try:
            cursor.execute(text, parameters)
            return cursor.fetchall()
        except self._driver_error as error:
            raise self._as_sqlalchemy(text, error) from error
        finally:
            cursor.close()

    def stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        """Run a query and return its rows; what our own transactions read is small."""
        return self.rows(text, parameters)

    def changed(self, text: str, rows: Sequence[Parameters]) -> int:
        """Run a change once per row of parameters and return how many rows it affected."""
        cursor = self._pooled.cursor()
        try:
            if len(rows) > 1 and self._dialect.supports_sane_multi_rowcount:
                cursor.executemany(text, rows)
                return cursor.rowcount
            count = 0
            for row in rows:
                cursor.execute(text, row)
                count += cursor.rowcount
        except self._driver_error as error:
            raise self._as_sqlalchemy(text, error) from error
        else:
            return count
        finally:
            cursor.close()

    def commit(self) -> None:
        """End the transaction; if that fails, nothing of it stays open on the connection."""
        dbapi_connection = self.dbapi_connection
        try:
            self._pooled.commit()
        except self._driver_error as error:
            wrapped = self._as_sqlalchemy("COMMIT", error)
            if not wrapped.connection_invalidated and not _is_rolled_back(dbapi_connection, self._driver_error):
                self._pooled.invalidate(error)
            raise wrapped from error

    def let_go(self) -> None:
        """Give the connection back; the pool rolls back what was not committed."""
        self._pooled.close()

    @property
    def dbapi_connection(self) -> Any:  # whatever the driver has
        """The driver's own connection."""
        return self._pooled.dbapi_connection

    @property
    def info(self) -> dict[Any, Any]:
        """What is noted about the driver's own connection."""
        return self._pooled.info

    def _as_sqlalchemy(self, text: str, error: Exception) -> DBAPIError:
        """Return the driver's error as SQLAlchemy's, and let go of a connection that broke."""
        is_broken = self._dialect.is_disconnect(error, self._pooled, None)  # type: ignore[arg-type]  # a DB-API error
        if is_broken:
            self._pooled.invalidate(error)
        return as_sqlalchemy(self._dialect, text, error, is_broken=is_broken)


def as_sqlalchemy(dialect: Dialect, text: str, error: Exception, *, is_broken: bool) -> DBAPIError:
    """Return an error of a DB-API driver as SQLAlchemy's; its message holds no parameters."""
    wrapped = DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_broken,
        dialect=dialect,
    )
    return cast("DBAPIError", wrapped)


def _is_rolled_back(dbapi_connection: Any, driver_error: type[Exception]) -> bool:  # the driver's own
    """Roll back, and tell whether that worked; a broken connection cannot."""
    try:
        dbapi_connection.rollback()
    except (driver_error, OSError):
        return False
    # For asyncpg SQLAlchemy takes any COMMIT for the end and rolls nothing back, so asyncpg itself is asked.
    is_inside = getattr(getattr(dbapi_connection, "driver_connection", None), "is_in_transaction", None)
    return is_inside is None or not is_inside()


def commits_by_itself(connection: Any) -> bool:  # the driver's own connection
    """Tell whether a connection commits every statement by itself."""
    told = getattr(connection, "get_autocommit", None)
    return getattr(connection, "autocommit", False) is True if told is None else bool(told())
