"""
What a cancelled task does about work that must not be left half-way.

A thread cannot be stopped from outside, and some connections cannot be closed
without losing what they hold. Whoever waits for these waits to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["finished"]

Result = TypeVar("Result")


async def finished(work: Awaitable[Result]) -> Result:
    """
    Wait for *work* to its end, and only then be cancelled.

    Nothing of it goes on after the task that waited: neither unseen by its
    caller, nor on a connection that the caller believes to be free.

    Raises:
        asyncio.CancelledError: If the task was cancelled meanwhile, once or
            more; what *work* came to is then known to nobody.
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            await _patiently(running)
        if not running.cancelled():
            running.exception()
        raise


async def _patiently(running: asyncio.Future[Result]) -> None:
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        # Told already; it is raised when the work has ended.
        return
