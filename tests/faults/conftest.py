"""The databases on which things fail, and a shop on each kind of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loyalty.testing.kit.case import Stand
from tests.storages.conftest import mariadb_databases, postgresql_databases, sqlite_databases
from tests.storages.databases import Databases

__all__ = ["mariadb_databases", "postgresql_databases", "sqlite_databases"]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Give a shop on each kind of database in turn."""
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    storage = databases.make()
    yield Stand(storage)
    databases.drop(storage)
