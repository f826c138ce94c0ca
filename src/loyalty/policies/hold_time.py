"""How long value stays reserved for an order that nobody pays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from moneyed import Money

from loyalty.policies.decision import policy

__all__ = ["LONGEST_HOLD", "SHORTEST_HOLD", "HoldTime", "fifteen_minutes"]

SHORTEST_HOLD = timedelta(seconds=1)
LONGEST_HOLD = timedelta(days=366)
"""What a hold may last; both bounds are included."""

HoldTime = Callable[[Money], timedelta]
"""Asked with the amount due, if the caller does not say how long."""


@policy("1")
def fifteen_minutes(amount_due: Money) -> timedelta:  # noqa: ARG001  # the same for every amount
    """Give a checkout time to ask for a card number and a bank's approval, and a forgotten cart no more than that."""
    return timedelta(minutes=15)
