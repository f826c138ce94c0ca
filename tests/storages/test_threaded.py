from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import attrs
import pytest
from moneyed import Money

from loyalty import AsyncLoyalty, CodeKeys, GetGiftCard, IssueGiftCard, Loyalty, MemoryStorage
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.errors import GiftCardNotFound
from loyalty.identifiers import AccountId
from loyalty.ports.storage import Storage, UnitOfWork
from loyalty.testing import AsyncStorageConformance, Capabilities

Result = TypeVar("Result")


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


class SlowStorage(MemoryStorage):
    """Begins, and ends when the test says so."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run work between two signals."""
        self.has_begun.set()
        assert self.may_end.wait(60)
        return super().run(work)


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_cancelled_task_waits_for_its_thread(is_refused: bool) -> None:
    """The work is done as a whole, or refused, when the task ends, and not at some time after it."""
    slow, memory = SlowStorage(), MemoryStorage()
    slow._books = memory._books
    keys, issue = CodeKeys.generate(), IssueGiftCard(value=Money("5.00", "USD"), idempotency_key="issue")
    if is_refused:
        Loyalty(memory, code_keys=keys).execute(issue)
        issue = attrs.evolve(issue, note="other content")
    before = len(memory._books.all_receipts)

    async def main() -> None:
        door = AsyncLoyalty(ThreadedStorage(slow), code_keys=keys)
        task = asyncio.create_task(door.execute(issue))
        assert await asyncio.to_thread(slow.has_begun.wait, 60)
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        slow.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert before + (not is_refused) == len(memory._books.all_receipts)

    asyncio.run(main())


def test_what_the_storage_raises_comes_out() -> None:
    """Errors cross the thread as they are."""

    async def main() -> None:
        door = AsyncLoyalty(ThreadedStorage(MemoryStorage()), code_keys=CodeKeys.generate())
        with pytest.raises(GiftCardNotFound):
            await door.ask(GetGiftCard(id="nobody's"))

    asyncio.run(main())
