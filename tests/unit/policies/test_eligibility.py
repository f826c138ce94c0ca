"""Order lines, what a rule may know of a tender, and the default rule."""

from __future__ import annotations

import attrs
import pytest
from moneyed import Money

from loyalty import OrderLine
from loyalty.errors import InvalidAmount, InvalidRequest
from loyalty.policies.eligibility import PayingTender, stored_value_buys_no_stored_value
from tests.unit.accounts import NOW
from tests.use_cases.shop import usd

TENDER = PayingTender(gift_card_id=None, customer_id="ada", currency="USD", issued_at=NOW)


def test_the_default_rule_vetoes_stored_value_only() -> None:
    """Gift cards and credit buy no gift cards, from no tender; everything else passes."""
    card = attrs.evolve(TENDER, gift_card_id="card-1", customer_id=None)
    for tender in (TENDER, card):
        assert None is stored_value_buys_no_stored_value(OrderLine(id="a", amount=usd("1")), tender)
        said = stored_value_buys_no_stored_value(OrderLine(id="a", amount=usd("1"), is_stored_value=True), tender)
        assert "stored value cannot buy stored value" == said


def test_a_line_is_frozen_and_plain() -> None:
    """Tags and metadata are copied, and money of a host's own class becomes plain money."""

    class Price(Money):
        """Money of a host's own class."""

    tags, metadata = ["wine"], {"vintage": 1999}
    line = OrderLine(id="a", amount=Price("5.00", "USD"), product="merlot", tags=tags, metadata=metadata)
    tags.append("changed")
    metadata["vintage"] = 2000
    assert (("wine",), Money, "merlot") == (line.tags, type(line.amount), line.product)
    assert line.metadata is not None
    assert 1999 == line.metadata["vintage"]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        line.id = "b"  # type: ignore[misc]  # frozen


def test_a_line_may_carry_a_hundred_tags() -> None:
    """And not one more."""
    assert 100 == len(OrderLine(id="a", amount=usd("1"), tags=("x",) * 100).tags)
    with pytest.raises(InvalidRequest):
        OrderLine(id="a", amount=usd("1"), tags=("x",) * 101)


def test_a_line_costs_something() -> None:
    """Free lines are left out of a payment; zero and less are no amounts."""
    for amount in (usd("0"), usd("-1"), usd("0.001")):
        with pytest.raises(InvalidAmount):
            OrderLine(id="a", amount=amount)
