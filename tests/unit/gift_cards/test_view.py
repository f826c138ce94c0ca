"""A card as a host sees it at one instant."""

from __future__ import annotations

import attrs
import pytest
from moneyed import Money

from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from tests.unit.accounts import DAY, NOW, card_of, lot_of


def test_amounts_are_money_and_derived_facts_follow() -> None:
    """Value, posted, held and available are told apart, and partly used follows from them."""
    view = GiftCardView.of(card_of(lot_of(700, amount=1000, held=200)), NOW)
    assert ["10.00", "7.00", "2.00", "5.00"] == [
        str(money.amount) for money in (view.value, view.posted, view.held, view.available)
    ]
    assert (True, False, False, False) == (
        view.is_partly_used, view.is_exhausted, view.is_expired, view.is_disabled,
    )  # fmt: skip
    assert NOW == view.as_of


@pytest.mark.parametrize(
    ("remaining", "partly", "exhausted"), [(1000, False, False), (999, True, False), (1, True, False), (0, False, True)]
)
def test_used_and_empty_follow_from_the_balance(remaining: int, partly: bool, exhausted: bool) -> None:
    """A full card is unused, an empty one exhausted, and everything between partly used."""
    view = GiftCardView.of(card_of(lot_of(remaining, amount=1000)), NOW)
    assert (partly, exhausted) == (view.is_partly_used, view.is_exhausted)


@pytest.mark.parametrize("status", GiftCardStatus)
def test_only_an_active_card_has_something_available(status: GiftCardStatus) -> None:
    """Pending, blocked and deactivated cards have value but none of it available."""
    view = GiftCardView.of(card_of(lot_of(1000), status=status), NOW)
    assert Money("10.00", "USD") == view.posted
    assert (status is GiftCardStatus.ACTIVE) == (view.available == Money("10.00", "USD"))
    assert (status is not GiftCardStatus.ACTIVE) == (view.available == Money("0.00", "USD"))


def test_an_expired_card_has_nothing_available() -> None:
    """Expired value is posted until a sweep takes it, and not available."""
    view = GiftCardView.of(card_of(lot_of(1000, expires_at=NOW), expires_at=NOW), NOW)
    assert (True, Money("10.00", "USD"), Money("0.00", "USD")) == (view.is_expired, view.posted, view.available)


def test_every_fact_of_the_card_is_shown_and_no_secret() -> None:
    """The view has the facts a host may see; digest, key id and code version are not among them."""
    card = card_of(
        lot_of(),
        customer_id="ada",
        claimed_at=NOW,
        region="eu",
        order_id="900",
        recipient="grace",
        note="n",
        tags=("a",),
        expires_at=NOW + DAY,
    )
    view = GiftCardView.of(card, NOW)
    names = {field.name for field in attrs.fields(GiftCardView)}
    for name in {field.name for field in attrs.fields(type(card))} & names - {"value"}:
        assert getattr(card, name) == getattr(view, name)
    assert set() == names & {"code", "code_digest", "code_key_id", "code_version"}
    assert (card.account.id, "••••-7KQ2") == (view.account_id, view.masked_code)
