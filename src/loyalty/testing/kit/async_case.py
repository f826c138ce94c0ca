"""What the tests of an async storage share: an event loop, and the storage behind the blocking port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial

import pytest

from loyalty.ports.storage import AsyncStorage, Storage
from loyalty.testing.blocking import BlockingStorage, LoopThread
from loyalty.testing.kit.case import KitCase, Opener

__all__ = ["AsyncKitCase", "AsyncOpener"]


AsyncOpener = Callable[[], AbstractAsyncContextManager[AsyncStorage]]
"""What opens an async storage in another process, and closes it."""


class AsyncKitCase(KitCase):
    """The ground of all test classes of the kit, on an async storage."""

    loop: LoopThread

    def make_async_storage(self) -> AsyncStorage:
        """Return a storage, fresh and empty. Supplied by whoever wants a storage proven."""
        raise NotImplementedError("supply make_async_storage")

    def reopen_async(self, storage: AsyncStorage) -> AsyncStorage:
        """Return another storage on the same data. Supplied for the ability ``second_handle``."""
        raise NotImplementedError("supply reopen_async, or do not claim second_handle")

    def async_opener(self, storage: AsyncStorage) -> AsyncOpener:
        """
        Return what opens a storage on the same data in another process, and closes it.

        It is pickled, such as a ``functools.partial`` of a function with the decorator
        ``contextlib.asynccontextmanager``. Supplied for the ability ``processes``.
        """
        raise NotImplementedError("supply async_opener, or do not claim processes")

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

    def opener(self, storage: Storage) -> Opener:
        """Return what does so behind the blocking port, on an event loop of that process."""
        assert isinstance(storage, BlockingStorage)
        return partial(_opened, self.async_opener(storage.storage))

    def require_at_rest(self, storage: AsyncStorage) -> None:
        """Check that nothing is open and nobody holds anything. Supplied by whoever can look, such as at a pool."""


@contextmanager
def _opened(opener: AsyncOpener) -> Iterator[Storage]:
    with LoopThread() as loop:
        opened = opener()
        yield BlockingStorage(loop.call(_begun(opened)), loop)
        loop.call(_ended(opened))


async def _begun(opened: AbstractAsyncContextManager[AsyncStorage]) -> AsyncStorage:
    return await opened.__aenter__()


async def _ended(opened: AbstractAsyncContextManager[AsyncStorage]) -> None:
    await opened.__aexit__(None, None, None)
