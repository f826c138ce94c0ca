from __future__ import annotations

from typing import ClassVar

from tests.storages.async_sql_kit import AsyncSqlKit


class TestAsyncSqliteStorage(AsyncSqlKit):
    """The books in a SQLite file, reached through aiosqlite, pass the async kit."""

    databases: ClassVar[str] = "sqlite_databases"
    driver: ClassVar[str] = "aiosqlite"
