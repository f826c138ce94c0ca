"""What the tests of an async storage share: an event loop, and the storage behind the blocking port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loyalty.ports.storage import AsyncStorage, Storage
from loyalty.testing.blocking import BlockingStorage, LoopThread
from loyalty.testing.kit.case import KitCase

__all__ = ["AsyncKitCase"]


class AsyncKitCase(KitCase):
    """The ground of all test classes of the kit, on an async storage."""

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

    def require_at_rest(self, storage: AsyncStorage) -> None:
        """Check that nothing is open and nobody holds anything. Supplied by whoever can look, such as at a pool."""
