"""Storage on SQLAlchemy Core: SQLite and PostgreSQL, for threads and for tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty.adapters.sqlalchemy.joined import JoinedStorage
from loyalty.adapters.sqlalchemy.storage import SqlAlchemyStorage

if TYPE_CHECKING:
    from loyalty.adapters.sqlalchemy.async_storage import AsyncJoinedStorage, AsyncSqlAlchemyStorage

__all__ = ["AsyncJoinedStorage", "AsyncSqlAlchemyStorage", "JoinedStorage", "SqlAlchemyStorage"]


def __getattr__(name: str) -> object:
    """Load the async storage when it is first used: it needs what a blocking host has not installed."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from loyalty.adapters.sqlalchemy import async_storage  # noqa: PLC0415 - see above

    return getattr(async_storage, name)
