"""Undoing a sale of gift cards: nothing is spent any more, what is unspent goes back, what was spent is a loss."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from loyalty import (
    ALL,
    AdjustValue,
    Audit,
    BlockGiftCard,
    CaptureHold,
    ConvertGiftCard,
    DeactivateGiftCard,
    Direction,
    ExpireValue,
    GiftCardStatus,
    IssueGiftCard,
    Liability,
    LotOrigin,
    RedeemGiftCard,
    RefundRedemption,
    ReversalCause,
    ReverseTransfer,
    Term,
    UnblockGiftCard,
)
from loyalty.errors import InvalidRequest, NotReversible, NotSpendable, OrderNotFound
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.testing.books import books_of
from loyalty.testing.invariants import require_sound
from tests.use_cases.checkout import hold
from tests.use_cases.sales import activate, bought, define, issue, line, reverse
from tests.use_cases.shop import DAY, NOW, Shop, usd

STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}


@pytest.fixture
def shop() -> Shop:
    """Give a shop with a product."""
    shop = Shop()
    define(shop)
    return shop


def transfers(shop: Shop, *kinds: TransferKind) -> list[Transfer]:
    """Return the transfers of these kinds."""
    return [one for one in books_of(shop.storage).transfers if one.kind in kinds]


def house(shop: Shop) -> dict[HouseAccount, int]:
    """Return what each house account gave, less what it took, in minor units; zeros left out."""
    sums: Counter[HouseAccount] = Counter()
    for one in books_of(shop.storage).transfers:
        for side, sign in ((one.debit, 1), (one.credit, -1)):
            if side.house is not None:
                sums[side.house] += sign * one.amount
    return {account: amount for account, amount in sums.items() if amount}


def redeem(shop: Shop, code: str, amount: str = "4.00", order_id: str = "2") -> None:
    """Spend from a card."""
    shop.execute(RedeemGiftCard(code=code, amount=usd(amount), order_id=order_id, idempotency_key=shop.key()))


def require_fits(shop: Shop) -> None:
    """Check the books from both sides."""
    require_sound(books_of(shop.storage))
    assert () == shop.ask(Audit()).findings


def test_an_unspent_card_is_taken_back_whole(shop: Shop) -> None:
    """To where its value came from, and it is deactivated."""
    issue(shop, line("b", "25", "20.00"), line("a"), is_paid=True)
    answer = reverse(shop)

    assert [("a", 1), ("b", 1)] == [(card.line_id, card.unit) for card in answer.cards]
    assert (
        [usd("10.00"), usd("25.00")] == [card.clawed_back for card in answer.cards] == [c.value for c in answer.cards]
    )
    assert {GiftCardStatus.DEACTIVATED} == {card.status for card in answer.cards}
    assert (usd("35.00"), usd("0.00")) == (answer.clawed_back, answer.lost)
    assert ({}, {"USD": usd("0.00")}) == (house(shop), dict(shop.ask(Liability()).total))
    assert [2000, 500, 1000] == sorted(
        [one.amount for one in transfers(shop, TransferKind.CLAWBACK)], key=[2000, 500, 1000].index
    )
    require_fits(shop)


def test_what_was_spent_is_a_loss(shop: Shop) -> None:
    """Spent and clawed back are the face value; sales and promotion are even, and the loss stands alone."""
    (issued,) = issue(shop, line("b", "25", "20.00"), is_paid=True).gift_cards
    redeem(shop, issued.code, "22.00")
    answer = reverse(shop, cause=ReversalCause.CHARGEBACK)
    (card,) = answer.cards

    assert (usd("3.00"), usd("22.00"), usd("0.00")) == (card.clawed_back, card.spent, card.held)
    assert (usd("3.00"), usd("22.00")) == (answer.clawed_back, answer.lost)
    assert {HouseAccount.LOSS: 2200, HouseAccount.REDEMPTIONS: -2200} == house(shop)
    assert {"chargeback"} == {one.reason for one in transfers(shop, TransferKind.CLAWBACK, TransferKind.LOSS)}
    assert GiftCardStatus.DEACTIVATED is card.status
    require_fits(shop)


def test_a_card_that_was_spent_whole_is_a_loss_whole(shop: Shop) -> None:
    """There is nothing to take back."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    redeem(shop, issued.code, "10.00")
    answer = reverse(shop, reason="stolen card", actor="bank")

    assert (usd("0.00"), usd("10.00")) == (answer.clawed_back, answer.lost)
    assert [("stolen card", "bank", "1001")] == [
        (one.reason, one.actor, one.order_id) for one in transfers(shop, TransferKind.LOSS)
    ]
    assert [GiftCardStatus.DEACTIVATED] == [card.status for card in bought(shop)]
    require_fits(shop)


def test_a_pending_card_is_deactivated(shop: Shop) -> None:
    """Nothing moves."""
    issue(shop)
    answer = reverse(shop, cause=ReversalCause.CANCEL)
    (card,) = answer.cards

    assert (GiftCardStatus.DEACTIVATED, usd("0.00"), usd("0.00"), usd("0.00")) == (
        card.status,
        card.clawed_back,
        card.spent,
        card.held,
    )
    assert [] == transfers(shop, *TransferKind)
    require_fits(shop)


def test_again_changes_nothing_and_tells_the_same(shop: Shop) -> None:
    """With the same key or another one."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    redeem(shop, issued.code)
    first = reverse(shop, key="once")
    before = shop.books().transfers
    again = reverse(shop, key="again")

    assert first == reverse(shop, key="once")
    assert (first.cards, usd("0.00"), usd("0.00")) == (again.cards, again.clawed_back, again.lost)
    assert before == shop.books().transfers


def test_an_order_that_is_not_known_yet_is_not_found(shop: Shop) -> None:
    """Nor is a line or a card of it; it can be tried again with the same key (PAINS 41)."""
    with pytest.raises(OrderNotFound):
        reverse(shop, key="refunded")
    (issued,) = issue(shop, line("a"), order_id="other").gift_cards
    issue(shop, line("a"))
    for wrong in ({"line_ids": ["b"]}, {"line_ids": ["a", "b"]}, {"gift_card_ids": [issued.gift_card.id]}):
        with pytest.raises(OrderNotFound):
            reverse(shop, key="refunded", **wrong)
    assert 1 == len(reverse(shop, key="refunded").cards)


def test_only_the_cards_that_are_meant_are_reversed(shop: Shop) -> None:
    """By line, by card, or both."""
    issued = issue(shop, line("a", quantity=3, paid="30.00"), line("b"), line("c"), is_paid=True).gift_cards
    answer = reverse(shop, line_ids=["b"], gift_card_ids=[issued[1].gift_card.id])

    assert [("a", 2), ("b", 1)] == [(card.line_id, card.unit) for card in answer.cards]
    assert [usd("10.00"), usd("0.00"), usd("10.00"), usd("0.00"), usd("10.00")] == [
        card.posted for card in bought(shop)
    ]
    assert usd("30.00") == shop.ask(Liability()).total["USD"]
    require_fits(shop)


def test_cards_that_only_name_the_order_are_left_alone(shop: Shop) -> None:
    """A card that was issued by hand for an order is no sale."""
    by_hand = shop.execute(IssueGiftCard(value=usd("5.00"), order_id="1001", idempotency_key="by hand"))
    issue(shop, is_paid=True)
    reverse(shop)

    assert usd("5.00") == shop.card(by_hand).posted
    require_fits(shop)


def test_nobody_spends_from_a_reversed_card(shop: Shop) -> None:
    """Not a cent."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    reverse(shop)
    with pytest.raises(NotSpendable) as caught:
        redeem(shop, issued.code, "0.01")

    assert "deactivated" == caught.value.reason


# --- what is held ---------------------------------------------------------------


def test_held_value_waits_on_a_blocked_card(shop: Shop) -> None:
    """It cannot be captured any more; when the hold is over, calling again takes back the rest."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    placed = hold(shop, "3.00", codes=[issued.code])
    first = reverse(shop)
    (card,) = first.cards

    assert (usd("7.00"), usd("0.00"), usd("3.00")) == (card.clawed_back, card.spent, card.held)
    assert GiftCardStatus.BLOCKED is card.status
    with pytest.raises(NotSpendable):
        shop.execute(CaptureHold(hold_id=placed.id, idempotency_key="capture"))
    require_fits(shop)
    shop.clock.advance(DAY)
    (card,) = reverse(shop).cards

    assert (usd("10.00"), usd("0.00"), usd("0.00")) == (card.clawed_back, card.spent, card.held)
    assert GiftCardStatus.DEACTIVATED is card.status
    assert {} == house(shop)
    require_fits(shop)


def test_a_hold_that_staff_let_be_captured_is_spent(shop: Shop) -> None:
    """Unblocked for the order that was underway, and then reversed for good."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    placed = hold(shop, "3.00", codes=[issued.code])
    reverse(shop)
    shop.execute(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="unblock"))
    shop.execute(CaptureHold(hold_id=placed.id, amount=usd("2.00"), idempotency_key="capture"))
    answer = reverse(shop)
    (card,) = answer.cards

    assert (usd("8.00"), usd("2.00"), usd("0.00")) == (card.clawed_back, card.spent, card.held)
    assert (usd("1.00"), usd("2.00")) == (answer.clawed_back, answer.lost)
    require_fits(shop)


# --- what comes back later, and what is there from elsewhere ---------------------


def test_value_that_comes_back_later_is_taken_back_against_the_loss(shop: Shop) -> None:
    """A refund of what the card paid for reaches the dead card; calling again recovers it."""
    (issued,) = issue(shop, line("b", "25", "20.00"), is_paid=True).gift_cards
    redeem(shop, issued.code, "22.00")
    reverse(shop)
    shop.execute(RefundRedemption(order_id="2", amount=usd("15.00"), idempotency_key="return"))
    assert usd("15.00") == bought(shop)[0].posted
    answer = reverse(shop)
    (card,) = answer.cards

    assert (usd("18.00"), usd("7.00")) == (card.clawed_back, card.spent)
    assert (usd("15.00"), usd("0.00")) == (answer.clawed_back, answer.lost)
    assert {HouseAccount.LOSS: 700, HouseAccount.REDEMPTIONS: -700} == house(shop)
    shop.execute(RefundRedemption(order_id="2", amount=ALL, idempotency_key="return the rest"))
    reverse(shop)

    assert {} == house(shop)
    require_fits(shop)


def test_value_that_was_granted_again_belongs_to_the_sale() -> None:
    """A refund after the expiry opens a new lot, and another one after that; both are taken back."""
    shop = Shop()
    define(shop, term=Term(days=1, time_zone="UTC"))
    (issued,) = issue(shop, is_paid=True).gift_cards
    redeem(shop, issued.code, "10.00")
    shop.clock.advance(10 * DAY)
    shop.execute(RefundRedemption(order_id="2", amount=ALL, idempotency_key="return"))
    redeem(shop, issued.code, "10.00", "3")
    shop.clock.advance(100 * DAY)
    shop.execute(RefundRedemption(order_id="3", amount=usd("6.00"), idempotency_key="return again"))
    answer = reverse(shop)
    (card,) = answer.cards

    assert (usd("6.00"), usd("4.00")) == (card.clawed_back, card.spent)
    require_fits(shop)


def test_value_from_elsewhere_stays_on_a_blocked_card(shop: Shop) -> None:
    """It was not part of the sale, and staff decide about it."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("5.00"),
            direction=Direction.CREDIT,
            origin=LotOrigin.GOODWILL,
            idempotency_key="adjust",
            **STAFF,
        )
    )
    (card,) = reverse(shop).cards

    assert (usd("10.00"), usd("0.00"), GiftCardStatus.BLOCKED) == (card.clawed_back, card.spent, card.status)
    assert usd("5.00") == bought(shop)[0].posted
    require_fits(shop)


def test_expired_value_is_taken_back_or_was_lost() -> None:
    """While it is on the card it goes back to sales; once it became breakage it does not."""
    shop = Shop()
    define(shop, term=Term(days=1, time_zone="UTC"))
    issue(shop, order_id="kept", is_paid=True)
    issue(shop, order_id="swept", is_paid=True)
    shop.clock.advance(10 * DAY)
    (kept,) = reverse(shop, "kept").cards
    shop.execute(ExpireValue())
    (swept,) = reverse(shop, "swept").cards

    assert (usd("10.00"), usd("0.00")) == (kept.clawed_back, kept.spent)
    assert (usd("0.00"), usd("10.00")) == (swept.clawed_back, swept.spent)
    assert {HouseAccount.LOSS: 1000, HouseAccount.BREAKAGE: -1000} == house(shop)
    require_fits(shop)


def test_converted_value_is_spent(shop: Shop) -> None:
    """It is the customer's credit by then."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="convert"))
    (card,) = reverse(shop).cards

    assert (usd("0.00"), usd("10.00")) == (card.clawed_back, card.spent)
    assert usd("10.00") == shop.credit().posted
    require_fits(shop)


@pytest.mark.parametrize("stop", [BlockGiftCard, DeactivateGiftCard])
def test_a_stopped_card_is_taken_back_too(shop: Shop, stop: type) -> None:
    """Whoever stopped it."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    shop.execute(stop(gift_card_id=issued.gift_card.id, idempotency_key="stop"))
    (card,) = reverse(shop).cards

    assert (usd("10.00"), GiftCardStatus.DEACTIVATED) == (card.clawed_back, card.status)
    require_fits(shop)


def test_a_load_that_staff_reversed_is_not_taken_back_twice(shop: Shop) -> None:
    """It is back in sales already, and is no loss."""
    issue(shop, is_paid=True)
    (loaded,) = transfers(shop, TransferKind.ISSUE)
    shop.execute(ReverseTransfer(transfer_id=loaded.id, idempotency_key="reverse", **STAFF))
    (card,) = reverse(shop).cards

    assert (usd("0.00"), usd("0.00"), GiftCardStatus.DEACTIVATED) == (card.clawed_back, card.spent, card.status)
    assert {} == house(shop)
    require_fits(shop)


def test_a_reversed_sale_is_not_reversed_back(shop: Shop) -> None:
    """Neither what was taken back nor the loss; nor is a load of which a part was taken back."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    redeem(shop, issued.code)
    reverse(shop)
    told = []
    for one in transfers(shop, TransferKind.CLAWBACK, TransferKind.LOSS, TransferKind.ISSUE):
        with pytest.raises(NotReversible) as caught:
            shop.execute(ReverseTransfer(transfer_id=one.id, idempotency_key=shop.key(), **STAFF))
        told.append(caught.value.reason)

    assert ["refunded", "sale", "sale"] == sorted(told)


@pytest.mark.parametrize("wrong", [None, "refund", "theft", 1])
def test_a_reversal_has_a_cause(shop: Shop, wrong: Any) -> None:
    """One of three."""
    issue(shop)
    with pytest.raises(InvalidRequest):
        reverse(shop, cause=wrong)


def test_what_was_reversed_before_it_was_paid_is_never_loaded(shop: Shop) -> None:
    """Placed, refunded, paid: nothing is owed."""
    issue(shop)
    reverse(shop)

    assert 0 == activate(shop).activated
    assert {} == shop.ask(Liability()).total
    assert NOW == books_of(shop.storage).sales[0].reversed_at
