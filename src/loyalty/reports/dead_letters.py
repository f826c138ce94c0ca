"""Which events were given up, so that somebody can look at why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast

import attrs

from loyalty.events import Event
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import Reader
from loyalty.reports.paged import Page, PagedQuery
from loyalty.reports.query import QueryContext

__all__ = ["DeadLetter", "DeadLetterPage", "ListDeadLetters"]


@attrs.frozen(kw_only=True)
class DeadLetter:
    """
    An event that no sink took in all its attempts.

    ``event`` is None if this version does not know one of the name ``event_name``.
    ``failure`` is the class of the last error, with its message if it is one of this
    library's. Times are aware and UTC: ``recorded_at`` is when it happened, ``dead_at``
    when it was given up.
    """

    event_id: str
    event_name: str
    event: Event | None
    recorded_at: datetime
    attempts: int
    failure: str
    dead_at: datetime

    @classmethod
    def of(cls, entry: OutboxEntry) -> DeadLetter:
        """Return a given up entry of the outbox as staff see it."""
        return cls(
            event_id=entry.id,
            event_name=entry.event,
            event=entry.decoded(),
            recorded_at=entry.recorded_at,
            attempts=entry.attempts,
            failure=entry.failure or "",
            dead_at=cast("datetime", entry.dead_at),
        )


@attrs.frozen(kw_only=True)
class DeadLetterPage(Page[DeadLetter]):
    """A page of the events that were given up."""

    letters: tuple[DeadLetter, ...]

    def __iter__(self) -> Iterator[DeadLetter]:
        """Yield the events, in their order."""
        return iter(self.letters)


@attrs.frozen(kw_only=True)
class ListDeadLetters(PagedQuery[DeadLetterPage, DeadLetter]):
    """
    Return the events that were given up, in the order in which they happened, a page at a time.

    ``RetryDeadLetter`` has one handed over again. They are kept until then.

    Raises:
        loyalty.errors.InvalidRequest: If *after* is no place in this list.
    """

    def answer(self, reader: Reader, context: QueryContext) -> DeadLetterPage:
        """Answer from the outbox."""
        after = self.begins_after(context)
        found = reader.dead_letters(0 if after is None else int(after[0] or 0), self.limit + 1)
        shown, next_after = self.cut(found, lambda entry: (entry.position, ""), context)
        return DeadLetterPage(letters=tuple(map(DeadLetter.of, shown)), next_after=next_after)
