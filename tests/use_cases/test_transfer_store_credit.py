"""Moving store credit from one account to another."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty import (
    Audit,
    DebitStoreCredit,
    GetStoreCreditAccount,
    GiftCardStatus,
    Liability,
    LotOrigin,
    Movements,
    PayWithBalances,
    PlaceHold,
    Policies,
    ReverseTransfer,
    SpendingLimits,
    Statement,
    StoreCreditStatus,
    StoreCreditTransfer,
    TaxTreatment,
    TransferKind,
    TransferStoreCredit,
)
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    LimitExceeded,
    LoyaltyError,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.ledger.lot import Lot
from loyalty.ports.storage import Wanted
from tests.use_cases.shop import DAY, MICROSECOND, Shop, usd


def transfer(shop: Shop, amount: str, **named: Any) -> StoreCreditTransfer:
    """Move so many dollars, from ada to bob unless said otherwise."""
    if "from_account_id" not in named:
        named.setdefault("from_customer_id", "ada")
    if "to_account_id" not in named:
        named.setdefault("to_customer_id", "bob")
    named.setdefault("idempotency_key", shop.key())
    return shop.execute(TransferStoreCredit(amount=usd(amount), **named))


def refused(shop: Shop, kind: type[LoyaltyError], amount: str = "1.00", **named: Any) -> LoyaltyError:
    """Expect that a transfer is refused so, and that nothing has changed."""
    before = shop.books()
    with pytest.raises(kind) as caught:
        transfer(shop, amount, **named)
    assert kind is caught.type
    assert before == shop.books()
    return caught.value


def lots(shop: Shop, customer_id: str) -> list[Lot]:
    """Return the lots with value on a customer's account, by their ids."""
    found = shop.storage.read(lambda reader: reader.find(Wanted(customers=((customer_id, "USD"),))))
    return list(found.store_credit_accounts[0].account.lots)


def test_an_amount_moves_and_nothing_is_lost() -> None:
    """What one has less the other has more; the answer shows both, and the books tie."""
    shop = Shop()
    shop.grant("20.00")
    shop.grant("3.00", "bob")
    done = transfer(shop, "7.50")
    assert (usd("7.50"), usd("12.50"), usd("10.50")) == (done.amount, done.source.posted, done.target.posted)
    assert (shop.credit("ada"), shop.credit("bob")) == (done.source, done.target)
    assert usd("23.00") == shop.ask(Liability()).total["USD"]
    assert shop.ask(Audit()).is_clean


def test_both_histories_tell_of_one_transfer() -> None:
    """Of its own kind, with all that the caller said."""
    shop = Shop()
    shop.grant("20.00")
    done = transfer(shop, "5.00", actor="staff/7", reason="shared account", note="by phone")
    for account, sign in ((done.source, "debit"), (done.target, "credit")):
        entry = shop.ask(Statement(account_id=account.id)).entries[-1]
        assert (done.transfer_id, TransferKind.MOVE, sign, usd("5.00")) == (
            entry.id, entry.kind, entry.direction, entry.amount,
        )  # fmt: skip
        assert ("staff/7", "by phone") == (entry.actor, entry.note)
    (movements,) = shop.ask(Movements())
    assert (usd("5.00"), usd("20.00"), usd("20.00")) == (movements.moved, movements.granted, movements.closing)


def test_the_target_is_opened_if_it_is_missing() -> None:
    """Named by its customer, it need not be there; the currency is the amount's."""
    shop = Shop()
    shop.grant("20.00")
    done = transfer(shop, "20.00", to_customer_id="cy")
    assert ("cy", "USD", usd("20.00"), shop.clock()) == (
        done.target.customer_id, done.target.currency, done.target.posted, done.target.opened_at,
    )  # fmt: skip
    assert done.target == shop.credit("cy")


def test_value_moves_lot_by_lot_in_spending_order_and_keeps_its_nature() -> None:
    """What would be spent first moves first; expiry, origin, start, priority and tax treatment stay."""
    shop = Shop()
    later = shop.clock() + 90 * DAY
    shop.grant("5.00", origin=LotOrigin.PURCHASED, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
    shop.grant("5.00", origin=LotOrigin.PROMOTIONAL, expires_at=later, priority=3)
    shop.grant("5.00", origin=LotOrigin.REFUND, expires_at=later - DAY)
    before = {lot.origin: lot for lot in lots(shop, "ada")}
    transfer(shop, "7.00")
    moved = lots(shop, "bob")
    assert [(LotOrigin.REFUND, 500), (LotOrigin.PURCHASED, 200)] == [(lot.origin, lot.amount) for lot in moved]
    for lot in moved:
        old = before[lot.origin]
        assert (old.expires_at, old.not_before, old.priority, old.tax_treatment, old.id) == (
            lot.expires_at, lot.not_before, lot.priority, lot.tax_treatment, lot.source_lot_id,
        )  # fmt: skip
    transfer(shop, "8.00")
    promotional = lots(shop, "bob")[-1]
    assert (LotOrigin.PROMOTIONAL, later, 3) == (promotional.origin, promotional.expires_at, promotional.priority)


def test_moved_value_ends_when_it_would_have() -> None:
    """A microsecond before its end it moves and is spent, at its end it does neither."""
    shop = Shop()
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    shop.clock.advance(DAY - MICROSECOND)
    transfer(shop, "10.00")
    assert usd("10.00") == shop.credit("bob").available
    shop.clock.advance(MICROSECOND)
    assert usd("0.00") == shop.credit("bob").available
    error = refused(shop, InsufficientBalance, "10.00")
    assert isinstance(error, InsufficientBalance)
    assert (usd("10.00"), usd("0.00")) == (error.requested, error.available)


def test_held_value_does_not_move() -> None:
    """What an order holds stays for the order; one cent more than the rest is refused."""
    shop = Shop()
    shop.grant("20.00")
    shop.execute(PlaceHold(order_id="1", amount_due=usd("15.00"), customer_id="ada", idempotency_key="hold"))
    refused(shop, InsufficientBalance, "5.01")
    transfer(shop, "5.00")
    assert (usd("15.00"), usd("15.00")) == (shop.credit().posted, shop.credit().held)


def test_accounts_are_named_by_id_or_by_customer() -> None:
    """In every combination, to the same effect."""
    shop = Shop()
    ada, bob = shop.grant("20.00").account.id, shop.grant("1.00", "bob").account.id
    for source in ({"from_account_id": ada}, {"from_customer_id": "ada"}):
        for target in ({"to_account_id": bob}, {"to_customer_id": "bob"}):
            done = transfer(shop, "1.00", **source, **target)
            assert (ada, bob) == (done.source.id, done.target.id)
    assert usd("5.00") == shop.credit("bob").posted


def test_two_different_accounts_are_needed() -> None:
    """By whatever names: the same id, the same customer, or one of each for one account."""
    shop = Shop()
    ada = shop.grant("20.00").account.id
    refused(shop, InvalidRequest, from_account_id=ada, to_account_id=ada)
    refused(shop, InvalidRequest, from_customer_id="ada", to_customer_id="ada")
    refused(shop, InvalidRequest, from_account_id=ada, to_customer_id="ada")
    refused(shop, InvalidRequest, from_customer_id="ada", to_account_id=ada)
    wrong: tuple[dict[str, Any], ...] = (
        {"from_customer_id": "ada"},
        {"to_customer_id": "ada"},
        {"from_customer_id": "ada", "from_account_id": ada, "to_customer_id": "bob"},
        {"from_customer_id": "ada", "to_account_id": ada, "to_customer_id": "bob"},
    )
    for named in wrong:
        with pytest.raises(InvalidRequest):
            TransferStoreCredit(amount=usd("1.00"), idempotency_key="k", **named)


def test_accounts_that_are_not_there_are_told() -> None:
    """Neither is opened to take from, none by an id, and the account of a card is none."""
    shop = Shop()
    shop.grant("20.00")
    card = shop.issue().gift_card.account_id
    for named in (
        {"from_customer_id": "nobody"},
        {"from_account_id": "none"},
        {"from_account_id": card},
        {"to_account_id": "none"},
        {"to_account_id": card},
    ):
        refused(shop, StoreCreditAccountNotFound, **named)
    before = shop.books()
    with pytest.raises(StoreCreditAccountNotFound):
        shop.execute(
            TransferStoreCredit(
                amount=Money("1.00", "EUR"), from_customer_id="ada", to_customer_id="bob", idempotency_key="k"
            )
        )
    assert before == shop.books()


def test_refusals_come_in_order() -> None:
    """Not there, the same, blocked or closed, another currency, too little."""
    shop = Shop()
    ada, bob = shop.grant("20.00").account.id, shop.grant(Money("5.00", "EUR"), "bob").account.id
    shop.set_credit_status(ada, StoreCreditStatus.BLOCKED)
    refused(shop, StoreCreditAccountNotFound, "99.00", to_account_id="none")
    error = refused(shop, NotSpendable, "99.00", to_account_id=bob)
    assert isinstance(error, NotSpendable)
    assert GiftCardStatus.BLOCKED == error.reason
    shop.set_credit_status(ada, StoreCreditStatus.OPEN)
    shop.set_credit_status(bob, StoreCreditStatus.CLOSED)
    refused(shop, NotSpendable, "99.00", to_account_id=bob)
    shop.set_credit_status(bob, StoreCreditStatus.OPEN)
    refused(shop, CurrencyMismatch, "99.00", to_account_id=bob)
    refused(shop, CurrencyMismatch, "99.00", from_account_id=bob, to_account_id=ada)
    refused(shop, InsufficientBalance, "20.01", to_customer_id="bob")


@pytest.mark.parametrize("status", [StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED])
def test_a_stopped_account_gives_nothing(status: StoreCreditStatus) -> None:
    """Blocked or closed: the reason says which."""
    shop = Shop()
    shop.set_credit_status(shop.grant("20.00").account.id, status)
    error = refused(shop, NotSpendable)
    assert isinstance(error, NotSpendable)
    assert status.value == error.reason


def test_a_blocked_account_takes_and_a_closed_one_does_not() -> None:
    """As with grants and refunds."""
    shop = Shop()
    shop.grant("20.00")
    bob = shop.grant("1.00", "bob").account.id
    shop.set_credit_status(bob, StoreCreditStatus.BLOCKED)
    assert (usd("2.00"), usd("0.00")) == (
        transfer(shop, "1.00").target.posted, shop.credit("bob").available,
    )  # fmt: skip
    shop.set_credit_status(bob, StoreCreditStatus.CLOSED)
    refused(shop, NotSpendable)


def test_more_than_an_account_can_have_is_refused() -> None:
    """The largest balance stays the largest, and the value stays where it is."""
    shop = Shop()
    for _ in range(1000):
        shop.grant("10000000000000.00", "bob")
    shop.grant("0.01")
    refused(shop, InvalidAmount, "0.01")


def test_a_replay_answers_the_same_and_another_content_conflicts() -> None:
    """Also when there is nothing left to move, and although the target was opened by it."""
    shop = Shop()
    shop.grant("20.00")
    command = TransferStoreCredit(
        amount=usd("20.00"), from_customer_id="ada", to_customer_id="bob", idempotency_key="k"
    )
    shop.execute_twice(command)
    for change in ({"amount": usd("19.00")}, {"to_customer_id": "cy"}, {"note": "another"}):
        with pytest.raises(IdempotencyConflict):
            shop.execute(attrs.evolve(command, **change))
    assert usd("20.00") == shop.credit("bob").posted


def test_a_transfer_can_be_reversed_while_it_is_still_there() -> None:
    """Each lot goes back into the one it came from, expired or not; what was spent cannot."""
    shop = Shop()
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    before = lots(shop, "ada")
    staff: dict[str, Any] = {"actor": "staff/7", "reason": "wrong customer"}
    first, second = transfer(shop, "8.00"), transfer(shop, "2.00")
    shop.execute(DebitStoreCredit(customer_id="bob", amount=usd("9.00"), idempotency_key="d"))
    with pytest.raises(InsufficientBalance):
        shop.execute(ReverseTransfer(transfer_id=first.transfer_id, idempotency_key="r1", **staff))
    shop.clock.advance(DAY)
    shop.grant("1.00")
    with pytest.raises(InsufficientBalance):
        shop.execute(ReverseTransfer(transfer_id=second.transfer_id, idempotency_key="r2", **staff))
    third = Shop()
    third.grant("20.00", expires_at=third.clock() + DAY)
    moved = transfer(third, "8.00")
    third.clock.advance(DAY)
    reversal = third.execute(ReverseTransfer(transfer_id=moved.transfer_id, idempotency_key="r", **staff))
    assert (usd("8.00"), usd("8.00"), usd("0.00")) == (reversal.amount, reversal.forfeited, reversal.regranted)
    assert before == lots(third, "ada")
    assert third.ask(Audit()).is_clean


def test_a_clock_that_went_back_does_not_turn_the_books_back() -> None:
    """The later of both accounts' times counts."""
    shop = Shop()
    shop.clock.advance(DAY)
    shop.grant("1.00", "bob")
    shop.clock.advance(-DAY)
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    refused(shop, InsufficientBalance)
    shop.grant("20.00")
    assert shop.clock() + DAY == transfer(shop, "1.00").target.as_of


def test_limits_do_not_count_what_was_only_moved() -> None:
    """What ada may still pay in a day is as before; what bob was sent is bounded like all that is his."""
    limits = SpendingLimits(per_customer_and_day=usd("10"))
    shop = Shop(policies=Policies(limits=limits))
    shop.grant("50.00")
    transfer(shop, "30.00")
    for customer in ("ada", "bob"):
        paid = PayWithBalances(
            order_id=customer, amount_due=usd("15.00"), customer_id=customer, idempotency_key=customer
        )
        assert usd("10.00") == shop.execute(paid).amount
    with pytest.raises(LimitExceeded):
        shop.execute(DebitStoreCredit(customer_id="bob", amount=usd("0.01"), order_id="2", idempotency_key="d"))


def test_the_event_tells_who_and_how_much() -> None:
    """And the receipt records the policy that chose the lots."""
    shop = Shop()
    shop.grant("20.00")
    done = transfer(shop, "5.00")
    receipt = shop.last_receipt()
    assert ("TransferStoreCredit", "StoreCreditTransferred") == (receipt.command, receipt.event)
    for fact in ("ada", "bob", done.source.id, done.target.id, done.transfer_id):
        assert f'"{fact}"' in receipt.event_data
    assert '"policy":"spending_order"' in str(receipt.decisions)


def test_an_account_that_was_read_is_shown_as_the_query_shows_it() -> None:
    """The answer holds exactly what a query right after it says."""
    shop = Shop()
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    done = transfer(shop, "5.00")
    for view in (done.source, done.target):
        assert view == shop.ask(GetStoreCreditAccount(account_id=view.id))
