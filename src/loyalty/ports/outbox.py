"""
The outbox: which events are still to leave, and how far each has come.

It is no table of its own. A receipt carries the event of its command, so one
row is both, and no command has to write more than it did without an outbox.
"""

from __future__ import annotations

import json
from datetime import datetime

import attrs

from loyalty.events import Event, event_named
from loyalty.plain import decode

__all__ = ["OutboxChange", "OutboxEntry"]


@attrs.frozen(kw_only=True)
class OutboxEntry:
    """
    One event and its way out. Every method returns the next state.

    ``id`` and ``about`` are the receipt's. ``position`` grows with the commits about
    one account; what it is, each storage says. ``due_at`` is from when it may leave, None once
    it has left or was given up. ``attempts`` counts how often it was taken, and so
    says whose it is while ``leased_until`` is in the future. ``failure`` is why it
    last stayed, ``dead_at`` when it was given up.
    """

    id: str
    position: int
    event: str
    event_data: str
    recorded_at: datetime
    about: tuple[str, ...]
    due_at: datetime | None
    attempts: int = 0
    leased_until: datetime | None = None
    failure: str | None = None
    dead_at: datetime | None = None

    def decoded(self) -> Event | None:
        """Return the event, or None if this version does not know one of its name."""
        kind = event_named(self.event)
        return None if kind is None else decode(kind, json.loads(self.event_data))

    @property
    def way(self) -> tuple[object, ...]:
        """How far it has come; not what it says, of which a person may be erased meanwhile."""
        return self.due_at, self.attempts, self.leased_until, self.dead_at

    def saying(self, event_data: str) -> OutboxEntry:
        """Return it with what its event says now, after somebody was erased."""
        return attrs.evolve(self, event_data=event_data)

    def is_leased(self, at: datetime) -> bool:
        """Tell whether a worker has it at *at*; not at the very end of its lease."""
        return self.leased_until is not None and at < self.leased_until

    def may_leave(self, at: datetime) -> bool:
        """Tell whether it is due and nobody has it."""
        return self.due_at is not None and self.due_at <= at and not self.is_leased(at)

    def leased(self, until: datetime) -> OutboxEntry:
        """Return it in the hands of a worker."""
        return attrs.evolve(self, attempts=self.attempts + 1, leased_until=until)

    def let_go(self) -> OutboxEntry:
        """Return it as if it had not been taken."""
        return attrs.evolve(self, attempts=self.attempts - 1, leased_until=None)

    def delivered(self) -> OutboxEntry:
        """Return it once it has left."""
        return attrs.evolve(self, due_at=None, leased_until=None, failure=None)

    def failed(self, failure: str, due_at: datetime) -> OutboxEntry:
        """Return it waiting for another attempt."""
        return attrs.evolve(self, due_at=due_at, leased_until=None, failure=failure)

    def given_up(self, failure: str, at: datetime) -> OutboxEntry:
        """Return it as a dead letter."""
        return attrs.evolve(self, due_at=None, leased_until=None, failure=failure, dead_at=at)

    def retried(self, at: datetime) -> OutboxEntry:
        """Return a dead letter due once more, as if it had never been tried."""
        return attrs.evolve(self, due_at=at, attempts=0, dead_at=None)


@attrs.frozen
class OutboxChange:
    """
    An entry before and after; only its way out changes, never what it says.

    The storage writes it only if ``before.attempts`` still holds.
    """

    before: OutboxEntry
    after: OutboxEntry
