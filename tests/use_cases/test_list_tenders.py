"""A customer's own cards and credit that can pay now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import GiftCardStatus, ListTenders, StoreCreditStatus, Tenders
from loyalty.errors import InvalidAmount, InvalidRequest
from tests.use_cases.checkout import MINUTE, hold
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def tenders(shop: Shop, customer_id: str = "ada", currency: str = "USD") -> Tenders:
    """Ask for a customer's tenders."""
    return shop.ask(ListTenders(customer_id=customer_id, currency=currency))


def test_claimed_cards_and_credit_are_listed() -> None:
    """Available is the sum of both; cards that end soonest come first, those without an end last."""
    shop = Shop()
    forever, late, soon = (
        shop.issue("1.00", customer_id="ada"),
        shop.issue("2.00", customer_id="ada", expires_at=NOW + 2 * DAY),
        shop.issue("3.00", customer_id="ada", expires_at=NOW + DAY),
    )
    shop.grant("4.00")
    answer = tenders(shop)
    assert [soon.gift_card.id, late.gift_card.id, forever.gift_card.id] == [card.id for card in answer.gift_cards]
    assert answer.store_credit is not None
    assert (usd("4.00"), usd("10.00")) == (answer.store_credit.available, answer.available)


def test_an_unknown_customer_has_nothing() -> None:
    """Nobody's list is empty, and asking opens no account."""
    shop = Shop()
    before = shop.books()
    answer = tenders(shop, "nobody")
    assert ((), None, usd("0.00")) == (answer.gift_cards, answer.store_credit, answer.available)
    assert before == shop.books()


def test_what_others_have_is_not_listed() -> None:
    """Neither bearer cards nor another customer's cards and credit."""
    shop = Shop()
    shop.issue("5.00")
    shop.issue("5.00", customer_id="bob")
    shop.grant("5.00", "bob")
    assert usd("0.00") == tenders(shop).available


def test_what_cannot_pay_is_left_out() -> None:
    """Blocked, pending, deactivated, empty and wholly held cards; blocked, closed and empty credit."""
    shop = Shop()
    for status in (GiftCardStatus.BLOCKED, GiftCardStatus.PENDING, GiftCardStatus.DEACTIVATED):
        shop.set_card_status(shop.issue("5.00", customer_id="ada"), status)
    empty, held = shop.issue("5.00", customer_id="ada"), shop.issue("5.00", customer_id="ada")
    shop.redeem(empty, "5.00", customer_id="ada")
    hold(shop, "5.00", codes=[held.code], customer_id="ada")
    account = shop.grant("5.00").account
    for status_ in (StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED):
        shop.set_credit_status(account.id, status_)
        answer = tenders(shop)
        assert ((), None, usd("0.00")) == (answer.gift_cards, answer.store_credit, answer.available)
    shop.set_credit_status(account.id, StoreCreditStatus.OPEN)
    hold(shop, "5.00", customer_id="ada", order_id="1002")
    assert None is tenders(shop).store_credit


@pytest.mark.parametrize(("moment", "amount"), [(-MICROSECOND, "10.00"), (timedelta(0), "0.00"), (MICROSECOND, "0.00")])
def test_expired_value_is_left_out(moment: timedelta, amount: str) -> None:
    """One microsecond before its expiry value is listed; at it and after it it is not."""
    shop = Shop()
    shop.issue("5.00", customer_id="ada", expires_at=NOW + DAY)
    shop.grant("5.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY + moment
    assert usd(amount) == tenders(shop).available


@pytest.mark.parametrize(
    ("moment", "amount"),
    [(15 * MINUTE - MICROSECOND, "2.00"), (15 * MINUTE, "10.00"), (15 * MINUTE + MICROSECOND, "10.00")],
)
def test_held_value_comes_back_when_the_hold_lapses(moment: timedelta, amount: str) -> None:
    """Without any sweep, at the very instant."""
    shop = Shop()
    issued = shop.issue("5.00", customer_id="ada")
    shop.grant("5.00")
    hold(shop, "8.00", codes=[issued.code], customer_id="ada")
    shop.clock.advance(moment)
    assert usd(amount) == tenders(shop).available


def test_each_currency_for_itself() -> None:
    """Other currencies are left out, and so is money of the same code with other decimals: it could not pay."""
    shop = Shop()
    shop.issue(Money("5.00", "EUR"), customer_id="ada")
    shop.grant(Money("5.00", "EUR"))
    shop.issue(Money("5.000", Currency("USD", sub_unit=1000)), customer_id="ada")
    shop.issue("7.00", customer_id="ada")
    assert (usd("7.00"), Money("10.00", "EUR")) == (tenders(shop).available, tenders(shop, currency="EUR").available)


@pytest.mark.parametrize("given", [{"currency": "usd"}, {"currency": None}, {"customer_id": ""}, {"customer_id": None}])
def test_wrong_requests_never_become_a_query(given: dict[str, Any]) -> None:
    """A customer and a known currency are needed."""
    with pytest.raises((InvalidRequest, InvalidAmount)):
        ListTenders(**{"customer_id": "ada", "currency": "USD", **given})
