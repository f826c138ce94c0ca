"""Cancelling a task at a chosen one of its awaits, so that a test can go through all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from enum import Enum
from functools import partial
from typing import Any

__all__ = ["Moment", "is_cancelled_at"]


class Moment(Enum):
    """When a task is cancelled, seen from one of its awaits."""

    AS_IT_BEGINS = "as it begins"
    """The request has left, and nobody will hear the answer."""

    AS_IT_ENDS = "as it ends"
    """The answer is there, and the task has not seen it yet."""

    TWICE = "twice"
    """As it begins, and again in the first await of whoever cleans up."""


async def is_cancelled_at(coroutine: Coroutine[Any, Any, Any], await_number: int, moment: Moment) -> bool:
    """
    Run *coroutine* as a task of its own and cancel it at one of its awaits, the first of which has the number 1.

    Returns:
        Whether it was cancelled; it was not if it has fewer awaits.
    """
    interrupted = _Interrupted(coroutine, await_number, moment)
    task = asyncio.create_task(_awaiting(interrupted))
    interrupted.task = task
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
        assert interrupted.count < await_number, "the cancellation was swallowed"
    return task.cancelled()


async def _awaiting(interrupted: _Interrupted) -> object:
    return await interrupted


class _Interrupted:
    """Awaits a coroutine, counts how often it waits, and cancels its own task when it is time."""

    task: asyncio.Task[object]

    def __init__(self, coroutine: Coroutine[Any, Any, Any], await_number: int, moment: Moment) -> None:
        self._coroutine = coroutine
        self._numbers = {await_number, await_number + 1} if moment is Moment.TWICE else {await_number}
        self._moment = moment
        self.count = 0

    def __await__(self) -> Generator[Any, Any, object]:
        resume = partial(self._coroutine.send, None)
        while True:
            try:
                waited_for = resume()
            except StopIteration as end:
                return end.value
            self.count += 1
            if self.count in self._numbers:
                self._cancel(waited_for)
            try:
                answer = yield waited_for
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine, as a task does
                resume = partial(self._coroutine.throw, error)
            else:
                resume = partial(self._coroutine.send, answer)

    def _cancel(self, waited_for: asyncio.Future[object] | None) -> None:
        if self._moment is Moment.AS_IT_ENDS and waited_for is not None:
            waited_for.add_done_callback(lambda _: self.task.cancel())
        else:
            self.task.cancel()
