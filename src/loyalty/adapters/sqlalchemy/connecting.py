"""A connection for one transaction of our own: taken from the pool, and given back in order, whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection, StaticPool

from loyalty.adapters.sqlalchemy.driver import Driver, StraightToDriver, ThroughSqlAlchemy, as_sqlalchemy

if TYPE_CHECKING:
    from loyalty.adapters.sqlalchemy.asyncpg_driver import StraightToAsyncpg

__all__ = ["connected", "is_observed"]

WATCHED = (
    "before_execute",
    "after_execute",
    "before_cursor_execute",
    "after_cursor_execute",
    "begin",
    "commit",
    "rollback",
    "engine_connect",
)
"""The events of an engine that a host may listen to. Errors are told to ``handle_error`` listeners of the dialect."""


@contextmanager
def connected(engine: Engine) -> Iterator[Driver]:
    """Take a connection from the pool and give it back; what was not committed is rolled back."""
    if is_observed(engine):
        with engine.connect() as connection:
            yield ThroughSqlAlchemy(connection)
        return
    try:
        pooled = engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy(engine.dialect, "connect", error, is_broken=True) from error
    driver = _straight(engine, pooled)
    try:
        yield driver
    except BaseException as error:
        # As SQLAlchemy does; but a database in memory would go with its one connection.
        if _leaves_in_doubt(error) and pooled.is_valid and not isinstance(engine.pool, StaticPool):
            pooled.invalidate(error)
        raise
    finally:
        driver.let_go()


def _straight(engine: Engine, pooled: PoolProxiedConnection) -> StraightToDriver | StraightToAsyncpg:
    """Return the shortest way to the driver."""
    if engine.dialect.driver != "asyncpg":
        return StraightToDriver(engine, pooled)
    from loyalty.adapters.sqlalchemy.asyncpg_driver import StraightToAsyncpg  # noqa: PLC0415 - needs asyncpg

    return StraightToAsyncpg(pooled)


def _leaves_in_doubt(error: BaseException) -> bool:
    """
    Tell whether nobody knows what a connection is in the middle of.

    It was interrupted, as a cancelled task is, or the network failed under it.
    """
    return not isinstance(error, Exception) or isinstance(error, OSError)


def is_observed(engine: Engine) -> bool:
    """Tell whether somebody listens to what the engine does."""
    dispatch: Any = engine.dispatch
    return any(getattr(dispatch, name) for name in WATCHED) or engine.logger.isEnabledFor(logging.INFO)
