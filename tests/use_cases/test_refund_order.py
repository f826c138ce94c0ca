"""Refunding an order as new value: to store credit or as a gift card, under one cap per order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    BlockGiftCard,
    CardsOfOrder,
    CreditRefund,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    RefundRedemption,
    StoreCreditStatus,
    TransferKind,
)
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidAmount,
    InvalidTime,
    NotSpendable,
    RefundTooLarge,
)
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd


def to_credit(shop: Shop, amount: str, refundable: str = "45.00", **given: Any) -> CreditRefund:
    """Refund order 1001 to Ada's store credit, unless said otherwise."""
    named = {"order_id": "1001", "customer_id": "ada", "idempotency_key": shop.key()}
    return shop.execute(RefundOrderToStoreCredit(amount=usd(amount), refundable=usd(refundable), **{**named, **given}))


def as_card(shop: Shop, amount: str, refundable: str = "45.00", **given: Any) -> IssuedGiftCard:
    """Refund order 1001 as a gift card."""
    named = {"order_id": "1001", "idempotency_key": shop.key()}
    return shop.execute(RefundAsGiftCard(amount=usd(amount), refundable=usd(refundable), **{**named, **given}))


def test_the_account_is_opened_if_it_is_missing() -> None:
    """And added to if it is there; the value is of origin refund and never ends."""
    shop = Shop()
    first = to_credit(shop, "15.00", reason="does not fit")
    second = to_credit(shop, "20.00")
    assert first.account.id == second.account.id
    assert (usd("35.00"), None) == (shop.credit().available, shop.credit().expires_next)
    assert (usd("30.00"), usd("10.00")) == (first.still_refundable, second.still_refundable)
    entry = first.transfer
    assert (TransferKind.REFUND, "1001", "does not fit", None) == (
        entry.kind, entry.order_id, entry.reason, entry.refunds,
    )  # fmt: skip
    assert {LotOrigin.REFUND} == {lot.origin for lot in shop.storage._books.accounts[first.account.id].lots}
    (movements,) = shop.ask(Movements())
    assert (usd("35.00"), usd("-35.00")) == (movements.refunded, movements.house[HouseAccount.REFUNDS])


def test_a_guest_gets_a_card() -> None:
    """Spendable at once with its code, not bought in the order, and never ending."""
    shop = Shop()
    issued = as_card(shop, "15.00", recipient="guest@example.org")
    card = issued.gift_card
    assert (usd("15.00"), LotOrigin.REFUND, None, None, "guest@example.org") == (
        card.value, card.origin, card.expires_at, card.order_id, card.recipient,
    )  # fmt: skip
    assert () == shop.ask(CardsOfOrder(order_id="1001")).bought
    assert usd("5.00") == shop.redeem(issued, "10.00", "1002").balance_after
    (movements,) = shop.ask(Movements())
    assert (usd("0.00"), usd("15.00")) == (movements.issued, movements.refunded)
    assert shop.ask(Audit()).is_clean


def test_the_cap_counts_all_refunds_of_the_order() -> None:
    """To whomever, as whatever; one cent more than the ceiling is refused with what is left."""
    shop = Shop()
    to_credit(shop, "15.00")
    as_card(shop, "20.00")
    before = shop.books()
    for refund in (to_credit, as_card):
        for given in ({}, {"customer_id": "bob"} if refund is to_credit else {"recipient": "other"}):
            with pytest.raises(RefundTooLarge) as caught:
                refund(shop, "10.01", **given)
            assert usd("10.00") == caught.value.refundable
    assert before == shop.books()
    to_credit(shop, "10.00", customer_id="bob")
    assert usd("45.00") == to_credit(shop, "45.00", order_id="1002").amount


def test_refunds_of_redemptions_count_too() -> None:
    """The ceiling is the order's in total, and value that went back to its card went back."""
    shop = Shop()
    shop.redeem(shop.issue("30.00"), "30.00")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("30.00"), idempotency_key="r"))
    with pytest.raises(RefundTooLarge) as caught:
        to_credit(shop, "15.01")
    assert usd("15.00") == caught.value.refundable
    to_credit(shop, "15.00")


def test_a_ceiling_may_rise_and_fall() -> None:
    """It is what the host says now; what was given back stays given back."""
    shop = Shop()
    to_credit(shop, "10.00", "10.00")
    with pytest.raises(RefundTooLarge) as caught:
        to_credit(shop, "1.00", "5.00")
    assert usd("0.00") == caught.value.refundable
    assert usd("0.00") == to_credit(shop, "5.00", "15.00").still_refundable


def test_currencies_are_kept_apart() -> None:
    """A ceiling in another currency is refused, another currency's refunds have their own."""
    shop = Shop()
    with pytest.raises(CurrencyMismatch):
        RefundOrderToStoreCredit(
            order_id="1", customer_id="ada", amount=usd("1"), refundable=Money(1, "EUR"), idempotency_key="k"
        )
    to_credit(shop, "45.00")
    command = RefundOrderToStoreCredit(
        order_id="1001", customer_id="ada", amount=Money(5, "EUR"), refundable=Money(5, "EUR"), idempotency_key="k"
    )
    assert Money(0, "EUR") == shop.execute(command).still_refundable


def test_a_changed_table_of_decimals_re_scales_no_refund() -> None:
    """What was given back when a currency had other decimals cannot be compared, so nothing more is given."""
    shop = Shop()
    old, new = Currency("PTS", sub_unit=1), Currency("PTS", sub_unit=100)
    for number, currency in enumerate((old, new)):
        command = RefundAsGiftCard(
            order_id="1", amount=Money(5, currency), refundable=Money(9, currency), idempotency_key=f"{number}"
        )
        if currency is old:
            shop.execute(command)
        else:
            with pytest.raises(CurrencyMismatch):
                shop.execute(command)


def test_value_may_end_but_not_before_it_begins() -> None:
    """An end in the past is refused, one in the future is kept."""
    shop = Shop()
    for refund in (to_credit, as_card):
        with pytest.raises(InvalidTime):
            refund(shop, "1.00", expires_at=NOW)
    to_credit(shop, "1.00", expires_at=NOW + DAY)
    card = as_card(shop, "1.00", expires_at=NOW + DAY)
    assert (NOW + DAY, NOW + DAY) == (shop.credit().expires_next, card.gift_card.expires_at)


def test_an_account_that_went_ahead_of_the_clock_decides_by_its_own_time() -> None:
    """After the clock went back, an end that the account has seen is still in the past."""
    shop = Shop()
    shop.clock.advance(DAY)
    shop.grant("1.00")
    shop.clock.advance(-DAY)
    with pytest.raises(InvalidTime):
        to_credit(shop, "1.00", expires_at=NOW + DAY)


def test_a_blocked_account_takes_its_refund_and_a_closed_one_does_not() -> None:
    """Like a grant."""
    shop = Shop()
    account = shop.grant("1.00").account
    shop.set_credit_status(account.id, StoreCreditStatus.BLOCKED)
    to_credit(shop, "1.00")
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    with pytest.raises(NotSpendable):
        to_credit(shop, "1.00")


@pytest.mark.parametrize("amount", ["0", "-5", "0.001"])
def test_nothing_and_less_is_no_refund(amount: str) -> None:
    """Neither as the amount nor as the ceiling."""
    for amounts in ((amount, "45.00"), ("1.00", amount)):
        with pytest.raises(InvalidAmount):
            to_credit(Shop(), *amounts)


def test_a_replay_answers_again_though_the_cap_is_used_up() -> None:
    """With the same code for a card, under newer keys too; other content is a conflict."""
    shop = Shop()
    command = RefundAsGiftCard(order_id="1", amount=usd("9"), refundable=usd("9"), idempotency_key="k")
    issued = shop.execute_twice(command)
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    assert issued == shop.execute(command) == shop.with_keys(KEYS).execute(command)
    credit = RefundOrderToStoreCredit(
        order_id="2", customer_id="ada", amount=usd("9"), refundable=usd("9"), idempotency_key="c"
    )
    shop.execute_twice(credit)
    with pytest.raises(IdempotencyConflict):
        to_credit(shop, "9.00", "9.00", idempotency_key="c")


def test_one_event_tells_whose_it_is() -> None:
    """The customer's or the card's, with the order; never a code."""
    shop = Shop()
    to_credit(shop, "1.00")
    assert '"customer_id":"ada","gift_card_id":null' in shop.last_receipt().event_data
    issued = as_card(shop, "1.00")
    assert issued.gift_card.id in shop.last_receipt().event_data
    assert "OrderRefunded" == shop.last_receipt().event
    assert issued.code not in repr(shop.books())


def test_many_at_once_stay_within_the_cap() -> None:
    """However many refund one order to however many accounts and cards."""
    shop = Shop()

    def refund(number: int) -> bool:
        try:
            if number % 2:
                as_card(shop, "10.00", idempotency_key=f"{number}")
            else:
                to_credit(shop, "10.00", customer_id=f"customer {number}", idempotency_key=f"{number}")
        except RefundTooLarge:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert 4 == sum(pool.map(refund, range(32)))
