from __future__ import annotations

import attrs

from loyalty import MemoryStorage
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.identifiers import AccountId
from loyalty.ports.storage import Storage
from loyalty.testing import AsyncStorageConformance, Capabilities


class TestThreadedMemoryStorage(AsyncStorageConformance):
    """The storage in memory, lifted into worker threads, passes the async kit."""

    capabilities = Capabilities(corruptible=True)

    def make_async_storage(self) -> ThreadedStorage:
        """Return a new one."""
        self.memory = MemoryStorage()
        return ThreadedStorage(self.memory)

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:  # noqa: ARG002  # there is one
        """Change a balance where it lies."""
        accounts = self.memory._books.accounts
        accounts[AccountId(account_id)] = attrs.evolve(accounts[AccountId(account_id)], posted=posted)
