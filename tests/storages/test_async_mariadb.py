from __future__ import annotations

from typing import ClassVar

from tests.storages.async_sql_kit import AsyncSqlKit


class TestAsyncMariadbStorage(AsyncSqlKit):
    """The books in a MariaDB database, reached through asyncmy, pass the async kit."""

    databases: ClassVar[str] = "mariadb_databases"
    driver: ClassVar[str] = "asyncmy"
