from __future__ import annotations

from typing import ClassVar

from tests.storages.sql_kit import SqlKit


class TestSqliteStorage(SqlKit):
    """The books in a SQLite file pass the kit."""

    databases: ClassVar[str] = "sqlite_databases"
