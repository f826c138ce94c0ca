"""Placing a hold: all tenders or none, as planned, for one order, and it lets go by itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    ConvertGiftCard,
    GetBalance,
    GetHold,
    GiftCardStatus,
    GiftCardTender,
    HoldStatus,
    Liability,
    PlaceHold,
    Policies,
    SpendingLimits,
    StoreCreditStatus,
)
from loyalty.errors import (
    ClaimedByAnother,
    CurrencyMismatch,
    GiftCardNotFound,
    HoldClosed,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
    NotEligible,
    NotSpendable,
    TooManyHolds,
)
from tests.use_cases.checkout import MINUTE, capture, hold, line, no_wine_from_gifts, plan
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def test_value_is_reserved_over_all_tenders() -> None:
    """Cards and credit hold together what they can, nothing moves, and the rest remains due."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("20.00")
    shop.grant("5.00")
    held = hold(shop, "50.00", codes=[one.code, two.code], customer_id="ada")
    assert (usd("35.00"), usd("15.00"), usd("50.00"), usd("0")) == (
        held.amount, held.remaining_due, held.amount_due, held.captured,
    )  # fmt: skip
    assert {one.gift_card.id: usd("10.00"), two.gift_card.id: usd("20.00"), None: usd("5.00")} == {
        part.gift_card_id: part.amount for part in held.parts
    }
    assert (HoldStatus.OPEN, NOW, None, "ada") == (held.status, held.placed_at, held.resolved_at, held.customer_id)
    card = shop.card(one)
    assert (usd("10.00"), usd("10.00"), usd("0.00")) == (card.posted, card.held, card.available)
    assert (usd("5.00"), usd("5.00"), usd("0.00")) == (
        shop.credit().posted, shop.credit().held, shop.credit().available,
    )  # fmt: skip
    assert usd("35.00") == shop.ask(Liability()).total["USD"]
    assert () == shop.ask(Audit()).findings


def test_no_more_than_is_due_is_held() -> None:
    """What a tender has beyond the amount due stays free."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "12.34", codes=[issued.code])
    assert (usd("12.34"), usd("0.00"), usd("37.66")) == (held.amount, held.remaining_due, shop.card(issued).available)


def test_held_value_is_spent_by_nobody_else() -> None:
    """Another order, a redemption and a conversion see only what is left."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold(shop, "40.00", codes=[issued.code])
    assert usd("10.00") == shop.ask(GetBalance(code=issued.code)).available
    with pytest.raises(InsufficientBalance) as caught:
        shop.redeem(issued, "10.01", "1002")
    assert usd("10.00") == caught.value.available
    assert usd("10.00") == hold(shop, "40.00", codes=[issued.code], order_id="1002").amount
    assert usd("0.00") == hold(shop, "40.00", codes=[issued.code], order_id="1003").amount


def test_a_conversion_leaves_what_is_held() -> None:
    """The free value becomes store credit; the order still gets what was reserved for it."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    conversion = shop.execute(ConvertGiftCard(code=issued.code, customer_id="bob", idempotency_key="convert"))
    assert usd("10.00") == conversion.amount
    assert usd("40.00") == capture(shop, held).amount
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    ("moment", "is_open"), [(15 * MINUTE - MICROSECOND, True), (15 * MINUTE, False), (15 * MINUTE + MICROSECOND, False)]
)
def test_a_hold_lapses_by_itself(moment: timedelta, is_open: bool) -> None:
    """One microsecond before its time all is reserved; at it and after it nothing is, though no sweep ran."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    assert NOW + 15 * MINUTE == held.lapses_at
    shop.clock.advance(moment)
    view = shop.ask(GetHold(id=held.id))
    assert (HoldStatus.OPEN if is_open else HoldStatus.LAPSED) is view.status
    card = shop.card(issued)
    assert (usd("40.00" if is_open else "0.00"), usd("10.00" if is_open else "50.00")) == (card.held, card.available)
    if is_open:
        assert usd("40.00") == capture(shop, held).amount
    else:
        with pytest.raises(HoldClosed) as caught:
            capture(shop, held)
        assert "lapsed" == caught.value.status
        assert usd("50.00") == shop.redeem(issued, "50.00").amount
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("after", [timedelta(seconds=1), timedelta(days=366)])
def test_the_caller_may_say_how_long(after: timedelta) -> None:
    """From one second to 366 days, both included."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code], lapses_after=after)
    assert NOW + after == held.lapses_at


@pytest.mark.parametrize(
    "after",
    [
        timedelta(0), timedelta(seconds=1) - MICROSECOND, timedelta(days=366) + MICROSECOND, -timedelta(seconds=1),
        timedelta.max, 900, "15 minutes", True,
    ],
    ids=repr,
)  # fmt: skip
def test_other_times_never_become_a_command(after: Any) -> None:
    """Shorter, longer, negative or no durations at all are refused by the constructor."""
    with pytest.raises(InvalidRequest):
        PlaceHold(order_id="1", amount_due=usd("1"), customer_id="ada", lapses_after=after, idempotency_key="k")


def test_a_hold_never_outlives_the_calendar() -> None:
    """If the calendar ends before the hold, it is an invalid time and nothing is held."""
    shop = Shop()
    issued = shop.issue()
    shop.clock.now = datetime.max.replace(tzinfo=UTC) - MINUTE
    before = shop.books()
    with pytest.raises(InvalidTime):
        hold(shop, "4.00", codes=[issued.code])
    assert before == shop.books()


def test_how_long_is_the_shops_choice() -> None:
    """Without a word from the caller a policy is asked, with the amount due."""
    asked = []

    def long_for_much(amount_due: Money) -> timedelta:
        asked.append(amount_due)
        return timedelta(hours=2)

    shop = Shop(policies=Policies(hold_time=long_for_much))
    issued = shop.issue()
    assert NOW + timedelta(hours=2) == hold(shop, "4.00", codes=[issued.code]).lapses_at
    assert NOW + MINUTE == hold(shop, "4.00", codes=[issued.code], lapses_after=MINUTE).lapses_at
    assert [usd("4.00")] == asked


@pytest.mark.parametrize("answer", [timedelta(0), -MINUTE, timedelta(days=367), None, 900])
def test_a_policy_cannot_hold_for_ever_or_not_at_all(answer: Any) -> None:
    """What the shop's own policy answers is bound as what a caller says is, and nothing is held."""
    shop = Shop(policies=Policies(hold_time=lambda _: answer))
    issued = shop.issue()
    before = shop.books()
    with pytest.raises(InvalidTime):
        hold(shop, "4.00", codes=[issued.code])
    assert before == shop.books()


# --- one hold per order -----------------------------------------------------


def test_the_same_order_replaces_its_own_hold() -> None:
    """The earlier hold of the order is voided, may be used, and the answer names it."""
    shop = Shop()
    issued = shop.issue("50.00")
    first = hold(shop, "40.00", codes=[issued.code])
    second = hold(shop, "45.00", codes=[issued.code])
    assert (usd("45.00"), first.id, None) == (second.amount, second.replaced_id, first.replaced_id)
    assert HoldStatus.VOIDED is shop.ask(GetHold(id=first.id)).status
    assert second.id == shop.ask(GetHold(order_id="1001")).id
    assert usd("5.00") == shop.card(issued).available
    with pytest.raises(HoldClosed) as caught:
        capture(shop, first)
    assert "voided" == caught.value.status
    assert () == shop.ask(Audit()).findings


def test_a_replaced_hold_lets_go_of_tenders_that_are_not_named_again() -> None:
    """Another card for the same order frees the first one."""
    shop = Shop()
    one, two = shop.issue("50.00"), shop.issue("50.00")
    hold(shop, "40.00", codes=[one.code])
    hold(shop, "40.00", codes=[two.code])
    assert (usd("50.00"), usd("10.00")) == (shop.card(one).available, shop.card(two).available)


def test_another_order_never_replaces_a_hold() -> None:
    """Two orders hold value of one card side by side."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = (hold(shop, "20.00", codes=[issued.code], order_id=order) for order in ("a", "b"))
    assert (None, usd("10.00")) == (second.replaced_id, shop.card(issued).available)
    assert (usd("20.00"), usd("20.00")) == (capture(shop, first).amount, capture(shop, second).amount)


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (15 * MINUTE - MICROSECOND, HoldStatus.VOIDED),
        (15 * MINUTE, HoldStatus.LAPSED),
        (15 * MINUTE + MICROSECOND, HoldStatus.LAPSED),
    ],
)
def test_a_hold_that_lapsed_is_not_voided_afterwards(moment: timedelta, status: HoldStatus) -> None:
    """A new hold after the old one's time finds it lapsed, before its time it voids it; either way it names it."""
    shop = Shop()
    issued = shop.issue("50.00")
    first = hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(moment)
    second = hold(shop, "50.00", codes=[issued.code])
    assert (usd("50.00"), first.id) == (second.amount, second.replaced_id)
    view = shop.ask(GetHold(id=first.id))
    assert (status, NOW + moment) == (view.status, view.resolved_at)
    assert () == shop.ask(Audit()).findings


def test_a_hold_that_got_nothing_is_replaced_too() -> None:
    """A hold over tenders that have nothing is one, and the order may try again with others."""
    shop = Shop()
    empty = hold(shop, "5.00", customer_id="bob")
    assert (usd("0.00"), (), usd("5.00")) == (empty.amount, empty.parts, empty.remaining_due)
    assert empty.id == hold(shop, "5.00", codes=[shop.issue().code]).replaced_id


def test_a_hold_in_another_currency_is_replaced_too() -> None:
    """A basket that changes its currency frees what it held in the old one."""
    shop = Shop()
    euro, dollar = shop.issue(Money("50.00", "EUR")), shop.issue("50.00")
    hold(shop, Money("20.00", "EUR"), codes=[euro.code])
    held = hold(shop, "20.00", codes=[dollar.code])
    assert (usd("20.00"), Money("50.00", "EUR")) == (held.amount, shop.card(euro).available)


# --- expiry of lots ---------------------------------------------------------


@pytest.mark.parametrize("moment", [-MICROSECOND, timedelta(0), MICROSECOND])
def test_a_lot_that_expires_meanwhile_stays_spendable_for_the_hold(moment: timedelta) -> None:
    """Held in time, value is taken before, at and after its expiry."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    held = hold(shop, "40.00", codes=[issued.code], lapses_after=2 * DAY)
    shop.clock.now = NOW + DAY + moment
    assert usd("40.00") == capture(shop, held).amount
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    ("moment", "is_spendable"), [(-MICROSECOND, True), (timedelta(0), False), (MICROSECOND, False)]
)
def test_an_expired_card_holds_nothing(moment: timedelta, is_spendable: bool) -> None:
    """One microsecond before its expiry a card can be held; at it and after it the hold is refused."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY + moment
    if is_spendable:
        assert usd("40.00") == hold(shop, "40.00", codes=[issued.code]).amount
    else:
        with pytest.raises(NotSpendable) as caught:
            hold(shop, "40.00", codes=[issued.code])
        assert "expired" == caught.value.reason


@pytest.mark.parametrize(("moment", "amount"), [(-MICROSECOND, "0.00"), (timedelta(0), "5.00"), (MICROSECOND, "5.00")])
def test_value_that_has_not_begun_is_not_held(moment: timedelta, amount: str) -> None:
    """Credit can be held from its first instant on, and not one microsecond earlier."""
    shop = Shop()
    shop.grant("5.00", not_before=NOW + DAY)
    shop.clock.now = NOW + DAY + moment
    assert usd(amount) == hold(shop, "40.00", customer_id="ada").amount


def test_the_soonest_expiry_is_held_first() -> None:
    """Lots of all tenders are reserved in the spending order, whatever the order of naming."""
    shop = Shop()
    late, soon = shop.issue("10.00", expires_at=NOW + 9 * DAY), shop.issue("10.00", expires_at=NOW + DAY)
    held = hold(shop, "12.00", codes=[late.code, soon.code])
    assert {soon.gift_card.id: usd("10.00"), late.gift_card.id: usd("2.00")} == {
        part.gift_card_id: part.amount for part in held.parts
    }


def test_priorities_and_bounds_of_the_caller_come_first() -> None:
    """The lowest priority pays first and none above its bound; store credit has both, too."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("10.00")
    shop.grant("10.00")
    held = hold(
        shop,
        "12.00",
        tenders=[
            GiftCardTender(code=one.code, priority=1),
            GiftCardTender(gift_card_id=two.gift_card.id, at_most=usd("3.00"), priority=-1),
        ],
        customer_id="ada",
        store_credit_at_most=usd("4.00"),
        store_credit_priority=-2,
    )
    assert {None: usd("4.00"), two.gift_card.id: usd("3.00"), one.gift_card.id: usd("5.00")} == {
        part.gift_card_id: part.amount for part in held.parts
    }


# --- refusals ---------------------------------------------------------------


def test_one_bad_tender_holds_nothing_on_any() -> None:
    """Either every tender is usable or nothing is reserved, and the order's earlier hold stays."""
    shop = Shop()
    good, bad = shop.issue("5.00"), shop.issue("5.00")
    first = hold(shop, "5.00", codes=[good.code])
    shop.set_card_status(bad, GiftCardStatus.BLOCKED)
    before = shop.books()
    with pytest.raises(NotSpendable):
        hold(shop, "6.00", codes=[good.code, bad.code])
    assert before == shop.books()
    assert usd("5.00") == capture(shop, first).amount


def test_a_hundred_orders_may_hold_one_card_at_once() -> None:
    """The 101st is refused and changes nothing, until one of them lapses or ends."""
    shop = Shop()
    issued = shop.issue("500.00")
    hold(shop, "1.00", codes=[issued.code], order_id="first", lapses_after=MINUTE)
    for number in range(99):
        hold(shop, "1.00", codes=[issued.code], order_id=f"order {number}")
    before = shop.books()
    with pytest.raises(TooManyHolds):
        hold(shop, "1.00", codes=[issued.code], order_id="one more")
    assert before == shop.books()
    assert usd("2.00") == hold(shop, "2.00", codes=[issued.code], order_id="order 7").amount
    shop.clock.advance(MINUTE)
    assert usd("1.00") == hold(shop, "1.00", codes=[issued.code], order_id="one more").amount


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InvalidRequest),
        ({"customer_id": "ada", "use_store_credit": False}, InvalidRequest),
        ({"customer_id": "ada", "order_id": ""}, InvalidRequest),
        ({"customer_id": "ada", "amount_due": usd("0")}, InvalidAmount),
        ({"customer_id": "ada", "amount_due": usd("-1")}, InvalidAmount),
        ({"customer_id": "ada", "amount_due": usd("0.001")}, InvalidAmount),
        ({"customer_id": "ada", "store_credit_at_most": Money("1", "EUR")}, CurrencyMismatch),
        (
            {"customer_id": "ada", "store_credit_at_most": Money("1.000", Currency("USD", sub_unit=1000))},
            CurrencyMismatch,
        ),
        ({"customer_id": "ada", "lines": [line("a", Money("1", "EUR"))]}, CurrencyMismatch),
        (
            {"customer_id": "ada", "lines": [line("a", Money("1.000", Currency("USD", sub_unit=1000)))]},
            CurrencyMismatch,
        ),
        ({"customer_id": "ada", "lines": [line("a", "1"), line("a", "2")]}, InvalidRequest),
        ({"tenders": [GiftCardTender(gift_card_id="x", at_most=Money("1", "EUR"))]}, CurrencyMismatch),
        ({"gift_card_ids": ["x"] * 25, "tenders": [GiftCardTender(gift_card_id="x")] * 26}, InvalidRequest),
    ],
    ids=repr,
)
def test_wrong_requests_never_become_a_command(given: dict[str, Any], error: type[LoyaltyError]) -> None:
    """No tender, no amount, other currencies or decimals, lines of one id and too many cards are refused at once."""
    with pytest.raises(error):
        PlaceHold(**{"order_id": "1", "amount_due": usd("1"), "idempotency_key": "k", **given})


def test_what_the_rules_veto_is_not_held() -> None:
    """Of an order for a gift card and a lamp, only the lamp is held for; of a gift card alone, nothing."""
    shop = Shop()
    issued = shop.issue("50.00")
    lamp, present = line("lamp", "30.00"), line("present", "25.00", is_stored_value=True)
    assert usd("30.00") == hold(shop, "55.00", codes=[issued.code], lines=[lamp, present]).amount
    before = shop.books()
    with pytest.raises(NotEligible) as caught:
        hold(shop, "25.00", codes=[issued.code], lines=[present])
    assert "stored value cannot buy stored value" == caught.value.reason
    assert before == shop.books()


def test_a_tender_that_may_pay_for_all_leaves_the_lines_that_another_one_can_pay() -> None:
    """A card that may not pay for the wine pays for the bread, though the credit came first."""
    shop = Shop(policies=Policies(eligibility=no_wine_from_gifts))
    issued = shop.issue("10.00")
    shop.grant("10.00", expires_at=NOW + DAY)
    held = hold(
        shop, "20.00", codes=[issued.code], customer_id="ada",
        lines=[line("bread", "10.00"), line("wine", "10.00", tags=("wine",))],
    )  # fmt: skip
    assert usd("20.00") == held.amount


def test_limits_cap_what_is_held() -> None:
    """Per card, per order and per customer and day; the rest of the order remains due."""
    for limits, amount in (
        (SpendingLimits(per_card=usd("7")), "17.00"),
        (SpendingLimits(per_order=usd("7")), "7.00"),
        (SpendingLimits(per_customer_and_day=usd("7")), "17.00"),
        (SpendingLimits(per_card=Money(7, "EUR")), "20.00"),
    ):
        shop = Shop(policies=Policies(limits=limits))
        bearer = shop.issue("10.00")
        shop.grant("10.00")
        held = hold(shop, "30.00", codes=[bearer.code], customer_id="ada")
        assert (usd(amount), usd("30.00") - usd(amount)) == (held.amount, held.remaining_due)


def test_a_limit_counts_what_other_orders_hold_while_they_do() -> None:
    """The customer's day is used up by holds, until they lapse, also if no sweep runs."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("10"))))
    shop.grant("50.00")
    hold(shop, "8.00", customer_id="ada")
    assert usd("2.00") == hold(shop, "8.00", customer_id="ada", order_id="1002").amount
    assert usd("10.00") - usd("2.00") == hold(shop, "10.00", customer_id="ada").amount
    shop.clock.advance(15 * MINUTE)
    assert usd("10.00") == hold(shop, "20.00", customer_id="ada", order_id="1003").amount


def test_a_limit_of_a_customer_is_not_raised_by_what_another_ones_hold_frees() -> None:
    """Replacing a hold of somebody else's credit, or in other money, gives no more room."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=(usd("10"), Money(10, "EUR")))))
    shop.grant("50.00", "bob")
    shop.grant("50.00")
    shop.grant(Money("50.00", "EUR"))
    hold(shop, "10.00", customer_id="bob")
    assert usd("10.00") == hold(shop, "50.00", customer_id="ada").amount
    assert Money("10.00", "EUR") == hold(shop, Money("50.00", "EUR"), customer_id="ada").amount
    assert usd("10.00") == hold(shop, "50.00", customer_id="ada").amount


# --- order of errors --------------------------------------------------------

FLAWS: dict[str, tuple[type[LoyaltyError], Any]] = {
    "malformed": (MalformedCode, lambda _: {"codes": ["GIFT-0000"]}),
    "unknown": (GiftCardNotFound, lambda _: {"gift_card_ids": ["nobody"]}),
    "another's": (
        ClaimedByAnother,
        lambda shop: {"codes": [shop.issue("5.00", customer_id="bob").code]},
    ),
    "blocked": (NotSpendable, lambda shop: {"codes": [_blocked(shop)]}),
    "euro": (CurrencyMismatch, lambda shop: {"codes": [shop.issue(Money("5.00", "EUR")).code]}),
    "vetoed": (NotEligible, lambda shop: {"codes": [shop.issue("5.00", tags=("vetoed",)).code]}),
}
"""In the order in which they are documented, each with a tender that has this flaw alone."""


def _blocked(shop: Shop) -> str:
    issued = shop.issue("5.00")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    return issued.code


def _vetoing(_line: object, tender: Any) -> str | None:
    return "vetoed" if "vetoed" in tender.tags else None


@pytest.mark.parametrize(
    ("first", "second"),
    [(one, other) for place, one in enumerate(FLAWS) for other in list(FLAWS)[place + 1 :]],
)
@pytest.mark.parametrize("is_turned_round", [False, True])
def test_of_two_flaws_the_earlier_in_the_list_is_told(first: str, second: str, is_turned_round: bool) -> None:
    """With two bad tenders at once, in either order, the error is the documented one, and the plan says the same."""
    shop = Shop(policies=Policies(eligibility=_vetoing))
    names = [second, first] if is_turned_round else [first, second]
    given: dict[str, Any] = {"codes": [], "gift_card_ids": [], "lines": [line("a", "5.00")]}
    for name in names:
        for field, values in FLAWS[name][1](shop).items():
            given[field] += values
    before = shop.books()
    with pytest.raises(FLAWS[first][0]) as caught:
        hold(shop, "5.00", **given)
    assert before == shop.books()
    refused = plan(shop, "5.00", **given).refused
    assert [FLAWS[first][0].code, FLAWS[second][0].code] == [tender.code for tender in refused]
    assert caught.value.code == refused[0].code


def test_a_blocked_account_is_told_after_whose_card_it_is() -> None:
    """The customer's blocked credit is refused like a blocked card; another's card comes first."""
    shop = Shop()
    shop.set_credit_status(shop.grant("5.00").account.id, StoreCreditStatus.BLOCKED)
    with pytest.raises(NotSpendable) as caught:
        hold(shop, "5.00", customer_id="ada")
    assert "blocked" == caught.value.reason
    with pytest.raises(ClaimedByAnother):
        hold(shop, "5.00", customer_id="ada", codes=[shop.issue("5.00", customer_id="bob").code])


# --- keys, events, decisions ------------------------------------------------


def test_a_replay_answers_again_and_holds_nothing_more() -> None:
    """The same hold twice is one hold, also after it was captured."""
    shop = Shop()
    issued = shop.issue("50.00")
    command = PlaceHold(
        order_id="1001", amount_due=usd("40"), codes=(issued.code,), lapses_after=MINUTE, idempotency_key="once"
    )
    first = shop.execute_twice(command)
    capture(shop, first)
    assert first == shop.execute(command)
    assert usd("10.00") == shop.card(issued).available


def test_other_content_under_the_same_key_is_a_conflict() -> None:
    """Amount, order, tenders, lines and time belong to what the key stands for."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold(shop, "4.00", codes=[issued.code], idempotency_key="once")
    before = shop.books()
    for due, given in (
        ("5.00", {}),
        ("4.00", {"order_id": "1002"}),
        ("4.00", {"lapses_after": MINUTE}),
        ("4.00", {"lines": [line("a", "4.00")]}),
        ("4.00", {"customer_id": "ada"}),
        ("4.00", {"store_credit_priority": 1}),
        ("4.00", {"store_credit_at_most": usd("1")}),
        ("4.00", {"codes": (), "tenders": [GiftCardTender(code=issued.code, priority=1)]}),
    ):
        with pytest.raises(IdempotencyConflict):
            hold(shop, due, **{"codes": [issued.code], "idempotency_key": "once", **given})
    assert before == shop.books()


def test_the_event_tells_the_hold() -> None:
    """One event names the hold, its order, what is held and when it lapses."""
    shop = Shop()
    held = hold(shop, "60.00", codes=[shop.issue("50.00").code])
    receipt = shop.last_receipt()
    assert "HoldPlaced" == receipt.event
    for part in (held.id, "1001", '[5000,"USD",2]', '[1000,"USD",2]', held.lapses_at.isoformat()):
        assert part in receipt.event_data


def test_the_receipt_says_who_decided() -> None:
    """Which policies took part, by name and version, and what the rules and limits said."""
    limits = SpendingLimits(per_order=usd("40"), version="2026-11")
    shop = Shop(policies=Policies(limits=limits, eligibility=no_wine_from_gifts))
    issued = shop.issue("50.00")
    held = hold(
        shop, "60.00", codes=[issued.code], lines=[line("bread", "35.00"), line("wine", "25.00", tags=("wine",))]
    )
    decided = {one["policy"]: one for one in json.loads(shop.last_receipt().decisions or "")}
    assert {
        "spending_order": ("soonest_expiry_first", "1", None),
        "eligibility": ("no_wine_from_gifts", "unversioned", f"account {held.parts[0].account_id} not for lines 1"),
        "limits": ("SpendingLimits", "2026-11", "for the order 4000"),
        "hold_time": ("fifteen_minutes", "1", None),
    } == {policy: (one["name"], one["version"], one.get("said")) for policy, one in decided.items()}
    hold(shop, "6.00", codes=[issued.code], lapses_after=MINUTE, order_id="1002")
    later = json.loads(shop.last_receipt().decisions or "")
    assert ["spending_order", "limits"] == [one["policy"] for one in later]
