"""
An async storage behind the blocking port, so that the one kit proves both kinds.

The storage lives on an event loop in a thread of its own, as it does in a host.
Each thread that runs work hands it to that loop as a task and waits: racing
threads become concurrent tasks.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from loyalty.ports.storage import AsyncStorage, Reader, UnitOfWork

__all__ = ["BlockingStorage", "LoopThread"]

Result = TypeVar("Result")


class LoopThread:
    """An event loop that runs in a thread of its own, between ``with`` and its end."""

    _loop: asyncio.AbstractEventLoop
    _end: asyncio.Event

    def __init__(self) -> None:
        """Make the thread; it runs when the ``with`` begins."""
        self._runs = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="event loop", daemon=True)

    def __enter__(self) -> Self:
        """Start the loop."""
        self._thread.start()
        self._runs.wait()
        return self

    def __exit__(self, *_: object) -> None:
        """End the loop as a program ends it: what still runs there is cancelled, and waited for."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """
        Run *coroutine* as a task of the loop and wait for it.

        Raises:
            RuntimeError: If called on the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("work must not call the storage that runs it")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._runs.set()
        await self._end.wait()


class BlockingStorage:
    """
    The blocking face of an async storage. Made for tests: a host awaits.

    Args:
        storage:
            The async storage; every call of it happens on *loop*.
        loop:
            A loop that runs.
    """

    def __init__(self, storage: AsyncStorage, loop: LoopThread) -> None:
        """Keep both."""
        self.storage = storage
        self.loop = loop

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run *work* as a task of the loop."""
        return self.loop.call(self.storage.run(work))

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* in a task of the loop."""
        return self.loop.call(self.storage.read(question))
