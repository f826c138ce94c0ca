"""How long a hold lasts if nobody says."""

from __future__ import annotations

from datetime import timedelta

from moneyed import Money

from loyalty.policies.hold_time import LONGEST_HOLD, SHORTEST_HOLD, fifteen_minutes


def test_fifteen_minutes_for_every_amount() -> None:
    """A quarter of an hour, whatever is due."""
    for amount in (Money("0.01", "USD"), Money(10**12, "JPY")):
        assert timedelta(seconds=900) == fifteen_minutes(amount)


def test_the_default_lies_within_the_bounds() -> None:
    """A second at least, a leap year at most."""
    assert (timedelta(seconds=1), timedelta(days=366)) == (SHORTEST_HOLD, LONGEST_HOLD)
    assert SHORTEST_HOLD <= fifteen_minutes(Money(1, "USD")) <= LONGEST_HOLD
