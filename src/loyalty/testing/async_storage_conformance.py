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

from typing import ClassVar

from loyalty.testing.capabilities import Capabilities
from loyalty.testing.kit.tasks import TaskTests
from loyalty.testing.storage_conformance import StorageConformance

__all__ = ["AsyncStorageConformance"]


class AsyncStorageConformance(StorageConformance, TaskTests):
    """All that every async storage must do; see the module for how to use it."""

    capabilities: ClassVar[Capabilities] = Capabilities()
