"""A database that is not there: every call says so in our words, whatever the driver raises."""

from __future__ import annotations

import asyncio
import threading

import pytest
from moneyed import Money

from loyalty import AsyncLoyalty, Audit, CodeKeys, IssueGiftCard, Loyalty
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.errors import StorageUnavailable

KEYS = CodeKeys.generate()
ISSUE = IssueGiftCard(value=Money("5.00", "USD"), idempotency_key="issue")


@pytest.mark.parametrize("url", ["sqlite:////no/such/directory/x.db", "postgresql+psycopg://nobody@127.0.0.1:1/x"])
def test_a_blocking_storage_is_unavailable(url: str) -> None:
    """For commands, queries and the upgrade."""
    storage = SqlAlchemyStorage(url)
    door = Loyalty(storage, code_keys=KEYS)
    with pytest.raises(StorageUnavailable):
        storage.upgrade()
    with pytest.raises(StorageUnavailable):
        door.execute(ISSUE)
    with pytest.raises(StorageUnavailable):
        door.ask(Audit())
    storage.dispose()


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:////no/such/directory/x.db", "postgresql+asyncpg://nobody@127.0.0.1:1/x"]
)
def test_an_async_storage_is_unavailable(url: str) -> None:
    """As well, also where the driver raises the network's own error."""

    async def main() -> None:
        storage = AsyncSqlAlchemyStorage(url)
        door = AsyncLoyalty(storage, code_keys=KEYS)
        with pytest.raises(StorageUnavailable):
            await storage.upgrade()
        with pytest.raises(StorageUnavailable):
            await door.execute(ISSUE)
        with pytest.raises(StorageUnavailable):
            await door.ask(Audit())
        await storage.dispose()
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                # aiosqlite's; it tells the loop that it ends, which fails if the loop has ended before.
                thread.join()

    asyncio.run(main())
