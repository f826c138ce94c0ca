from __future__ import annotations

from typing import ClassVar

from tests.storages.sql_kit import SqlKit


class TestPostgresqlStorage(SqlKit):
    """The books in a PostgreSQL database pass the kit."""

    databases: ClassVar[str] = "postgresql_databases"
