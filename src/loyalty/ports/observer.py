"""
The observer port: who hears how operations went, to count and to time them.

An observer decides nothing and sees no customer: what it is told are names,
ids, times and numbers. The library logs by the same port.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

import attrs

from loyalty.errors import DuplicateRecord, InvalidRequest, LoyaltyError, NotFound, Refused
from loyalty.identifiers import AccountId, HoldId
from loyalty.ports.changes import Changes
from loyalty.ports.receipt import Receipt

__all__ = ["Ending", "Observer", "Operation", "OperationKind", "Outcome", "Watch"]

NO_EVENTS: Mapping[str, int] = {}
"""What came of the events of an operation that delivers none."""

ANSWERS = (Refused, NotFound, InvalidRequest, DuplicateRecord)
"""Errors that are the answer of the rules. All others are failures."""


class OperationKind(StrEnum):
    """What a host asks of a door. A command that is carried out in steps is one operation per step."""

    COMMAND = "command"
    SWEEP = "sweep"
    QUERY = "query"
    DELIVERY = "delivery"


class Outcome(StrEnum):
    """How an operation ends without an error of ours; otherwise its outcome is the ``code`` of the error."""

    COMMITTED = "committed"
    """Written, for ever."""
    JOINED = "joined"
    """Written inside the host's transaction; whether it stays is the host's to say."""
    REPLAYED = "replayed"
    """Known by its key, and answered again."""
    UNCHANGED = "unchanged"
    """There was nothing to write."""
    ANSWERED = "answered"
    """A query has its answer."""
    DELIVERED = "delivered"
    """A delivery came to its end, whatever became of each event."""
    FAILED = "failed"
    """An error that is not of this library, such as one of a host's own policy."""
    INTERRUPTED = "interrupted"
    """Cut off, as a task is that is cancelled. What was to be committed may be committed."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Operation:
    """What is asked for: ``name`` is the class of the command or query, ``module`` where it is defined."""

    kind: OperationKind
    name: str
    module: str


@attrs.frozen(kw_only=True)
class Ending:
    """
    How one operation ended.

    ``outcome`` is one of :class:`Outcome`, or the ``code`` of the error.
    ``seconds`` is how long it took, waits and further attempts included.
    ``attempts`` counts how often the rules were run: all but the last lost a
    race. It is 0 if none were, as when too many codes were wrong, and 1 for
    queries and deliveries. ``error`` is what was raised. ``idempotency_key`` is
    the command's. ``events`` are the numbers of a delivery: ``delivered``,
    ``failed`` and ``given_up``.

    ``receipt`` and ``changes`` are what was to be written, or in a replay the
    receipt that was there. They hold what is personal, so they are not for logs:
    the properties are.
    """

    outcome: str
    seconds: float
    attempts: int = 1
    error: BaseException | None = attrs.field(default=None, repr=False)
    idempotency_key: str | None = None
    events: Mapping[str, int] = NO_EVENTS
    receipt: Receipt | None = attrs.field(default=None, repr=False)
    changes: Changes | None = attrs.field(default=None, repr=False)

    @property
    def is_failure(self) -> bool:
        """Whether it ended by an error that is no answer of the rules: the storage, the books, or a host's policy."""
        return self.error is not None and not isinstance(self.error, ANSWERS)

    @property
    def error_type(self) -> str | None:
        """The ``code`` of an error of this library, the name of the class of any other; None if it is no failure."""
        if not self.is_failure:
            return None
        return self.outcome if isinstance(self.error, LoyaltyError) else type(self.error).__name__

    @property
    def cause(self) -> str | None:
        """The name of the class of the error behind the error, such as the driver's."""
        cause = None if self.error is None else self.error.__cause__
        return None if cause is None else type(cause).__name__

    @property
    def event(self) -> str | None:
        """The name of the event of the command."""
        return None if self.receipt is None else self.receipt.event

    @property
    def event_id(self) -> str | None:
        """The id of the event, and of the receipt."""
        return None if self.receipt is None else self.receipt.id

    @property
    def account_ids(self) -> tuple[AccountId, ...]:
        """The accounts that were changed or made, in order."""
        if self.changes is None:
            return ()
        changed = {change.after.id for change in self.changes.accounts}
        return tuple(sorted(changed.union(account.id for account in self.changes.new_accounts())))

    @property
    def hold_ids(self) -> tuple[HoldId, ...]:
        """The holds that were changed or placed, in order."""
        if self.changes is None:
            return ()
        placed = {hold.id for hold in self.changes.new_holds}
        return tuple(sorted(placed.union(change.after.id for change in self.changes.holds)))

    @property
    def order_ids(self) -> tuple[str, ...]:
        """The orders that transfers, holds and sales are about, in order."""
        if self.changes is None:
            return ()
        named = {transfer.order_id for transfer in self.changes.transfers}
        named.update(hold.order_id for hold in self.changes.new_holds)
        named.update(change.after.order_id for change in self.changes.holds)
        named.update(sale.order_id for sale in self.changes.sales)
        named.update(order.order_id for order in self.changes.refunded_orders)
        return tuple(sorted(filter(None, named)))


class Watch(Protocol):
    """Hears of one operation, in the thread or task that it runs in."""

    def lost_race(self, attempts: int) -> None:
        """Hear that the rules are run once more, the *attempts*-th time, because others won the race."""
        ...

    def ended(self, ending: Ending) -> None:
        """Hear how it ended. Called once, last."""
        ...


@runtime_checkable
class Observer(Protocol):
    """
    Hears of every operation of a door.

    It is called between the host and the storage, outside any transaction but a
    host's own, and keeps them waiting as long as it takes; in an event loop it is
    not awaited. What it raises is logged and changes nothing.
    """

    def began(self, operation: Operation) -> Watch | None:
        """
        Hear that an operation begins.

        **Missing:** None if nobody wants to know how it goes on. **Concurrent:**
        called from many threads and tasks at once.
        """
        ...
