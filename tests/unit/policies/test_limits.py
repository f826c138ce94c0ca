"""Limits that a shop states in money, per currency."""

from __future__ import annotations

from typing import Any

import pytest
from moneyed import Money

from loyalty import SpendingLimits
from loyalty.errors import InvalidAmount, InvalidRequest
from loyalty.policies.limits import Caps, no_limits
from tests.use_cases.shop import usd


def test_there_are_none_by_default() -> None:
    """No limit is None, never zero."""
    assert Caps(per_card=None, per_order=None, per_customer_and_day=None) == no_limits("USD") == SpendingLimits()("USD")


def test_limits_are_told_in_minor_units_of_their_currency() -> None:
    """Each currency has its own; one that is not named has none."""
    limits = SpendingLimits(
        per_card=usd("50.00"),
        per_order=[usd("500.00"), Money(70_000, "JPY")],
        per_customer_and_day=(Money("1.5", "KWD"),),
    )
    assert Caps(per_card=5000, per_order=50_000) == limits("USD")
    assert Caps(per_order=70_000) == limits("JPY")
    assert Caps(per_customer_and_day=1500) == limits("KWD")
    assert Caps() == limits("EUR") == limits("usd")


@pytest.mark.parametrize("field", ["per_card", "per_order", "per_customer_and_day"])
@pytest.mark.parametrize(
    ("value", "error"),
    [
        (usd("0"), InvalidAmount),
        (usd("-5"), InvalidAmount),
        ((usd("1"), usd("2")), InvalidRequest),
        (5, InvalidRequest),
        (None, InvalidRequest),
        ({"USD": 5}, InvalidRequest),
        ((5,), InvalidAmount),
    ],
    ids=repr,
)
def test_wrong_limits_are_told_when_they_are_stated(field: str, value: Any, error: type[Exception]) -> None:
    """Zero, less, a currency twice, and what is no money: never found out in the middle of a sale."""
    with pytest.raises(error):
        SpendingLimits(**{field: value})
