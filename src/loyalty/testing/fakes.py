"""Stand-ins for what a host brings: an obedient clock, counting ids, a sink, keys that everybody knows, two rules."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Final

from loyalty.clock import require_utc
from loyalty.codes.digest import CodeKeys
from loyalty.facade import Loyalty
from loyalty.money import to_money
from loyalty.policies.cash_out import CashOutRule, Remainder
from loyalty.policies.decision import policy
from loyalty.policies.eligibility import OrderLine, PayingTender
from loyalty.policies.redelivery import Redelivery
from loyalty.ports.event_sink import OutgoingEvent

__all__ = [
    "CODE_SECRET",
    "CountingIds",
    "FakeClock",
    "FakeSink",
    "fake_code_keys",
    "give_up_one",
    "pays_by_product",
    "pays_out_small_change",
]

CODE_SECRET: Final = "a secret for tests, known to everybody"  # noqa: S105 - it protects nothing
"""What :func:`fake_code_keys` is made from."""

START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """
    A clock that stands still until it is told otherwise.

    Example:
        >>> clock = FakeClock()
        >>> clock.advance(timedelta(days=1))
        >>> clock()
        datetime.datetime(2026, 1, 2, 12, 0, tzinfo=datetime.timezone.utc)
    """

    def __init__(self, start: datetime = START) -> None:
        """Stand at *start*, aware and UTC."""
        self._now = require_utc(start, "the clock's time")

    def __call__(self) -> datetime:
        """Return the time it stands at."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on; a negative step moves back, as clocks of real machines sometimes do."""
        self._now += by

    def set(self, to: datetime) -> None:
        """
        Stand at *to*.

        Raises:
            loyalty.errors.InvalidTime: If it is naive or not UTC.
        """
        self._now = require_utc(to, "the clock's time")

    def __repr__(self) -> str:
        """Return the time it stands at."""
        return f"FakeClock({self._now.isoformat()})"


class CountingIds:
    """
    An id source that counts, so that two runs of one program give equal ids.

    Later ids sort after earlier ones. :meth:`restart` begins a new series, so
    that one command that asked for more ids elsewhere does not shift all later ones.
    Threads may share it.
    """

    def __init__(self, prefix: str = "") -> None:
        """Count from one; every id begins with *prefix*."""
        self._prefix = prefix
        self._series = 0
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """Return the next id."""
        return f"{self._prefix}{self._series:05d}-{next(self._numbers):05d}"

    def restart(self) -> None:
        """Begin the next series."""
        self._series += 1
        self._numbers = itertools.count(1)


class FakeSink:
    """
    An event sink that keeps what it is given in ``taken``.

    It raises for the events whose names are in ``refuses``, and keeps those in ``refused``.
    """

    def __init__(self, *refuses: str) -> None:
        """Refuse events of these names; with ``"*"`` all of them."""
        self.refuses = set(refuses)
        self.taken: list[OutgoingEvent] = []
        self.refused: list[OutgoingEvent] = []

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """
        Take an event.

        Raises:
            ValueError: If it is to be refused. The message says what nobody may keep.
        """
        if self.refuses & {"*", type(outgoing.event).__name__}:
            self.refused.append(outgoing)
            message = "a text that may say anything about anybody"
            raise ValueError(message)
        self.taken.append(outgoing)

    @property
    def names(self) -> list[str]:
        """The names of the events that were taken, in their order."""
        return [type(outgoing.event).__name__ for outgoing in self.taken]


def give_up_one(loyalty: Loyalty) -> str:
    """Have the first event that may leave given up, and return its id."""
    sink = FakeSink("*")
    loyalty.deliver_events(sink, limit=1, redelivery=Redelivery(attempts=1))
    return sink.refused[0].id


def fake_code_keys() -> CodeKeys:
    """Return the same keys every time, so that the same ids give the same codes."""
    return CodeKeys.from_secret(CODE_SECRET)


@policy("test")
def pays_by_product(line: OrderLine, tender: PayingTender) -> str | None:
    """
    Veto stored value, and let the line's product say who else may not pay for it.

    ``"for cards"`` is paid by gift cards only, ``"for credit"`` by store credit
    only, ``"for members"`` by what belongs to a customer; so that several
    tenders want the same lines, and have to be kept apart.
    """
    if line.is_stored_value:
        return "stored value"
    vetoed = {
        "for cards": tender.gift_card_id is None,
        "for credit": tender.gift_card_id is not None,
        "for members": tender.customer_id is None,
    }
    return line.product if vetoed.get(str(line.product)) else None


@policy("test")
def pays_out_small_change(remainder: Remainder) -> CashOutRule | None:
    """Pay out what is below 20 minor units of any currency, anywhere."""
    limit = to_money(20, remainder.currency, remainder.exponent)
    return (
        CashOutRule(jurisdiction="anywhere", limit=limit, source="a test") if remainder.paid < 20 else None
    )  # see above
