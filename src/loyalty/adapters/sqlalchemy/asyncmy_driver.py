"""Connecting through asyncmy, so that a task that is cancelled meanwhile is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncmy

__all__ = ["connected_unless_cancelled"]


async def connected_unless_cancelled(**options: Any) -> Any:  # asyncmy's own
    """
    Return a connection of asyncmy's.

    The driver waits by ``asyncio.wait_for``, which before Python 3.12 answers a task
    that is cancelled just as the wait ends, as if nobody had cancelled it.

    Raises:
        asyncio.CancelledError: If the task was cancelled meanwhile.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    connection = await asyncmy.connect(**options)
    if task is not None and task.cancelling() > before:
        connection.close()
        raise asyncio.CancelledError
    return connection
