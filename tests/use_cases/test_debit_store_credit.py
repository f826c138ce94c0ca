"""Debiting store credit: exactly the amount, from the lots in their order."""

from __future__ import annotations

from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    Debit,
    DebitStoreCredit,
    Direction,
    HouseAccount,
    LotOrigin,
    Movements,
    Policies,
    RefundRedemption,
    SpendingLimits,
    StoreCreditStatus,
    TransferKind,
)
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    LimitExceeded,
    NotEligible,
    NotSpendable,
    RedemptionNotFound,
    StoreCreditAccountNotFound,
)
from tests.use_cases.checkout import MINUTE, hold, line
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def debit(shop: Shop, amount: str | Money, **given: Any) -> Debit:
    """Take store credit, from Ada unless said otherwise."""
    money = usd(amount) if isinstance(amount, str) else amount
    named = {} if "account_id" in given or "customer_id" in given else {"customer_id": "ada"}
    return shop.execute(DebitStoreCredit(amount=money, **{"idempotency_key": shop.key(), **named, **given}))


def test_a_debit_takes_exactly_the_amount() -> None:
    """The account holds so much less, and the entry says who asked and why."""
    shop = Shop()
    account = shop.grant("10.00").account
    taken = debit(shop, "4.00", reason="mistake", actor="staff/7")
    assert (usd("4.00"), usd("6.00"), account.id) == (taken.amount, taken.account.available, taken.account.id)
    entry = taken.transfer
    assert (2, Direction.DEBIT, TransferKind.DEBIT, usd("6.00")) == (
        entry.sequence, entry.direction, entry.kind, entry.balance_after,
    )  # fmt: skip
    assert ("mistake", "staff/7", None) == (entry.reason, entry.actor, entry.order_id)
    assert taken.account == shop.credit()


def test_a_correction_goes_to_adjustments_and_a_payment_to_redemptions() -> None:
    """With an order a debit is a redemption, without one a correction."""
    shop = Shop()
    shop.grant("10.00")
    assert TransferKind.DEBIT is debit(shop, "1.00").transfer.kind
    paid = debit(shop, "2.00", order_id="1001")
    assert (TransferKind.REDEMPTION, "1001") == (paid.transfer.kind, paid.transfer.order_id)
    house = shop.ask(Movements())[0].house
    assert (usd("1.00"), usd("2.00")) == (house[HouseAccount.ADJUSTMENTS], house[HouseAccount.REDEMPTIONS])


def test_a_payment_can_be_refunded_and_a_correction_cannot() -> None:
    """What paid for an order comes back by the order; a correction is no redemption."""
    shop = Shop()
    shop.grant("10.00")
    correction = debit(shop, "1.00")
    debit(shop, "2.00", order_id="1001")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("2.00"), idempotency_key="r"))
    assert usd("9.00") == shop.credit().available
    with pytest.raises(RedemptionNotFound):
        shop.execute(RefundRedemption(redemption_id=correction.transfer.id, amount=usd("1.00"), idempotency_key="r2"))


def test_an_account_may_be_named_by_id() -> None:
    """The id names the account as well as customer and currency do."""
    shop = Shop()
    account = shop.grant("10.00").account
    assert usd("9.00") == debit(shop, "1.00", account_id=account.id).account.available


def test_value_is_taken_in_the_spending_order() -> None:
    """Soonest expiry goes first, then what never expires, and expired value is passed over."""
    shop = Shop()
    shop.grant("5.00", reason="for ever")
    shop.grant("5.00", reason="long", expires_at=NOW + 10 * DAY)
    shop.grant("5.00", reason="short", expires_at=NOW + DAY)
    debit(shop, "4.00")
    shop.clock.now = NOW + DAY
    assert usd("10.00") == shop.credit().available
    debit(shop, "5.00")
    shop.clock.now = NOW + 10 * DAY
    assert usd("5.00") == shop.credit().available
    assert () == shop.ask(Audit()).findings


def test_promotional_value_goes_before_paid_value() -> None:
    """Of two lots with one expiry the promotional one is spent first, whichever is older."""
    for first, second in ((LotOrigin.REFUND, LotOrigin.PROMOTIONAL), (LotOrigin.PROMOTIONAL, LotOrigin.REFUND)):
        shop = Shop()
        shop.grant("5.00", origin=first)
        shop.grant("5.00", origin=second)
        debit(shop, "5.00")
        (lot,) = shop.storage._books.accounts[shop.credit().id].lots
        assert LotOrigin.REFUND is lot.origin


def test_one_cent_too_much_is_refused_with_figures() -> None:
    """More than is available is refused whole."""
    shop = Shop()
    shop.grant("10.00")
    shop.grant("5.00", not_before=NOW + DAY)
    before = shop.books()
    with pytest.raises(InsufficientBalance) as caught:
        debit(shop, "10.01")
    assert (usd("10.01"), usd("10.00")) == (caught.value.requested, caught.value.available)
    assert before == shop.books()


def test_expired_value_is_not_taken_even_if_no_sweep_ran() -> None:
    """One microsecond decides, and the sweep does not."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    debit(shop, "1.00")
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND):
        shop.clock.now = instant
        with pytest.raises(InsufficientBalance):
            debit(shop, "1.00")


def test_a_customer_without_an_account_is_told_so() -> None:
    """Nothing is opened by a debit: unknown customers, currencies and ids are not found."""
    shop = Shop()
    shop.grant("10.00")
    before = shop.books()
    for given in ({"customer_id": "bob"}, {"account_id": "nobody"}, {"account_id": "Ada"}):
        with pytest.raises(StoreCreditAccountNotFound):
            debit(shop, "1.00", **given)
    with pytest.raises(StoreCreditAccountNotFound):
        debit(shop, Money(1, "EUR"), customer_id="ada")
    assert before == shop.books()


def test_a_gift_cards_account_is_no_store_credit() -> None:
    """A card cannot be emptied by debiting its ledger account."""
    shop = Shop()
    card = shop.issue("50.00").gift_card
    with pytest.raises(StoreCreditAccountNotFound):
        debit(shop, "1.00", account_id=card.account_id)


def test_blocked_and_closed_accounts_pay_nothing() -> None:
    """An account that is not open is not spendable, and staff learn why."""
    shop = Shop()
    account = shop.grant("10.00").account
    for status in (StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED):
        shop.set_credit_status(account.id, status)
        with pytest.raises(NotSpendable) as caught:
            debit(shop, "1.00")
        assert status.value == caught.value.reason


def test_another_currency_is_refused() -> None:
    """An account named by its id pays in its own currency only, with its own decimals."""
    shop = Shop()
    account = shop.grant("10.00").account
    for money in (Money(1, "EUR"), Money("1.000", Currency(code="USD", sub_unit=1000))):
        with pytest.raises(CurrencyMismatch):
            debit(shop, money, account_id=account.id)


def test_the_account_is_named_exactly_once() -> None:
    """Account and customer together, or neither, is an invalid request."""
    with pytest.raises(InvalidRequest):
        DebitStoreCredit(amount=usd("1"), idempotency_key="k")
    with pytest.raises(InvalidRequest):
        DebitStoreCredit(
            amount=usd("1"),
            account_id="a",
            customer_id="ada",
            idempotency_key="k",
        )


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "NaN", "Infinity"])
def test_bad_amounts_never_become_a_command(amount: str) -> None:
    """Zero, negative, inexact and infinite amounts are refused by the constructor."""
    with pytest.raises(InvalidAmount):
        DebitStoreCredit(customer_id="ada", amount=usd(amount), idempotency_key="k")


def test_a_replay_answers_again_and_takes_nothing() -> None:
    """The same debit twice is one debit, though the account is empty the second time."""
    shop = Shop()
    shop.grant("10.00")
    shop.execute_twice(DebitStoreCredit(customer_id="ada", amount=usd("10.00"), idempotency_key="once"))
    assert usd("0.00") == shop.credit().posted


def test_other_content_under_the_same_key_is_a_conflict() -> None:
    """Amount, account, order and reason belong to what the key stands for."""
    shop = Shop()
    account = shop.grant("10.00").account
    debit(shop, "4.00", idempotency_key="once")
    before = shop.books()
    for amount, given in (
        ("5.00", {}),
        ("50.00", {}),
        ("4.00", {"order_id": "1"}),
        ("4.00", {"reason": "x"}),
        ("4.00", {"account_id": account.id}),
    ):
        with pytest.raises(IdempotencyConflict):
            debit(shop, amount, idempotency_key="once", **given)
    assert before == shop.books()


def test_a_block_comes_before_the_currency_and_the_currency_before_the_balance() -> None:
    """Errors come in the order in which they are documented."""
    shop = Shop()
    account = shop.grant("10.00").account
    with pytest.raises(CurrencyMismatch):
        debit(shop, Money(500, "EUR"), account_id=account.id)
    shop.set_credit_status(account.id, StoreCreditStatus.BLOCKED)
    with pytest.raises(NotSpendable):
        debit(shop, Money(500, "EUR"), account_id=account.id)


def test_the_event_names_the_order() -> None:
    """One event tells customer, amount and order."""
    shop = Shop()
    shop.grant("10.00")
    debit(shop, "4.00", order_id="1001")
    assert "StoreCreditDebited" == shop.last_receipt().event
    for part in ('"ada"', '"1001"', '[400,"USD",2]'):
        assert part in shop.last_receipt().event_data


# --- lines, limits, holds ---------------------------------------------------


def test_a_debit_for_an_order_obeys_the_rules() -> None:
    """Credit buys no gift cards either: what the vetoed lines cost cannot be taken."""
    shop = Shop()
    shop.grant("100.00")
    lines = (line("lamp", "30.00"), line("present", "25.00", is_stored_value=True))
    before = shop.books()
    with pytest.raises(NotEligible):
        debit(shop, "30.01", order_id="1", lines=lines)
    assert before == shop.books()
    assert usd("30.00") == debit(shop, "30.00", order_id="1", lines=lines).amount


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (SpendingLimits(per_order=usd("7")), "per_order"),
        (SpendingLimits(per_customer_and_day=usd("7")), "per_customer_and_day"),
    ],
    ids=["order", "day"],
)
def test_a_debit_for_an_order_obeys_the_limits_and_a_correction_does_not(limits: SpendingLimits, name: str) -> None:
    """What pays for an order is bounded; what staff take back is not, and does not count."""
    shop = Shop(policies=Policies(limits=limits))
    shop.grant("100.00")
    debit(shop, "50.00")
    debit(shop, "3.00", order_id="1")
    with pytest.raises(LimitExceeded) as caught:
        debit(shop, "4.01", order_id="1")
    assert (name, usd("4.00")) == (caught.value.limit, caught.value.allowed)
    assert usd("4.00") == debit(shop, "4.00", order_id="1").amount


def test_the_limit_per_card_does_not_bind_credit() -> None:
    """Store credit is no card."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_card=usd("7"))))
    shop.grant("100.00")
    assert usd("9.00") == debit(shop, "9.00", order_id="1").amount


def test_held_credit_cannot_be_debited() -> None:
    """Neither an order nor staff take what another order holds, until it lapses."""
    shop = Shop()
    shop.grant("10.00")
    hold(shop, "8.00", customer_id="ada")
    for given in ({}, {"order_id": "1002"}):
        with pytest.raises(InsufficientBalance) as caught:
            debit(shop, "2.01", **given)
        assert usd("2.00") == caught.value.available
    shop.clock.advance(15 * MINUTE)
    assert usd("10.00") == debit(shop, "10.00").amount


def test_lines_need_an_order_and_its_currency() -> None:
    """Lines without an order, or in other money than the amount, are refused by the constructor."""
    shop = Shop()
    with pytest.raises(InvalidRequest):
        debit(shop, "1.00", lines=(line("a", "1.00"),))
    for wrong in (Money("1", "EUR"), Money("1.000", Currency(code="USD", sub_unit=1000))):
        with pytest.raises(CurrencyMismatch):
            debit(shop, "1.00", order_id="1", lines=(line("a", wrong),))
