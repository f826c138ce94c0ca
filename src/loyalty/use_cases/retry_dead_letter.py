"""Have an event that was given up handed over once more."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import EventNotFound, NotADeadLetter
from loyalty.events import DeadLetterRetried
from loyalty.ports.changes import Changes
from loyalty.ports.outbox import OutboxChange
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["RetriedEvent", "RetryDeadLetter"]


@attrs.frozen(kw_only=True)
class RetriedEvent:
    """An event that is due again. ``due_at`` is aware and UTC: now, when it was retried."""

    event_id: str
    event_name: str
    due_at: datetime


@attrs.frozen(kw_only=True)
class RetryDeadLetter(Command[RetriedEvent]):
    """
    Have an event that was given up handed over once more, as if it had never been tried.

    Whatever happened since about the same card may have left already, so this one
    comes late; the receiver tells by its ``recorded_at``. Events that still wait
    come after it.

    Raises:
        loyalty.errors.EventNotFound: If there is no such event.
        loyalty.errors.NotADeadLetter: If it was not given up, or somebody retried it already.

    Guarantees:
        Of many who retry one at once, one does (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = RetriedEvent

    event_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[RetriedEvent]:
        """Make the event due; the storage writes it only if nobody else did so meanwhile."""
        entries = uow.outbox_entries((self.event_id,))
        if not entries:
            raise EventNotFound
        (entry,) = entries
        if entry.dead_at is None:
            raise NotADeadLetter
        return Outcome(
            result=RetriedEvent(event_id=entry.id, event_name=entry.event, due_at=context.now),
            event=DeadLetterRetried(event_id=entry.id, event_name=entry.event),
            changes=Changes(outbox=(OutboxChange(entry, entry.retried(context.now)),)),
        )
