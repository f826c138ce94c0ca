from __future__ import annotations

from typing import ClassVar

from sqlalchemy import event

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage
from loyalty.testing.kit.tasks import TaskTests
from tests.storages.async_sql_kit import AsyncSqlCase, AsyncSqlKit


class TestAsyncPostgresqlStorage(AsyncSqlKit):
    """The books in a PostgreSQL database, reached through asyncpg, pass the async kit."""

    databases: ClassVar[str] = "postgresql_databases"
    driver: ClassVar[str] = "asyncpg"


class TestTasksOfAHostThatListens(AsyncSqlCase, TaskTests):
    """Where a host listens to the engine, everything goes through SQLAlchemy, and tasks may be cancelled there, too."""

    databases: ClassVar[str] = "postgresql_databases"
    driver: ClassVar[str] = "asyncpg"

    def make_async_storage(self) -> AsyncSqlAlchemyStorage:
        """Return one that somebody listens to."""
        storage = super().make_async_storage()
        event.listen(storage.engine.sync_engine, "before_cursor_execute", lambda *_: None)
        return storage
