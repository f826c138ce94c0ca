"""Capturing a hold: all of it or less, once, by redemptions that can be refunded; the rest is free again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    CaptureHold,
    CardsOfOrder,
    ClaimGiftCard,
    GetHold,
    GiftCardTender,
    HoldStatus,
    LotOrigin,
    RefundRedemption,
    Statement,
    StoreCreditStatus,
    UnblockGiftCard,
)
from loyalty.errors import (
    CurrencyMismatch,
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    NotSpendable,
    RefundTooLarge,
)
from tests.use_cases.checkout import MINUTE, adjust, capture, hold, void
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def test_all_that_is_held_is_taken() -> None:
    """Each tender pays what it held, one redemption each, and the order owes what the hold did not cover."""
    shop = Shop()
    one = shop.issue("10.00")
    shop.grant("5.00")
    held = hold(shop, "50.00", codes=[one.code], customer_id="ada")
    taken = capture(shop, held)
    assert (held.id, "1001", usd("15.00"), usd("0.00"), usd("35.00")) == (
        taken.hold_id, taken.order_id, taken.amount, taken.released, taken.remaining_due,
    )  # fmt: skip
    assert {one.gift_card.id: usd("10.00"), None: usd("5.00")} == {p.gift_card_id: p.amount for p in taken.parts}
    assert all(("1001", usd("0.00"), NOW) == (p.order_id, p.balance_after, p.recorded_at) for p in taken.parts)
    view = shop.ask(GetHold(id=held.id))
    assert (HoldStatus.CAPTURED, usd("15.00"), NOW) == (view.status, view.captured, view.resolved_at)
    assert (usd("0.00"), usd("0.00")) == (shop.card(one).held, shop.credit().held)
    assert () == shop.ask(Audit()).findings


def test_less_is_taken_and_the_rest_is_free_at_once() -> None:
    """A partial capture ends the hold; what it did not take can be spent."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    taken = capture(shop, held, "15.00")
    assert (usd("15.00"), usd("25.00"), usd("25.00")) == (taken.amount, taken.released, taken.remaining_due)
    card = shop.card(issued)
    assert (usd("35.00"), usd("0.00"), usd("35.00")) == (card.posted, card.held, card.available)
    assert usd("35.00") == shop.redeem(issued, "35.00", "1002").amount


def test_less_is_taken_in_the_order_in_which_it_would_be_spent() -> None:
    """First by the tenders' priorities, then what ends soonest; tenders that pay nothing are freed all the same."""
    shop = Shop()
    soon, late, first = shop.issue("10.00", expires_at=NOW + DAY), shop.issue("10.00"), shop.issue("10.00")
    tenders = [
        GiftCardTender(code=soon.code), GiftCardTender(code=late.code), GiftCardTender(code=first.code, priority=-1),
    ]  # fmt: skip
    held = hold(shop, "30.00", tenders=tenders)
    taken = capture(shop, held, "12.00")
    assert {first.gift_card.id: usd("10.00"), soon.gift_card.id: usd("2.00")} == {
        part.gift_card_id: part.amount for part in taken.parts
    }
    assert (usd("10.00"), usd("8.00")) == (shop.card(late).available, shop.card(soon).available)
    assert ["spending_order"] == [one["policy"] for one in json.loads(shop.last_receipt().decisions or "")]


def test_less_is_taken_of_what_is_held_and_not_of_what_else_a_card_has() -> None:
    """A card that held a part of its value gives no more than that part, though all of it would be spent first."""
    shop = Shop()
    soon, late = shop.issue("10.00", expires_at=NOW + DAY), shop.issue("10.00")
    held = hold(shop, "10.00", tenders=[GiftCardTender(code=soon.code, at_most=usd("4.00"))], codes=[late.code])
    taken = capture(shop, held, "8.00")
    assert {soon.gift_card.id: usd("4.00"), late.gift_card.id: usd("4.00")} == {
        part.gift_card_id: part.amount for part in taken.parts
    }
    assert (usd("6.00"), usd("6.00")) == (shop.card(soon).available, shop.card(late).available)


def test_lots_of_one_account_are_taken_in_order_too() -> None:
    """Within an account the soonest expiry pays, and what comes back is the later lot."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + 9 * DAY)
    shop.grant("10.00", expires_at=NOW + DAY)
    held = hold(shop, "20.00", customer_id="ada")
    capture(shop, held, "12.00")
    assert (usd("8.00"), NOW + 9 * DAY) == (shop.credit().available, shop.credit().expires_next)


@pytest.mark.parametrize("moment", [-MICROSECOND, timedelta(0), MICROSECOND])
def test_what_expired_while_held_is_taken(moment: timedelta) -> None:
    """Before, at and after the expiry of the lot, all of it or a part; what is not taken has expired."""
    for amount in ("40.00", "15.00"):
        shop = Shop()
        issued = shop.issue("50.00", expires_at=NOW + DAY)
        held = hold(shop, "40.00", codes=[issued.code], lapses_after=2 * DAY)
        shop.clock.now = NOW + DAY + moment
        assert usd(amount) == capture(shop, held, amount).amount
        left = usd("50.00") - usd(amount) if moment < timedelta(0) else usd("0.00")
        assert left == shop.card(issued).available
        assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    ("moment", "is_open"), [(15 * MINUTE - MICROSECOND, True), (15 * MINUTE, False), (15 * MINUTE + MICROSECOND, False)]
)
def test_a_lapsed_hold_cannot_be_captured(moment: timedelta, is_open: bool) -> None:
    """One microsecond before its time it can; at it and after it nothing is taken."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(moment)
    if is_open:
        assert usd("40.00") == capture(shop, held).amount
    else:
        before = shop.books()
        with pytest.raises(HoldClosed) as caught:
            capture(shop, held)
        assert "lapsed" == caught.value.status
        assert before == shop.books()


@pytest.mark.parametrize("is_spent", [True, False])
def test_a_clock_that_goes_back_does_not_revive_a_hold_that_was_let_go(is_spent: bool) -> None:
    """Once another order has used or holds what lapsed, the hold is gone, whatever the clock says now."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(15 * MINUTE)
    if is_spent:
        shop.redeem(issued, "50.00", "1002")
    else:
        hold(shop, "50.00", codes=[issued.code], order_id="1002")
    shop.clock.advance(-10 * MINUTE)
    ends: list[Callable[[], object]] = [
        lambda: capture(shop, held), lambda: void(shop, held), lambda: adjust(shop, held, "5.00"),
    ]  # fmt: skip
    for end in ends:
        with pytest.raises(HoldClosed) as caught:
            end()
        assert "lapsed" == caught.value.status
    assert () == shop.ask(Audit()).findings


def test_a_hold_is_captured_once() -> None:
    """A second capture under another key takes nothing, not even the rest."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    capture(shop, held, "15.00")
    before = shop.books()
    with pytest.raises(HoldClosed) as caught:
        capture(shop, held, "15.00")
    assert "captured" == caught.value.status
    assert before == shop.books()


def test_two_holds_on_one_card_are_captured_apart() -> None:
    """No capture reaches into what another order holds, however much is on the card."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = (hold(shop, "20.00", codes=[issued.code], order_id=order) for order in ("a", "b"))
    with pytest.raises(InsufficientBalance) as caught:
        capture(shop, first, "20.01")
    assert (usd("20.01"), usd("20.00")) == (caught.value.requested, caught.value.available)
    assert usd("20.00") == capture(shop, first).amount
    assert usd("20.00") == capture(shop, second).amount
    assert usd("10.00") == shop.card(issued).posted


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (Money("5", "EUR"), CurrencyMismatch),
        (Money("5.000", Currency("USD", sub_unit=1000)), CurrencyMismatch),
        (usd("40.01"), InsufficientBalance),
    ],
    ids=repr,
)
def test_amounts_that_do_not_fit_the_hold(amount: Money, error: type[Exception]) -> None:
    """Another currency, other decimals or more than is held change nothing, and the hold stays."""
    shop = Shop()
    held = hold(shop, "40.00", codes=[shop.issue("50.00").code])
    before = shop.books()
    with pytest.raises(error):
        capture(shop, held, amount)
    assert before == shop.books()
    assert usd("40.00") == capture(shop, held).amount


@pytest.mark.parametrize("amount", [usd("0"), usd("-1"), usd("0.001"), None, 5, "ALL"], ids=repr)
def test_bad_amounts_never_become_a_command(amount: Any) -> None:
    """Nothing and less than nothing are no amounts; everything is ALL."""
    with pytest.raises(InvalidAmount):
        CaptureHold(hold_id="x", amount=amount, idempotency_key="k")


def test_a_block_set_meanwhile_stops_the_capture() -> None:
    """The hold stays as it is and can be captured when the block is lifted."""
    shop = Shop()
    good, issued = shop.issue("10.00"), shop.issue("10.00")
    held = hold(shop, "20.00", codes=[good.code, issued.code])
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        capture(shop, held)
    assert "blocked" == caught.value.reason
    assert before == shop.books()
    shop.execute(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="unblock"))
    assert usd("20.00") == capture(shop, held).amount


def test_a_blocked_tender_that_does_not_pay_does_not_stop_the_capture() -> None:
    """A smaller amount may be taken from the other tenders alone."""
    shop = Shop()
    soon, late = shop.issue("10.00", expires_at=NOW + DAY), shop.issue("10.00")
    held = hold(shop, "20.00", codes=[soon.code, late.code])
    shop.execute(BlockGiftCard(gift_card_id=late.gift_card.id, idempotency_key="block"))
    assert usd("10.00") == capture(shop, held, "10.00").amount
    assert usd("0.00") == shop.card(late).held


@pytest.mark.parametrize("status", [StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED])
def test_an_account_that_was_stopped_meanwhile_stops_the_capture(status: StoreCreditStatus) -> None:
    """Store credit that was blocked or closed is not taken, though it is held."""
    shop = Shop()
    account = shop.grant("5.00").account
    held = hold(shop, "5.00", customer_id="ada")
    shop.set_credit_status(account.id, status)
    with pytest.raises(NotSpendable) as caught:
        capture(shop, held)
    assert status.value == caught.value.reason


def test_a_claim_meanwhile_does_not_stop_the_capture() -> None:
    """Value that a bearer's order holds is that order's, whoever claims the card afterwards."""
    shop = Shop()
    issued = shop.issue("10.00")
    held = hold(shop, "6.00", codes=[issued.code])
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="bob", idempotency_key="claim"))
    assert usd("6.00") == capture(shop, held).amount


def test_a_hold_of_nothing_is_captured_as_nothing() -> None:
    """A hold that got nothing ends without a transfer, and tells that all remains due."""
    shop = Shop()
    held = hold(shop, "5.00", customer_id="bob")
    taken = capture(shop, held)
    assert (usd("0.00"), usd("5.00"), ()) == (taken.amount, taken.remaining_due, taken.parts)
    assert HoldStatus.CAPTURED is shop.ask(GetHold(id=held.id)).status


def test_what_was_captured_is_refunded_and_no_more() -> None:
    """The redemptions of a capture are refunded by order or by id, to the same lots, up to what was taken."""
    shop = Shop()
    issued = shop.issue("50.00", origin=LotOrigin.PURCHASED)
    held = hold(shop, "40.00", codes=[issued.code])
    (part,) = capture(shop, held, "15.00").parts
    shop.execute(RefundRedemption(redemption_id=part.id, amount=usd("5"), idempotency_key="r1"))
    with pytest.raises(RefundTooLarge):
        shop.execute(RefundRedemption(order_id="1001", amount=usd("10.01"), idempotency_key="r2"))
    shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r3"))
    assert usd("50.00") == shop.card(issued).available
    assert () == shop.ask(Audit()).findings


def test_the_order_shows_what_was_captured() -> None:
    """A card spent by capture is among the cards of the order, and its statement names the order."""
    shop = Shop()
    issued = shop.issue("50.00")
    capture(shop, hold(shop, "40.00", codes=[issued.code]))
    (spent,) = shop.ask(CardsOfOrder(order_id="1001")).spent
    assert usd("40.00") == spent.redeemed
    entry = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    assert ("1001", usd("10.00")) == (entry.order_id, entry.balance_after)


def test_whose_hold_it_is_can_be_made_sure() -> None:
    """With another order's id, or one that no hold has, there is no such hold and nothing is taken."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    before = shop.books()
    for given in ({"order_id": "1002"}, {"hold_id": "nobody"}):
        with pytest.raises(HoldNotFound):
            capture(shop, held, **given)
    assert before == shop.books()
    assert usd("4.00") == capture(shop, held, order_id="1001").amount


# --- order of errors --------------------------------------------------------


def test_errors_come_in_the_documented_order() -> None:
    """Not found, closed, another currency, too much, not spendable: of two at once the earlier is told."""
    shop = Shop()
    issued = shop.issue("50.00")
    closed = hold(shop, "4.00", codes=[issued.code], order_id="closed")
    void(shop, closed)
    with pytest.raises(HoldNotFound):
        capture(shop, closed, order_id="another")
    with pytest.raises(HoldClosed):
        capture(shop, closed, Money("5", "EUR"))
    with pytest.raises(HoldClosed):
        capture(shop, closed, "5.00")
    held = hold(shop, "4.00", codes=[issued.code])
    with pytest.raises(CurrencyMismatch):
        capture(shop, held, Money("500", "EUR"))
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    with pytest.raises(InsufficientBalance):
        capture(shop, held, "4.01")
    with pytest.raises(CurrencyMismatch):
        capture(shop, held, Money("1", "EUR"))
    with pytest.raises(NotSpendable):
        capture(shop, held, "4.00")


# --- keys and events --------------------------------------------------------


def test_a_replay_answers_again_and_takes_nothing() -> None:
    """The same capture twice is one capture, long after the hold's time."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    command = CaptureHold(hold_id=held.id, amount=usd("15"), idempotency_key="once")
    first = shop.execute_twice(command)
    shop.clock.advance(30 * DAY)
    assert first == shop.execute(command)
    assert usd("35.00") == shop.card(issued).posted


def test_other_content_under_the_same_key_is_a_conflict() -> None:
    """Hold, order and amount belong to what the key stands for."""
    shop = Shop()
    held = hold(shop, "40.00", codes=[shop.issue("50.00").code])
    capture(shop, held, "15.00", idempotency_key="once")
    for given in ({"amount": "16.00"}, {"amount": None}, {"amount": "15.00", "order_id": "1001"}):
        with pytest.raises(IdempotencyConflict):
            capture(shop, held, idempotency_key="once", **given)


def test_the_event_tells_the_capture() -> None:
    """One event names the hold, the order, the redemptions, what was taken and what was freed."""
    shop = Shop()
    held = hold(shop, "40.00", codes=[shop.issue("50.00").code])
    taken = capture(shop, held, "15.00")
    receipt = shop.last_receipt()
    assert "HoldCaptured" == receipt.event
    for part in (held.id, "1001", taken.parts[0].id, '[1500,"USD",2]', '[2500,"USD",2]'):
        assert part in receipt.event_data
