"""Empty databases that have the tables, one kind for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.storages.databases import MariadbDatabases, PostgresqlDatabases, SqliteDatabases


@pytest.fixture(scope="module")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Give SQLite files."""
    return SqliteDatabases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="module")
def postgresql_databases(postgresql_database_of_module: str) -> Iterator[PostgresqlDatabases]:
    """Give PostgreSQL databases."""
    databases = PostgresqlDatabases(postgresql_database_of_module)
    yield databases
    databases.close()


@pytest.fixture(scope="module")
def mariadb_databases(mariadb_database_of_module: str) -> Iterator[MariadbDatabases]:
    """Give MariaDB databases."""
    databases = MariadbDatabases(mariadb_database_of_module)
    yield databases
    databases.close()
