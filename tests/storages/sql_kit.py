"""The kit on a database that SQLAlchemy reaches; each test gets a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.ports.storage import Storage
from loyalty.testing import Capabilities, StorageConformance
from tests.storages.databases import corrupt_balance

__all__ = ["SqlKit"]


class SqlKit(StorageConformance):
    """Subclasses name the fixture that gives their databases."""

    databases: ClassVar[str]
    capabilities = Capabilities(second_handle=True, corruptible=True, joins_host_transaction=True)

    @pytest.fixture(autouse=True)
    def _database(self, request: pytest.FixtureRequest) -> Iterator[None]:
        databases = request.getfixturevalue(self.databases)
        self.storage: SqlAlchemyStorage = databases.make()
        self.others: list[SqlAlchemyStorage] = []
        yield
        for storage in self.others:
            storage.dispose()
        databases.drop(self.storage)

    def make_storage(self) -> SqlAlchemyStorage:
        """Return the one on the test's own database."""
        return self.storage

    def reopen(self, storage: Storage) -> SqlAlchemyStorage:
        """Return another one on the same database."""
        assert isinstance(storage, SqlAlchemyStorage)
        self.others.append(SqlAlchemyStorage(storage.engine.url.render_as_string(hide_password=False)))
        return self.others[-1]

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:
        """Change a stored balance by plain SQL."""
        assert isinstance(storage, SqlAlchemyStorage)
        corrupt_balance(storage, account_id, posted)

    @contextmanager
    def host_transaction(self, storage: Storage, *, commit: bool) -> Iterator[Storage]:
        """Give a storage on a connection of the host."""
        assert isinstance(storage, SqlAlchemyStorage)
        with storage.engine.connect() as connection:
            yield storage.joining(connection)
            connection.commit() if commit else connection.rollback()
