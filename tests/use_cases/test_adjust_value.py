"""Adjusting value: by an amount, never to one, with who and why."""

from __future__ import annotations

from typing import Any

import pytest
from moneyed import Money

from loyalty import (
    Adjustment,
    AdjustValue,
    Direction,
    HouseAccount,
    LotOrigin,
    Movements,
    StoreCreditStatus,
    TransferKind,
)
from loyalty.errors import (
    CurrencyMismatch,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.gift_cards.card import GiftCardStatus
from tests.use_cases.shop import DAY, NOW, Shop, usd

UP, DOWN = Direction.CREDIT, Direction.DEBIT


def adjust(shop: Shop, direction: Direction, amount: Money | str = "5.00", **given: Any) -> Adjustment:
    """Adjust a balance, as staff would."""
    money = usd(amount) if isinstance(amount, str) else amount
    said = {"actor": "staff/7", "reason": "typed twice", "idempotency_key": shop.key()}
    return shop.execute(AdjustValue(amount=money, direction=direction, **{**said, **given}))


def refuses(shop: Shop, kind: type[LoyaltyError], direction: Direction, amount: str = "5.00", **given: Any) -> None:
    """Expect that an adjustment is refused so, and that nothing has changed."""
    before = shop.books()
    with pytest.raises(kind):
        adjust(shop, direction, amount, **given)
    assert before == shop.books()


def test_a_card_and_an_account_go_up_and_down() -> None:
    """By exactly the amount, and the entry says who and why."""
    shop = Shop()
    issued, account = shop.issue("50.00"), shop.grant("50.00").account
    for named in (
        {"gift_card_id": issued.gift_card.id}, {"account_id": issued.gift_card.account_id},
        {"customer_id": "ada"}, {"account_id": account.id},
    ):  # fmt: skip
        up, down = adjust(shop, UP, "7.00", **named), adjust(shop, DOWN, "2.00", **named)
        assert (usd("7.00"), usd("5.00")) == (up.amount, down.balance_after - up.balance_after + up.amount)
        assert (TransferKind.ADJUSTMENT, DOWN, "staff/7", "typed twice") == (
            down.transfer.kind, down.transfer.direction, down.transfer.actor, down.transfer.reason,
        )  # fmt: skip
    assert usd("60.00") == shop.card(issued).posted == shop.credit().posted
    assert issued.gift_card.id == adjust(shop, UP, account_id=issued.gift_card.account_id).gift_card_id
    assert adjust(shop, UP, customer_id="ada").gift_card_id is None


def test_the_books_tie() -> None:
    """Adjustments have their own house account and their own line in the roll-forward."""
    shop = Shop()
    shop.grant("10.00")
    adjust(shop, UP, "7.00", customer_id="ada")
    adjust(shop, DOWN, "9.00", customer_id="ada")
    (movements,) = shop.ask(Movements())
    assert (usd("-2.00"), usd("2.00"), usd("8.00")) == (
        movements.adjusted, movements.house[HouseAccount.ADJUSTMENTS], movements.closing,
    )  # fmt: skip


def test_new_value_has_an_origin_and_may_end() -> None:
    """Goodwill unless said otherwise; at its end it is not available."""
    shop = Shop()
    shop.grant("10.00", origin=LotOrigin.PURCHASED)
    adjust(shop, UP, "1.00", customer_id="ada")
    adjust(shop, UP, "2.00", customer_id="ada", origin=LotOrigin.PROMOTIONAL, expires_at=NOW + DAY)
    lots = shop.storage._books.accounts[shop.credit().id].lots
    assert {(LotOrigin.PURCHASED, None), (LotOrigin.GOODWILL, None), (LotOrigin.PROMOTIONAL, NOW + DAY)} == {
        (lot.origin, lot.expires_at) for lot in lots
    }
    shop.clock.advance(DAY)
    assert usd("11.00") == shop.credit().available


def test_a_debit_takes_what_ends_first_and_never_more_than_is_available() -> None:
    """Expired value is not there to be taken; a sweep is for that."""
    shop = Shop()
    shop.grant("3.00", expires_at=NOW + DAY)
    shop.grant("4.00")
    adjust(shop, DOWN, "1.00", customer_id="ada")
    assert usd("2.00") == shop.credit().available - usd("4.00")
    shop.clock.advance(DAY)
    before = shop.books()
    with pytest.raises(InsufficientBalance) as caught:
        adjust(shop, DOWN, "4.01", customer_id="ada")
    assert usd("4.00") == caught.value.available
    assert before == shop.books()


def test_who_and_why_are_required_and_one_account_is_named() -> None:
    """None, two, or a word that is no direction cannot be constructed; only new value has an end."""
    good: dict[str, Any] = {
        "amount": usd("1"), "direction": UP, "customer_id": "ada", "actor": "a", "reason": "b", "idempotency_key": "k",
    }  # fmt: skip
    AdjustValue(**good)
    for changed in (
        {"actor": None}, {"reason": None}, {"customer_id": None}, {"account_id": "1"}, {"gift_card_id": "1"},
        {"direction": "credit"}, {"direction": DOWN, "expires_at": NOW},
    ):  # fmt: skip
        with pytest.raises(InvalidRequest):
            AdjustValue(**{**good, **changed})


def test_what_is_not_there_is_not_opened() -> None:
    """A correction is of something; a grant opens accounts."""
    shop = Shop()
    refuses(shop, StoreCreditAccountNotFound, UP, customer_id="ada")
    refuses(shop, StoreCreditAccountNotFound, UP, account_id="nobody has this id")
    refuses(shop, GiftCardNotFound, UP, gift_card_id="nobody has this id")


def test_other_currencies_and_times_are_refused() -> None:
    """Never a conversion, and never value that is dead from the start."""
    shop = Shop()
    shop.grant(Money(100, "JPY"))
    refuses(shop, CurrencyMismatch, UP, account_id=shop.credit(currency="JPY").id)
    shop.grant("1.00")
    refuses(shop, InvalidTime, UP, customer_id="ada", expires_at=NOW)


@pytest.mark.parametrize("status", GiftCardStatus)
def test_a_card_that_is_stopped_for_good_or_not_paid_yet_gets_no_value(status: GiftCardStatus) -> None:
    """Value can be taken off any card, and added to an active or blocked one."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.set_card_status(issued, status)
    adjust(shop, DOWN, gift_card_id=issued.gift_card.id)
    if status in {GiftCardStatus.PENDING, GiftCardStatus.DEACTIVATED}:
        refuses(shop, NotSpendable, UP, gift_card_id=issued.gift_card.id)
    else:
        adjust(shop, UP, gift_card_id=issued.gift_card.id)


@pytest.mark.parametrize("status", StoreCreditStatus)
def test_a_closed_account_gets_no_value(status: StoreCreditStatus) -> None:
    """A blocked one does."""
    shop = Shop()
    account = shop.grant("50.00").account
    shop.set_credit_status(account.id, status)
    if status is StoreCreditStatus.CLOSED:
        refuses(shop, NotSpendable, UP, account_id=account.id)
    else:
        assert usd("55.00") == adjust(shop, UP, account_id=account.id).balance_after


def test_a_replay_answers_again() -> None:
    """One correction, one event."""
    shop = Shop()
    shop.grant("5.00")
    shop.execute_twice(
        AdjustValue(customer_id="ada", amount=usd("5"), direction=DOWN, actor="a", reason="b", idempotency_key="k")
    )
    assert "ValueAdjusted" == shop.last_receipt().event
