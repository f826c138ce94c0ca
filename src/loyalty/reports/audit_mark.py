"""
Where an audit got to, so that the next one can go on from there and miss nothing.

Events have positions, and a position may come to be seen after a higher one: it
was taken by a transaction that was open longer. So the last position that an
audit saw says little, until no transaction can be open any more that had begun
by then. A mark therefore has two parts: the point up to which everything was
there to be checked, and how far later audits saw, and when. Only the clock of
whoever audits decides, and only numbers decide of what is read again.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from loyalty.clock import from_micros, to_micros
from loyalty.errors import InvalidRequest
from loyalty.plain import dumps
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import Reader

__all__ = ["Mark", "Point"]

MARGIN: Final = timedelta(days=1)
"""How old events must look for a first audit to count on it: their times are those of several clocks."""

_FORM: Final = 1


@attrs.frozen
class Point:
    """A place in the order of the events, and the id of the event there; 0 is before the first."""

    position: int = 0
    event_id: str = ""

    @classmethod
    def at(cls, entry: OutboxEntry | None) -> Point:
        """Return the place of an event."""
        return cls() if entry is None else cls(entry.position, entry.id)


@attrs.frozen
class Seen:
    """How far an audit saw that began at ``at``."""

    at: datetime
    point: Point


@attrs.frozen
class Mark:
    """
    Up to where everything was there and was checked, and how far audits saw since.

    ``seen`` is in the order of the audits.
    """

    settled: Point
    seen: tuple[Seen, ...]

    @classmethod
    def of_all(cls, reader: Reader, now: datetime) -> Mark:
        """
        Return the mark of an audit of everything that began at *now*.

        It follows on none, so what is settled is judged by the times of the events
        themselves: all before the first one of the last day.
        """
        settled: OutboxEntry | None = None
        last: OutboxEntry | None = None
        for entry in reader.recorded(0):
            if settled is last and entry.recorded_at <= now - MARGIN:
                settled = entry
            last = entry
        return cls(Point.at(settled), (Seen(now, Point.at(last)),))

    def followed_by(self, now: datetime, last: Point, overlap: timedelta) -> Mark:
        """
        Return the mark of an audit of what changed, which began at *now* and saw as far as *last*.

        What an audit saw *overlap* ago is settled by now: whoever had taken a number
        by then has committed it, and it was checked, or never will.
        """
        old = [seen for seen in self.seen if seen.at <= now - overlap]
        settled = max([self.settled, *(seen.point for seen in old)], key=lambda point: point.position)
        return Mark(settled, (*(seen for seen in self.seen if seen not in old), Seen(now, last)))

    def text(self) -> str:
        """Return it as a text to keep."""
        seen = [[to_micros(one.at), *attrs.astuple(one.point)] for one in self.seen]
        return dumps([_FORM, *attrs.astuple(self.settled), seen])

    @classmethod
    def read(cls, text: str) -> Mark:
        """
        Return the mark that a text stands for.

        Raises:
            loyalty.errors.InvalidRequest: If it is none.
        """
        try:
            form, position, event_id, seen = json.loads(text)
            points = tuple(Seen(from_micros(_whole(at)), _point(*point)) for at, *point in seen)
            mark = cls(_point(position, event_id), points)
        except (TypeError, ValueError, RecursionError):
            raise InvalidRequest("since must be the mark of an earlier audit") from None
        if form != _FORM:
            raise InvalidRequest("since is a mark of another version; run a whole audit first")
        return mark

    @classmethod
    def require(cls, text: object) -> str:
        """
        Return a text that is a mark.

        Raises:
            loyalty.errors.InvalidRequest: If it is none.
        """
        if not isinstance(text, str):
            raise InvalidRequest("since must be the mark of an earlier audit")
        return cls.read(text).text()


def _point(position: Any, event_id: Any) -> Point:  # whatever JSON holds
    if not isinstance(event_id, str):
        raise TypeError
    return Point(_whole(position), event_id)


def _whole(number: Any) -> int:  # whatever JSON holds
    if type(number) is not int or not 0 <= number < 2**63:
        raise TypeError
    return number
