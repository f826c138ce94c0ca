"""
The proof of an async storage: every test of the blocking kit, and those that only tasks can make.

.. code-block:: python

    class TestMyStorage(AsyncStorageConformance):
        capabilities = Capabilities(second_handle=True)

        def make_async_storage(self) -> AsyncStorage:
            return MyStorage.on_a_fresh_database()

        def reopen_async(self, storage: AsyncStorage) -> AsyncStorage:
            return MyStorage(storage.url)

The storage is used on one event loop, ``self.loop``, which runs in a thread of
its own as long as the test; ``self.loop.call(storage.close())`` closes it
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from loyalty.ports.storage import AsyncStorage, Storage
from loyalty.testing.blocking import BlockingStorage, LoopThread
from loyalty.testing.capabilities import Capabilities
from loyalty.testing.kit.tasks import TaskTests
from loyalty.testing.storage_conformance import StorageConformance

__all__ = ["AsyncStorageConformance"]


class AsyncStorageConformance(StorageConformance, TaskTests):
    """All that every async storage must do; see the module for how to use it."""

    capabilities: ClassVar[Capabilities] = Capabilities()
    loop: LoopThread

    def make_async_storage(self) -> AsyncStorage:
        """Return a storage, fresh and empty. Supplied by whoever wants a storage proven."""
        raise NotImplementedError

    def reopen_async(self, storage: AsyncStorage) -> AsyncStorage:
        """Return another storage on the same data. Supplied for the ability ``second_handle``."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def event_loop_of_storage(self) -> Iterator[LoopThread]:
        """Run ``self.loop``. Ask for this fixture in one that closes storages, so that it ends after that."""
        with LoopThread() as self.loop:
            yield self.loop

    def make_storage(self) -> Storage:
        """Return the fresh storage behind the blocking port."""
        return BlockingStorage(self.make_async_storage(), self.loop)

    def reopen(self, storage: Storage) -> Storage:
        """Return another storage on the same data, behind the blocking port."""
        assert isinstance(storage, BlockingStorage)
        return BlockingStorage(self.reopen_async(storage.storage), self.loop)
