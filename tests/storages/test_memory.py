from __future__ import annotations

import attrs

from loyalty import MemoryStorage
from loyalty.identifiers import AccountId
from loyalty.ports.storage import Storage
from loyalty.testing import Capabilities, StorageConformance


class TestMemoryStorage(StorageConformance):
    """The reference storage passes the kit."""

    capabilities = Capabilities(corruptible=True)

    def make_storage(self) -> MemoryStorage:
        """Return a new one."""
        return MemoryStorage()

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:
        """Change a balance where it lies."""
        assert isinstance(storage, MemoryStorage)
        accounts = storage._books.accounts
        accounts[AccountId(account_id)] = attrs.evolve(accounts[AccountId(account_id)], posted=posted)
