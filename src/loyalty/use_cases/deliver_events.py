"""
Handing over what happened: which events may leave now, and what becomes of each.

Everything is decided here and nothing is done: a delivery is a generator that
asks for one step after the other, pieces of work on the books and events to be
handed over, and both doors do what it asks for, one blocking, one awaiting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import attrs

from loyalty import fields
from loyalty.clock import Clock
from loyalty.errors import InvalidRequest, LoyaltyError
from loyalty.policies.redelivery import Redelivery
from loyalty.ports.changes import Changes
from loyalty.ports.event_sink import OutgoingEvent
from loyalty.ports.outbox import OutboxChange, OutboxEntry
from loyalty.ports.storage import Reader, UnitOfWork

__all__ = [
    "LEASE",
    "LIMIT",
    "REDELIVERY",
    "Delivered",
    "Delivery",
    "ReadStep",
    "Step",
    "Steps",
    "WorkStep",
    "leaving",
    "never_stopped",
]

PAGE: Final = 200
"""How many waiting events are read at a time."""

LIMIT: Final = 100
"""How many events a worker takes if nobody says."""

LEASE: Final = timedelta(minutes=10)
"""For how long they are its own if nobody says."""

REDELIVERY: Final = Redelivery()
"""How long what failed waits if nobody says."""


def never_stopped() -> bool:
    """Never stop."""
    return False


@attrs.frozen(kw_only=True)
class Delivered:
    """
    What came of a delivery: how many events the sink has, how many it did not take, and how many were given up.

    ``failed`` are tried again later; what was given up is not among them.
    ``is_done`` is false if there may be more that could leave now.
    """

    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    is_done: bool = True

    def and_then(self, more: Delivered) -> Delivered:
        """Return what came of this delivery and of a later one."""
        return Delivered(
            delivered=self.delivered + more.delivered,
            failed=self.failed + more.failed,
            given_up=self.given_up + more.given_up,
            is_done=more.is_done,
        )

    def and_one(self, taken: OutboxEntry, after: OutboxEntry) -> Delivered:
        """Return this and what came of one more event."""
        if after.dead_at is not None:
            return attrs.evolve(self, given_up=self.given_up + 1)
        if after.due_at is None:
            return attrs.evolve(self, delivered=self.delivered + 1)
        return self if after.attempts < taken.attempts else attrs.evolve(self, failed=self.failed + 1)


Entries = tuple[OutboxEntry, ...]


@attrs.frozen
class ReadStep:
    """A question to the books that a delivery asks for."""

    question: Callable[[Reader], Entries]


@attrs.frozen
class WorkStep:
    """A piece of work on the books that a delivery asks for."""

    work: Callable[[UnitOfWork], Entries]


Step = ReadStep | WorkStep | OutgoingEvent
Steps = Generator[Step, Entries, Delivered]
"""Asks for steps, is sent what those on the books answered, and returns what came of it."""


@attrs.frozen(kw_only=True)
class Delivery:
    """
    How a worker hands over at most *limit* events.

    *lease* is for how long the events it has taken are its own. If it dies, they
    are another worker's after that; so a sink must never take as long for one.
    *is_stopped* is asked before each event; what is left then is another's at once.
    """

    clock: Clock
    is_stopped: Callable[[], bool] = never_stopped
    limit: int = attrs.field(default=LIMIT, validator=fields.is_whole_number(1, 1000))
    lease: timedelta = attrs.field(default=LEASE, validator=fields.is_duration(timedelta(seconds=1), timedelta(days=1)))
    redelivery: Redelivery = attrs.field(default=REDELIVERY, validator=fields.is_one_of(Redelivery))

    def steps(self) -> Steps:
        """Take events, hand each over, and write down what came of it, one after the other."""
        began = self.clock()
        chosen = yield ReadStep(lambda reader: leaving(reader, began, self.limit))
        taken = (yield WorkStep(lambda uow: self._take(uow, chosen, began))) if chosen else ()
        done, waiting = Delivered(is_done=len(chosen) < self.limit), set[str]()
        for entry in taken:
            after = entry
            if entry.due_at is not None:
                is_over = self.is_stopped() or self.clock() >= began + self.lease / 2
                waits = is_over or not waiting.isdisjoint(entry.about)
                after = entry.let_go() if waits else (yield from self._handed_over(entry))
                yield WorkStep(_settle(entry, after))
                done = attrs.evolve(done, is_done=done.is_done and not is_over)
            if after.due_at is not None:
                waiting.update(entry.about)
            done = done.and_one(entry, after)
        return done

    def _take(self, uow: UnitOfWork, chosen: Entries, now: datetime) -> Entries:
        """
        Lease what nobody took since it was chosen, and nothing that follows on what somebody took.

        What was taken too often and never came back is given up.
        """
        known = {entry.id: entry for entry in uow.outbox_entries(tuple([entry.id for entry in chosen]))}
        changes, waiting = list[OutboxChange](), set[str]()
        for entry in chosen:
            if known[entry.id].way == entry.way and waiting.isdisjoint(entry.about):
                changes.append(OutboxChange(entry, self._taken(entry, now)))
            else:
                waiting.update(entry.about)
        if changes:
            uow.write(Changes(outbox=tuple(changes)))
        return tuple([change.after for change in changes])

    def _taken(self, entry: OutboxEntry, now: datetime) -> OutboxEntry:
        if entry.attempts >= self.redelivery.attempts:
            return entry.given_up(entry.failure or "no worker that took it came back", now)
        return entry.leased(now + self.lease)

    def _handed_over(self, entry: OutboxEntry) -> Generator[Step, object, OutboxEntry]:
        """Hand one event over and return what is to be written down."""
        try:
            yield _outgoing(entry)
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, the event must not be lost
            return self._not_taken(entry, _failure(error))
        return entry.delivered()

    def _not_taken(self, entry: OutboxEntry, failure: str) -> OutboxEntry:
        now = self.clock()
        if entry.attempts >= self.redelivery.attempts:
            return entry.given_up(failure, now)
        return entry.failed(failure, now + self.redelivery.wait(entry.attempts, _spread(entry)))


def leaving(reader: Reader, now: datetime, limit: int) -> Entries:
    """
    Return the first events that may leave at *now*, in order, at most *limit*.

    An event waits for every earlier one about the same thing that does not leave
    with it, whether that one is not due yet or in the hands of another worker.
    What was given up holds nothing back. All pages must come from one snapshot:
    then what is earlier about a thing is there if what is later is.
    """
    chosen: list[OutboxEntry] = []
    waiting, after = set[str](), 0
    while len(chosen) < limit and (page := reader.undelivered(after, PAGE)):
        chosen += _leaving(page, now, waiting)
        after = page[-1].position
    return tuple(chosen[:limit])


def _leaving(page: Iterable[OutboxEntry], now: datetime, waiting: set[str]) -> list[OutboxEntry]:
    chosen = []
    for entry in page:
        if entry.may_leave(now) and waiting.isdisjoint(entry.about):
            chosen.append(entry)
        else:
            waiting.update(entry.about)
    return chosen


def _outgoing(entry: OutboxEntry) -> OutgoingEvent:
    event = entry.decoded()
    if event is None:
        raise InvalidRequest("this version does not know such an event")
    return OutgoingEvent(id=entry.id, event=event, recorded_at=entry.recorded_at, attempt=entry.attempts)


def _settle(taken: OutboxEntry, after: OutboxEntry) -> Callable[[UnitOfWork], Entries]:
    """Return the work that writes down what became of an event, unless its lease was over and another has it."""

    def work(uow: UnitOfWork) -> Entries:
        if [taken.way] == [known.way for known in uow.outbox_entries((taken.id,))]:
            uow.write(Changes(outbox=(OutboxChange(taken, after),)))
        return ()

    return work


def _failure(error: Exception) -> str:
    """Return what is kept of an error: its class, since a text of others may say anything about anybody."""
    name = type(error).__qualname__
    return f"{name}: {error}" if isinstance(error, LoyaltyError) else name


def _spread(entry: OutboxEntry) -> float:
    """Return a number from 0 up to 1 that differs from event to event and from attempt to attempt."""
    digest = sha256(f"{entry.id} {entry.attempts}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
