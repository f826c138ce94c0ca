from __future__ import annotations

from typing import ClassVar

from tests.storages.async_sql_kit import AsyncSqlKit


class TestAsyncPostgresqlStorage(AsyncSqlKit):
    """The books in a PostgreSQL database, reached through asyncpg, pass the async kit."""

    databases: ClassVar[str] = "postgresql_databases"
    driver: ClassVar[str] = "asyncpg"
