"""
Any storage for tasks of an event loop, through worker threads.

For storages without an async driver, the one in memory, and hosts that have a
blocking storage and an event loop. The threads are those of the event loop's
own pool, as :func:`asyncio.to_thread` uses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from loyalty.cancellation import finished
from loyalty.ports.storage import Reader, Storage, UnitOfWork

__all__ = ["ThreadedStorage"]

Result = TypeVar("Result")


class ThreadedStorage:
    """
    Runs the work of a blocking storage in worker threads.

    A thread cannot be stopped from outside. So a cancelled task waits until its
    thread has finished, and is cancelled then: its work was done as a whole, or
    failed as a whole, and calling again with the same key tells which.

    Args:
        storage:
            Any :class:`loyalty.ports.storage.Storage` that several threads may use
            at once.
    """

    def __init__(self, storage: Storage) -> None:
        """Keep the storage."""
        self._storage = storage

    async def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* in a worker thread; as the storage's own ``run``.

        Raises:
            loyalty.errors.LoyaltyError: What the storage raises.
            asyncio.CancelledError: If the task was cancelled; *work* may have been done.
        """
        return await finished(asyncio.to_thread(self._storage.run, work))

    async def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* in a worker thread."""
        return await finished(asyncio.to_thread(self._storage.read, question))
