"""The kit on a database that SQLAlchemy reaches; each test gets a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

import pytest

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.ports.storage import Storage
from loyalty.testing import Capabilities, Opener, StorageConformance
from tests.storages.databases import corrupt_balance

__all__ = ["SqlKit", "opened", "url_of"]


def url_of(storage: Storage) -> str:
    """Return where a storage's books are."""
    assert isinstance(storage, SqlAlchemyStorage)
    return storage.engine.url.render_as_string(hide_password=False)


@contextmanager
def opened(url: str) -> Iterator[Storage]:
    """Give a storage, wherever this is called."""
    storage = SqlAlchemyStorage(url)
    yield storage
    storage.dispose()


class SqlKit(StorageConformance):
    """Subclasses name the fixture that gives their databases."""

    databases: ClassVar[str]
    capabilities = Capabilities(second_handle=True, processes=True, corruptible=True, joins_host_transaction=True)

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
        self.others.append(SqlAlchemyStorage(url_of(storage)))
        return self.others[-1]

    def opener(self, storage: Storage) -> Opener:
        """Open one on the same database in another process."""
        return partial(opened, url_of(storage))

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
