"""Async storages on a database that SQLAlchemy reaches, for the async kit; each test gets a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import ClassVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.ports.storage import AsyncStorage, Storage
from loyalty.testing import AsyncOpener, AsyncStorageConformance, BlockingStorage, Capabilities, LoopThread
from loyalty.testing.kit.async_case import AsyncKitCase
from tests.storages.databases import async_url, corrupt_balance

__all__ = ["AsyncSqlCase", "AsyncSqlKit", "opened"]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncStorage]:
    """Give a storage, wherever this is called."""
    storage = AsyncSqlAlchemyStorage(url)
    yield storage
    await storage.dispose()


class AsyncSqlCase(AsyncKitCase):
    """Subclasses name the fixture that gives their databases, and the async driver."""

    databases: ClassVar[str]
    driver: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _database(self, request: pytest.FixtureRequest, event_loop_of_storage: LoopThread) -> Iterator[None]:
        databases = request.getfixturevalue(self.databases)
        self.blocking: SqlAlchemyStorage = databases.make()
        self.opened: list[AsyncSqlAlchemyStorage] = []
        yield
        for storage in self.opened:
            event_loop_of_storage.call(storage.dispose())
        databases.drop(self.blocking)

    def make_async_storage(self) -> AsyncSqlAlchemyStorage:
        """Return one on the test's own database."""
        self.opened.append(AsyncSqlAlchemyStorage(async_url(self.blocking, self.driver)))
        return self.opened[-1]

    def reopen_async(self, storage: AsyncStorage) -> AsyncSqlAlchemyStorage:
        """Return another one on the same database."""
        assert storage in self.opened
        return self.make_async_storage()

    def async_opener(self, storage: AsyncStorage) -> AsyncOpener:
        """Open one on the same database in another process."""
        assert storage in self.opened
        return partial(opened, async_url(self.blocking, self.driver))

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:
        """Change a stored balance by plain SQL."""
        assert isinstance(storage, BlockingStorage)
        corrupt_balance(self.blocking, account_id, posted)

    def require_at_rest(self, storage: AsyncStorage) -> None:
        """Check that no connection is out of the pool."""
        assert isinstance(storage, AsyncSqlAlchemyStorage)
        pool = storage.engine.pool
        assert isinstance(pool, QueuePool)
        assert 0 == pool.checkedout()

    @contextmanager
    def host_transaction(self, storage: Storage, *, commit: bool) -> Iterator[Storage]:
        """Give a storage on a connection of the host."""
        assert isinstance(storage, BlockingStorage)
        assert isinstance(storage.storage, AsyncSqlAlchemyStorage)
        connection = self.loop.call(_connected(storage.storage))
        try:
            yield BlockingStorage(storage.storage.joining(connection), self.loop)
            self.loop.call(connection.commit() if commit else connection.rollback())
        finally:
            self.loop.call(connection.close())


class AsyncSqlKit(AsyncSqlCase, AsyncStorageConformance):
    """The whole kit."""

    capabilities = Capabilities(second_handle=True, processes=True, corruptible=True, joins_host_transaction=True)


async def _connected(storage: AsyncSqlAlchemyStorage) -> AsyncConnection:
    return await storage.engine.connect()
