"""
Workers: they start what is due and hand events over as they come, until they are told to stop.

Any number of them may run, in one process or on many machines. What one of them
was at when it died is another's as soon as its lease is over.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from loyalty import fields
from loyalty.errors import InvalidRequest, StorageError
from loyalty.facade import AsyncLoyalty, Loyalty
from loyalty.policies.redelivery import Redelivery
from loyalty.ports.event_sink import AsyncEventSink, EventSink
from loyalty.use_cases.command import Sweep
from loyalty.use_cases.deliver_events import LEASE, LIMIT, REDELIVERY, Delivered, never_stopped
from loyalty.use_cases.start_due_gifts import StartDueGifts

if TYPE_CHECKING:
    import asyncio
    import threading

__all__ = ["AsyncEventWorker", "EventWorker"]

LONGEST_PAUSE: Final = timedelta(minutes=1)
"""How long a worker waits at most before it asks a storage again that did not answer."""

_log: Final = logging.getLogger(__name__)


def _to_sweeps(values: object) -> tuple[Sweep[Any], ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, Sweep) for value in values):
        raise InvalidRequest("sweeps must be a list or tuple of sweeps")
    return tuple(values)


@attrs.frozen(kw_only=True)
class _Pace:
    """How a worker works, whichever door it is at."""

    sweeps: tuple[Sweep[Any], ...] = attrs.field(default=(StartDueGifts(),), converter=_to_sweeps)
    pause: timedelta = attrs.field(
        default=timedelta(seconds=5), validator=fields.is_duration(timedelta(milliseconds=1), LONGEST_PAUSE)
    )
    limit: int = attrs.field(default=LIMIT, validator=fields.is_whole_number(1, 1000))
    lease: timedelta = LEASE
    redelivery: Redelivery = REDELIVERY

    def wait_after(self, done: Delivered) -> float:
        """Return how many seconds to wait after a turn: none if there may be more to do."""
        return self.pause.total_seconds() if done.is_done else 0.0

    def wait_after_failures(self, failures: int, error: StorageError) -> float:
        """Return how many seconds to wait after a storage did not answer, so many times in a row."""
        waits = Redelivery(first=self.pause, longest=LONGEST_PAUSE)
        seconds = waits.wait(failures, random.random()).total_seconds()  # noqa: S311  # only spreads the load
        _log.warning("the storage did not answer (%s); trying again in %.1f s", type(error).__name__, seconds)
        return seconds


@attrs.frozen(kw_only=True)
class EventWorker(_Pace):
    """
    Runs sweeps and delivers events, turn by turn.

    Args:
        loyalty:
            The shop's books.
        sink:
            Who takes the events.
        sweeps:
            What is done before events are handed over, each until nothing is left:
            by default ``StartDueGifts``, which makes gifts due. ``LapseHolds``,
            ``ExpireValue`` and ``AnnounceExpiringGiftCards`` may be here, too.
        pause:
            How long to wait when nothing is left to do; from a millisecond to a minute.
        limit, lease, redelivery:
            As of ``Loyalty.deliver_events``.

    Raises:
        loyalty.errors.InvalidRequest: If an argument is not as said.
    """

    loyalty: Loyalty = attrs.field(repr=False)
    sink: EventSink

    def run(self, stop: threading.Event) -> Delivered:
        """
        Work until *stop* is set, which is noticed before each event; the event at hand is finished.

        A storage that does not answer is asked again, after waits that grow to a minute.

        Returns:
            What came of all turns together.

        Raises:
            loyalty.errors.InvalidRequest: If an argument is not as said.
        """
        done, failures = Delivered(), 0
        while not stop.is_set():
            try:
                turn = self.turn(stop.is_set)
                done, failures, seconds = done.and_then(turn), 0, self.wait_after(turn)
            except StorageError as error:
                failures += 1
                seconds = self.wait_after_failures(failures, error)
            stop.wait(seconds)
        return done

    def turn(self, is_stopped: Callable[[], bool] = never_stopped) -> Delivered:
        """
        Sweep until nothing is left, then hand over at most *limit* events, once.

        Raises:
            loyalty.errors.StorageError: If the storage did not answer.
        """
        for sweep in self.sweeps:
            following: Sweep[Any] | None = sweep
            while following is not None and not is_stopped():
                following = following.following(self.loyalty.execute(following))
        return self.loyalty.deliver_events(
            self.sink, limit=self.limit, lease=self.lease, redelivery=self.redelivery, is_stopped=is_stopped
        )


@attrs.frozen(kw_only=True)
class AsyncEventWorker(_Pace):
    """
    Runs sweeps and delivers events in an event loop; as :class:`EventWorker`.

    A task that is cancelled stops at once; the events it had taken are another
    worker's when their lease is over. To end without that wait, set *stop*.
    """

    loyalty: AsyncLoyalty = attrs.field(repr=False)
    sink: AsyncEventSink | EventSink

    async def run(self, stop: asyncio.Event) -> Delivered:
        """
        Work until *stop* is set; as :meth:`EventWorker.run`.

        Raises:
            loyalty.errors.InvalidRequest: If an argument is not as said.
        """
        done, failures = Delivered(), 0
        while not stop.is_set():
            try:
                turn = await self.turn(stop.is_set)
                done, failures, seconds = done.and_then(turn), 0, self.wait_after(turn)
            except StorageError as error:
                failures += 1
                seconds = self.wait_after_failures(failures, error)
            await _set_or_over(stop, seconds)
        return done

    async def turn(self, is_stopped: Callable[[], bool] = never_stopped) -> Delivered:
        """
        Sweep until nothing is left, then hand over at most *limit* events, once.

        Raises:
            loyalty.errors.StorageError: If the storage did not answer.
        """
        for sweep in self.sweeps:
            following: Sweep[Any] | None = sweep
            while following is not None and not is_stopped():
                following = following.following(await self.loyalty.execute(following))
        return await self.loyalty.deliver_events(
            self.sink, limit=self.limit, lease=self.lease, redelivery=self.redelivery, is_stopped=is_stopped
        )


async def _set_or_over(stop: asyncio.Event, seconds: float) -> None:
    import asyncio  # noqa: PLC0415  # slow to load, and only this needs it

    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
