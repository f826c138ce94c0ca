"""Where the replay sends its commands: the clock, the keys, and what everything came to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeVar

import attrs
from moneyed import Money

from loyalty.cli.purchases import Purchase
from loyalty.errors import IdempotencyConflict, InvalidRequest
from loyalty.facade import Loyalty
from loyalty.ledger.transfer import Reference
from loyalty.money import to_money
from loyalty.use_cases.command import Command, Sweep, swept

__all__ = ["DayClock", "Moved", "OtherBooks", "Paid", "Till", "key_of", "order_of", "usd"]

CURRENCY: Final = "USD"
EXPONENT: Final = 2


class OtherBooks(Exception):
    """The database holds something else than this replay; nothing was changed."""


class DayClock:
    """A clock that stands at midnight UTC of the day it was moved to."""

    def __init__(self, day: date) -> None:
        """Begin with *day*."""
        self.move_to(day)

    def move_to(self, day: date) -> None:
        """Make it another day, also an earlier one."""
        self._now = datetime.combine(day, time(), tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the first instant of the day: aware, UTC."""
        return self._now


@attrs.define
class Moved:
    """What the answers of all commands add up to, in cents; the sweeps apart."""

    issued: int = 0
    granted: int = 0
    redeemed: int = 0
    refunded: int = 0


@attrs.frozen(kw_only=True)
class Paid:
    """How a purchase was paid, in cents: in which order, with how much stored value, and how much elsewhere."""

    purchase: Purchase
    order_id: str
    stored: int = 0
    elsewhere: int = 0


Result = TypeVar("Result")


class Till:
    """
    Executes commands and counts what they came to.

    ``commands`` counts what was sent, ``sweeps`` the daily sweeps; ``events``
    counts what happened to purchases, cards and holds, by name.

    Args:
        loyalty:
            Where the commands go. Its clock must be *clock*.
        clock:
            The day of the replay.
        digest:
            Names the purchase log.
    """

    def __init__(self, loyalty: Loyalty, clock: DayClock, digest: str) -> None:
        """Keep the arguments; nothing is executed yet."""
        self.loyalty = loyalty
        self.clock = clock
        self.log = Reference("purchase log", digest)
        self.moved = Moved()
        self.commands = 0
        self.sweeps = 0
        self.events: Counter[str] = Counter()

    def execute(self, command: Command[Result]) -> Result:
        """
        Send one command.

        Raises:
            loyalty.cli.till.OtherBooks: If its key was used for another content,
                or was used under another secret.
        """
        self.commands += 1
        try:
            return self.loyalty.execute(command)
        except IdempotencyConflict:
            raise OtherBooks("the database holds the replay of another purchase log") from None
        except InvalidRequest:  # the command is sound, so it is the key of the receipt that is not known
            raise OtherBooks("the database was filled under another secret") from None

    def sweep(self, sweep: Sweep[Any]) -> None:
        """Repeat a sweep until it is done."""
        for _ in swept(self.loyalty.execute, sweep):
            self.sweeps += 1


def usd(cents: int) -> Money:
    """Return cents as money."""
    return to_money(cents, CURRENCY, EXPONENT)


def order_of(purchase: int, attempt: str = "") -> str:
    """Return the id of the order of a purchase, by its number; a second order for it has a name."""
    return f"demo/{purchase}{attempt and '/'}{attempt}"


def key_of(purchase: Purchase, step: str) -> str:
    """Return the idempotency key of one step of a purchase."""
    return f"demo/{purchase.number}/{step}"
