"""Adjusting a hold: another amount, other lines, more time; the same tenders and bounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    AdjustHold,
    Audit,
    BlockGiftCard,
    ClaimGiftCard,
    GetHold,
    GiftCardTender,
    HoldStatus,
    HoldView,
    PayWithBalances,
    Policies,
    SpendingLimits,
    StoreCreditStatus,
)
from loyalty.errors import (
    CurrencyMismatch,
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
)
from tests.use_cases.checkout import MINUTE, adjust, capture, hold, line, no_wine_from_gifts, void
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def test_a_larger_order_holds_more() -> None:
    """The hold keeps its id and time and takes more from its tenders, as far as they go."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "10.00", codes=[issued.code])
    more = adjust(shop, held, "60.00")
    assert (held.id, held.lapses_at, usd("50.00"), usd("10.00"), usd("60.00")) == (
        more.id, more.lapses_at, more.amount, more.remaining_due, more.amount_due,
    )  # fmt: skip
    assert usd("0.00") == shop.card(issued).available
    assert more == shop.ask(GetHold(id=held.id))
    assert () == shop.ask(Audit()).findings


def test_a_smaller_order_holds_less() -> None:
    """What is no longer due is free again at once."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.grant("10.00", expires_at=NOW + DAY)
    held = hold(shop, "40.00", codes=[issued.code], customer_id="ada")
    less = adjust(shop, held, "4.00")
    assert {None: usd("4.00")} == {part.gift_card_id: part.amount for part in less.parts}
    assert (usd("50.00"), usd("6.00")) == (shop.card(issued).available, shop.credit().available)
    assert usd("40.00") == adjust(shop, held, "40.00").amount
    assert usd("40.00") == capture(shop, held).amount


def test_a_hold_never_takes_what_another_order_holds() -> None:
    """An adjustment sees only its own reservation and what is free."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = (hold(shop, "20.00", codes=[issued.code], order_id=order) for order in ("a", "b"))
    assert usd("30.00") == adjust(shop, first, "50.00").amount
    assert usd("20.00") == capture(shop, second).amount


def test_bounds_and_priorities_stay() -> None:
    """What the caller asked for when the hold was placed is kept to."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("10.00")
    tenders = [GiftCardTender(code=one.code, at_most=usd("3.00")), GiftCardTender(code=two.code, priority=-1)]
    held = hold(shop, "2.00", tenders=tenders)
    assert {two.gift_card.id: usd("2.00")} == {part.gift_card_id: part.amount for part in held.parts}
    more = adjust(shop, held, "20.00")
    assert {two.gift_card.id: usd("10.00"), one.gift_card.id: usd("3.00")} == {
        part.gift_card_id: part.amount for part in more.parts
    }


def test_more_time_alone_changes_nothing_that_is_held() -> None:
    """The new time counts from now, and value that has become free since is left alone."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold(shop, "30.00", codes=[issued.code], order_id="1002", lapses_after=MINUTE)
    held = hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(MINUTE)
    longer = adjust(shop, held, lapses_after=timedelta(hours=1))
    assert (usd("20.00"), NOW + MINUTE + timedelta(hours=1)) == (longer.amount, longer.lapses_at)
    assert usd("30.00") == shop.card(issued).available
    assert None is shop.last_receipt().decisions
    shop.clock.now = longer.lapses_at - MICROSECOND
    assert usd("20.00") == capture(shop, held).amount


def test_more_time_alone_takes_nothing_that_the_rules_vetoed() -> None:
    """A hold that got nothing for the gift card in the order gets nothing for it later either."""
    shop = Shop()
    issued = shop.issue("100.00")
    lines = [line("lamp", "40.00"), line("present", "60.00", is_stored_value=True)]
    held = hold(shop, "100.00", codes=[issued.code], lines=lines)
    assert usd("40.00") == held.amount
    assert usd("40.00") == adjust(shop, held, lapses_after=timedelta(hours=1)).amount
    assert usd("40.00") == adjust(shop, held, "100.00", lines=lines).amount


def test_less_time_ends_it_sooner() -> None:
    """A hold may be shortened, and lapses at the new instant."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    assert NOW + MINUTE == adjust(shop, held, lapses_after=MINUTE).lapses_at
    shop.clock.advance(MINUTE)
    assert usd("50.00") == shop.card(issued).available
    assert HoldStatus.LAPSED is shop.ask(GetHold(id=held.id)).status


def test_other_lines_are_planned_anew() -> None:
    """If the wine leaves the basket the gift card may pay for all of it; the receipt says what the rules said."""
    shop = Shop(policies=Policies(eligibility=no_wine_from_gifts))
    issued = shop.issue("50.00")
    bread, wine = line("bread", "10.00"), line("wine", "10.00", tags=("wine",))
    held = hold(shop, "20.00", codes=[issued.code], lines=[bread, wine])
    assert usd("10.00") == held.amount
    assert usd("20.00") == adjust(shop, held, lines=[bread, line("cheese", "10.00")]).amount
    assert ["eligibility", "no veto"] == _decided(shop)[1]
    assert usd("10.00") == adjust(shop, held, lines=[bread, wine]).amount
    assert ["eligibility", f"account {issued.gift_card.account_id} not for lines 1"] == _decided(shop)[1]
    assert usd("0.00") == adjust(shop, held, "10.00", lines=[wine]).amount
    assert () == shop.ask(Audit()).findings


def _decided(shop: Shop) -> list[list[Any]]:
    return [[one["policy"], one["said"]] for one in json.loads(shop.last_receipt().decisions or "")]


@pytest.mark.parametrize("moment", [-MICROSECOND, timedelta(0), MICROSECOND])
def test_what_is_held_stays_usable_when_it_expires(moment: timedelta) -> None:
    """Before, at and after the expiry of its lot a hold keeps what it has; only before it gets more of it."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    held = hold(shop, "40.00", codes=[issued.code], lapses_after=2 * DAY)
    shop.clock.now = NOW + DAY + moment
    more = adjust(shop, held, "45.00")
    assert usd("45.00" if moment < timedelta(0) else "40.00") == more.amount
    assert usd("30.00") == adjust(shop, held, "30.00").amount
    assert usd("30.00") == capture(shop, held).amount
    assert () == shop.ask(Audit()).findings


def test_what_was_given_up_after_its_expiry_is_gone() -> None:
    """A hold that was made smaller does not get expired value back."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    held = hold(shop, "40.00", codes=[issued.code], lapses_after=2 * DAY)
    shop.clock.now = NOW + DAY
    adjust(shop, held, "30.00")
    assert usd("30.00") == adjust(shop, held, "40.00").amount


def test_a_tender_that_was_stopped_meanwhile_gives_no_more() -> None:
    """A blocked card and a blocked account keep what is held and are no reason to refuse."""
    shop = Shop()
    issued = shop.issue("10.00")
    account = shop.grant("10.00").account
    held = hold(shop, "12.00", codes=[issued.code], customer_id="ada")
    before = {part.gift_card_id: part.amount for part in held.parts}
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    shop.set_credit_status(account.id, StoreCreditStatus.BLOCKED)
    assert before == {part.gift_card_id: part.amount for part in adjust(shop, held, "20.00").parts}


def test_a_card_claimed_by_another_meanwhile_gives_no_more() -> None:
    """What is held stays; a stranger's card is not drawn upon further."""
    shop = Shop()
    issued = shop.issue("10.00")
    held = hold(shop, "2.00", codes=[issued.code])
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="bob", idempotency_key="claim"))
    assert usd("2.00") == adjust(shop, held, "9.00").amount


def test_limits_bound_the_adjusted_hold() -> None:
    """Per card, per order and per day hold for an adjustment as for a new hold; its own reservation does not count."""
    for limits in (
        SpendingLimits(per_card=usd("7")),
        SpendingLimits(per_order=usd("7")),
        SpendingLimits(per_customer_and_day=usd("7")),
    ):
        shop = Shop(policies=Policies(limits=limits))
        issued = shop.issue("50.00", customer_id="ada")
        held = hold(shop, "5.00", gift_card_ids=[issued.gift_card.id], customer_id="ada", use_store_credit=False)
        assert usd("7.00") == adjust(shop, held, "50.00").amount
        assert "limits" in {policy for policy, _ in _decided(shop)}


def test_what_the_order_paid_already_counts_towards_its_limits() -> None:
    """After one payment of the order only the rest of its limit can be held."""
    for limits in (SpendingLimits(per_card=usd("7")), SpendingLimits(per_order=usd("7"))):
        shop = Shop(policies=Policies(limits=limits))
        issued = shop.issue("50.00")
        shop.execute(
            PayWithBalances(order_id="1001", amount_due=usd("3"), codes=(issued.code,), idempotency_key="first")
        )
        held = hold(shop, "1.00", codes=[issued.code])
        assert usd("4.00") == adjust(shop, held, "50.00").amount


@pytest.mark.parametrize(
    ("moment", "is_open"), [(15 * MINUTE - MICROSECOND, True), (15 * MINUTE, False), (15 * MINUTE + MICROSECOND, False)]
)
def test_a_lapsed_hold_cannot_be_adjusted(moment: timedelta, is_open: bool) -> None:
    """One microsecond before its time it can be kept alive; at it and after it it is closed."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    shop.clock.advance(moment)
    if is_open:
        assert HoldStatus.OPEN is adjust(shop, held, lapses_after=MINUTE).status
    else:
        before = shop.books()
        with pytest.raises(HoldClosed) as caught:
            adjust(shop, held, lapses_after=MINUTE)
        assert "lapsed" == caught.value.status
        assert before == shop.books()


def test_a_resolved_hold_cannot_be_adjusted() -> None:
    """Captured or voided, the hold is closed, and the error says which."""
    shop = Shop()
    issued = shop.issue()
    ends: list[tuple[Callable[[Shop, HoldView], object], str]] = [(capture, "captured"), (void, "voided")]
    for number, (end, status) in enumerate(ends):
        held = hold(shop, "4.00", codes=[issued.code], order_id=str(number))
        end(shop, held)
        with pytest.raises(HoldClosed) as caught:
            adjust(shop, held, "5.00")
        assert status == caught.value.status


def test_whose_hold_it_is_can_be_made_sure() -> None:
    """With another order's id, or one that no hold has, there is no such hold."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    for given in ({"order_id": "1002"}, {"hold_id": "nobody"}, {"hold_id": held.id.upper(), "order_id": None}):
        with pytest.raises(HoldNotFound):
            adjust(shop, held, "5.00", **given)
    assert usd("5.00") == adjust(shop, held, "5.00", order_id="1001").amount


@pytest.mark.parametrize(
    "given",
    [
        {"due": Money("5", "EUR")},
        {"due": Money("5.000", Currency("USD", sub_unit=1000))},
        {"lines": [line("a", Money("5", "EUR"))]},
        {"due": usd("5"), "lines": [line("a", Money("5.000", Currency("USD", sub_unit=1000)))]},
    ],
    ids=repr,
)
def test_other_currencies_are_refused(given: dict[str, Any]) -> None:
    """Amount and lines must be in the hold's currency, with its decimals."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    before = shop.books()
    with pytest.raises(CurrencyMismatch):
        adjust(shop, held, **given)
    assert before == shop.books()


def test_a_hold_placed_with_lines_needs_those_of_the_changed_order() -> None:
    """Otherwise a larger amount would pay for what the shop's rules veto; more time needs none."""
    shop = Shop()
    lamp, present = line("lamp", "40.00"), line("present", "60.00", is_stored_value=True)
    held = hold(shop, "100.00", codes=[shop.issue("100.00").code], lines=[lamp, present])
    before = shop.books()
    for due in ("90.00", "160.00"):
        with pytest.raises(InvalidRequest):
            adjust(shop, held, due)
    assert before == shop.books()
    assert (
        usd("40.00")
        == adjust(shop, held, "160.00", lines=[lamp, line("present", "120.00", is_stored_value=True)]).amount
    )
    with pytest.raises(InvalidRequest):
        adjust(shop, held, "160.00")


def test_lines_that_came_with_an_adjustment_are_needed_from_then_on() -> None:
    """A hold that was placed without lines and adjusted with some is one with lines."""
    shop = Shop()
    held = hold(shop, "10.00", codes=[shop.issue("100.00").code])
    assert usd("20.00") == adjust(shop, held, "20.00").amount
    adjust(shop, held, "30.00", lines=[line("lamp", "30.00")])
    with pytest.raises(InvalidRequest):
        adjust(shop, held, "40.00")


def test_there_must_be_something_to_change() -> None:
    """Without an amount, a time or lines it is an invalid request."""
    with pytest.raises(InvalidRequest):
        AdjustHold(hold_id="x", order_id="1", idempotency_key="k")


def test_a_closed_hold_is_told_before_the_currency_and_an_unknown_one_before_both() -> None:
    """Errors come in the order in which they are documented."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    void(shop, held)
    with pytest.raises(HoldNotFound):
        adjust(shop, held, Money("5", "EUR"), order_id="1002")
    with pytest.raises(HoldClosed):
        adjust(shop, held, Money("5", "EUR"))


def test_a_replay_answers_again_and_other_content_is_a_conflict() -> None:
    """The same adjustment twice is one, also after the hold was captured."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    command = AdjustHold(hold_id=held.id, amount_due=usd("5"), lapses_after=MINUTE, idempotency_key="once")
    first = shop.execute_twice(command)
    capture(shop, held)
    assert first == shop.execute(command)
    with pytest.raises(IdempotencyConflict):
        adjust(shop, held, "6.00", idempotency_key="once")


def test_the_event_tells_the_adjustment() -> None:
    """One event names the hold, its order and what it holds now; the card is spendable beyond it only."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "4.00", codes=[issued.code])
    more = adjust(shop, held, "60.00")
    assert "HoldAdjusted" == shop.last_receipt().event
    for part in (held.id, "1001", '[5000,"USD",2]', '[1000,"USD",2]', more.lapses_at.isoformat()):
        assert part in shop.last_receipt().event_data
    with pytest.raises(InsufficientBalance):
        shop.redeem(issued, "0.01", "1002")
