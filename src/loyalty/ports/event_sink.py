"""
Where events go: whatever a host wants told of what happened, such as mail, webhooks or a queue.

An event is written with the change it tells of and leaves afterwards, at least
once. So a sink never hears of what was rolled back, and never misses what was
committed; that it may hear of it twice is what the event's id is for.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol, runtime_checkable

import attrs

from loyalty.events import Event

__all__ = ["AsyncEventSink", "EventSink", "OutgoingEvent"]


@attrs.frozen(kw_only=True)
class OutgoingEvent:
    """
    An event on its way out.

    ``id`` is the same however often it is handed over: whoever has seen it before
    drops it. ``recorded_at`` (aware, UTC) is when it happened; ``attempt`` counts
    the times it was taken to be handed over, from 1.
    """

    id: str
    event: Event
    recorded_at: datetime
    attempt: int


@runtime_checkable
class EventSink(Protocol):
    """Takes events. Returning means that it has the event; raising means that it wants it again."""

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """
        Take one event, outside any transaction.

        Whatever it raises, the event stays and is handed over again later, and
        the events after it about the same things wait. Of an error only the name
        of its class is kept, and the message if it is an error of this library.

        **Order:** what happened to one card, account, order or hold, in the order
        in which it happened. **Concurrent:** several workers may each have an
        event at the same time, but never the same one, and never two about one
        thing, as long as none takes longer than its lease.
        """
        ...


@runtime_checkable
class AsyncEventSink(Protocol):
    """Takes events in an event loop; as :class:`EventSink`."""

    def deliver(self, outgoing: OutgoingEvent) -> Awaitable[None]:
        """Take one event; as :meth:`EventSink.deliver`."""
        ...
