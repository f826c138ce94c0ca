"""PAINS.md, as far as holds, plans and the shop's rules are concerned: one test per pain, named after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import permutations, product
from typing import Any, Final

import pytest
from moneyed import Money

from loyalty import (
    AdjustHold,
    Audit,
    BlockGiftCard,
    CaptureHold,
    CardsOfOrder,
    ConvertGiftCard,
    ExpireValue,
    GetHold,
    GiftCardTender,
    HoldStatus,
    IssuedGiftCard,
    LapseHolds,
    Liability,
    LotOrigin,
    OrderLine,
    PayWithBalances,
    PlaceHold,
    Policies,
    RedeemGiftCard,
    RefundRedemption,
    UnblockGiftCard,
    VoidHold,
)
from loyalty.errors import HoldClosed, InsufficientBalance, InvalidRequest, LoyaltyError, NotEligible
from loyalty.ledger.lot import Lot
from loyalty.policies.decision import policy
from tests.use_cases.checkout import MINUTE, adjust, capture, hold, line, plan, void
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, Shop, usd

ENDS: Final = ("capture", "void", "lapse")


def end(shop: Shop, hold_id: str, how: str) -> None:
    """End a hold in one of the three ways; letting it lapse is just waiting."""
    if how == "capture":
        shop.execute(CaptureHold(hold_id=hold_id, idempotency_key=shop.key()))
    elif how == "void":
        shop.execute(VoidHold(hold_id=hold_id, idempotency_key=shop.key()))
    else:
        shop.clock.advance(DAY)


@pytest.mark.parametrize(("moment", "left"), [(-MICROSECOND, "10.00"), (timedelta(0), "50.00"), (MICROSECOND, "50.00")])
def test_pain_04_money_taken_and_not_given_back_when_payment_fails(moment: timedelta, left: str) -> None:
    """The process dies between hold and capture, nobody releases anything: after the time-out all is there again."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    del held
    shop.clock.now = NOW + 15 * MINUTE + moment
    survivor = shop.with_keys(KEYS)
    shop.loyalty = survivor
    card = shop.card(issued)
    assert (usd(left), usd("50.00")) == (card.available, card.posted)
    assert usd(left) == plan(shop, "50.00", codes=[issued.code]).covered


def test_pain_04_a_declined_card_loses_nothing() -> None:
    """The bank declines, the shop voids and tries again with the same card and another amount: nothing is missing."""
    shop = Shop()
    issued = shop.issue("50.00")
    for attempt in range(5):
        held = hold(shop, "40.00", codes=[issued.code])
        if attempt % 2:
            void(shop, held)
    assert usd("50.00") == shop.card(issued).posted
    assert usd("40.00") == capture(shop, hold(shop, "40.00", codes=[issued.code])).amount
    assert usd("10.00") == shop.card(issued).available


@pytest.mark.parametrize(("first", "second"), [*product(ENDS, ENDS)])
def test_pain_05_holds_resolved_twice(first: str, second: str) -> None:
    """Whatever ended a hold, a second end is a typed error and makes no spendable money."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    end(shop, held.id, first)
    card = shop.card(issued)
    if second != "lapse":
        with pytest.raises(HoldClosed) as caught:
            end(shop, held.id, second)
        assert {"capture": "captured", "void": "voided", "lapse": "lapsed"}[first] == caught.value.status
    else:
        shop.clock.advance(DAY)
        shop.execute(LapseHolds())
    assert (card.posted, card.available) == ((after := shop.card(issued)).posted, after.available)
    assert () == shop.ask(Audit()).findings


def test_pain_05_holds_that_eat_each_other() -> None:
    """Capturing one order's hold twice, or for more, never reaches into what another order holds on the card."""
    shop = Shop()
    issued = shop.issue("100.00")
    one, other = (hold(shop, "50.00", codes=[issued.code], order_id=order) for order in ("one", "other"))
    capture(shop, one)
    attempts: list[tuple[Callable[[], object], type[LoyaltyError]]] = [
        (lambda: capture(shop, one), HoldClosed),
        (lambda: adjust(shop, one, "100.00"), HoldClosed),
        (lambda: shop.redeem(issued, "0.01", "third"), InsufficientBalance),
        (lambda: capture(shop, other, "50.01"), InsufficientBalance),
    ]
    for attempt, error in attempts:
        with pytest.raises(error):
            attempt()
    assert usd("50.00") == capture(shop, other).amount
    assert usd("0.00") == shop.card(issued).posted


def test_pain_05_exactly_one_of_many_ends_wins() -> None:
    """Sixteen threads capture, void and adjust one hold at once: it ends once, and value is conserved."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])

    def race(number: int) -> str | None:
        kind: Any = CaptureHold if number % 2 else VoidHold
        try:
            shop.execute(kind(hold_id=held.id, idempotency_key=f"race {number}"))
        except HoldClosed:
            return None
        return "captured" if number % 2 else "voided"

    with ThreadPoolExecutor(8) as pool:
        (won,) = [one for one in pool.map(race, range(16)) if one]
    assert won == shop.ask(GetHold(id=held.id)).status.value
    assert usd("10.00" if won == "captured" else "50.00") == shop.card(issued).posted
    assert () == shop.ask(Audit()).findings


MEANWHILE: Final[dict[str, Callable[[Shop, IssuedGiftCard], object]]] = {
    "spend": lambda shop, issued: shop.redeem(issued, "20.00", "foreign"),
    "hold": lambda shop, issued: hold(shop, "20.00", codes=[issued.code], order_id="foreign hold"),
    "convert": lambda shop, issued: shop.execute(
        ConvertGiftCard(code=issued.code, customer_id="bob", idempotency_key=shop.key())
    ),
    "block": lambda shop, issued: shop.execute(
        BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key())
    ),
    "unblock": lambda shop, issued: shop.execute(
        UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key())
    ),
    "expire": lambda shop, _: _expire(shop),
    "wait": lambda shop, _: shop.clock.advance(20 * MINUTE),
}


def _expire(shop: Shop) -> None:
    shop.clock.advance(DAY)
    shop.execute(ExpireValue())


@pytest.mark.parametrize("events", [*permutations(MEANWHILE, 3)], ids="-".join)
def test_pain_06_coverage_recomputed_from_the_live_balance(events: tuple[str, ...]) -> None:
    """However apply, foreign spend, block, expire and complete interleave: the order is paid by its captures only."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    held = hold(shop, "60.00", codes=[issued.code], order_id="mine", lapses_after=25 * 60 * MINUTE)
    held = adjust(shop, held, "30.00")
    for event in events:
        try:
            MEANWHILE[event](shop, issued)
        except LoyaltyError:
            continue
    try:
        covered = capture(shop, held).amount
    except LoyaltyError:
        covered = usd("0.00")
    other_tenders = usd("30.00") - covered
    spent = [card.redeemed for card in shop.ask(CardsOfOrder(order_id="mine")).spent]
    assert usd("30.00") == sum(spent, usd("0.00")) + other_tenders
    view = shop.ask(GetHold(id=held.id))
    assert covered == view.captured
    assert (HoldStatus.CAPTURED is view.status) is (covered > usd("0"))
    assert () == shop.ask(Audit()).findings


def test_pain_06_a_hold_that_is_gone_pays_nothing() -> None:
    """Capturing a missing, lapsed or foreign hold fails as a whole; it never falls back to what the card holds now."""
    shop = Shop()
    issued = shop.issue("50.00")
    mine = hold(shop, "30.00", codes=[issued.code], order_id="mine")
    foreign = hold(shop, "10.00", codes=[issued.code], order_id="foreign")
    shop.clock.advance(15 * MINUTE)
    before = shop.books()
    commands: list[Any] = [
        CaptureHold(hold_id="missing", idempotency_key="a"),
        CaptureHold(hold_id=mine.id, idempotency_key="b"),
        CaptureHold(hold_id=foreign.id, order_id="mine", idempotency_key="c"),
    ]
    for command in commands:
        with pytest.raises(LoyaltyError):
            shop.execute(command)
    assert before == shop.books()


def test_pain_10_value_loops() -> None:
    """An expiring card buys no new card and no credit, by whatever command pays, held first or not."""
    shop = Shop()
    old = shop.issue("50.00", expires_at=NOW + DAY)
    shop.grant("50.00", origin=LotOrigin.PROMOTIONAL, expires_at=NOW + DAY)
    lines = (line("a new card", "50.00", is_stored_value=True),)
    tenders: dict[str, Any] = {"amount_due": usd("50"), "codes": (old.code,), "customer_id": "ada", "lines": lines}
    before = shop.books()
    commands: list[Any] = [
        PayWithBalances(order_id="1", idempotency_key="a", **tenders),
        PlaceHold(order_id="1", idempotency_key="b", **tenders),
        RedeemGiftCard(code=old.code, amount=usd("1"), order_id="1", lines=lines, idempotency_key="c"),
    ]
    for command in commands:
        with pytest.raises(NotEligible):
            shop.execute(command)
    assert {"not_eligible"} == {one.code for one in plan(shop, "50.00", codes=[old.code], lines=lines).refused}
    assert before == shop.books()
    held = hold(shop, "60.00", codes=[old.code], lines=[*lines, line("a lamp", "10.00")])
    assert usd("10.00") == adjust(shop, held, lapses_after=DAY).amount
    assert usd("10.00") == adjust(shop, held, "60.00", lines=lines).amount
    assert usd("100.00") == shop.ask(Liability()).total["USD"]


@pytest.mark.parametrize("nothing", [0, False, "", Money(0, "USD"), Money(-1, "USD"), Money("-0.00", "USD")], ids=repr)
def test_pain_11_zero_none_and_negative_mistaken_for_something_else(nothing: Any) -> None:
    """No amount means everything or nothing by accident: not due, not a bound, not to be captured."""
    makers: list[Callable[[], object]] = [
        lambda: PlaceHold(order_id="1", amount_due=nothing, customer_id="ada", idempotency_key="k"),
        lambda: PlaceHold(
            order_id="1", amount_due=usd("1"), customer_id="ada", store_credit_at_most=nothing, idempotency_key="k"
        ),
        lambda: GiftCardTender(gift_card_id="a", at_most=nothing),
        lambda: CaptureHold(hold_id="a", amount=nothing, idempotency_key="k"),
        lambda: AdjustHold(hold_id="a", amount_due=nothing, idempotency_key="k"),
        lambda: PlaceHold(
            order_id="1", amount_due=usd("1"), customer_id="ada", lapses_after=nothing, idempotency_key="k"
        ),
        lambda: OrderLine(id="a", amount=nothing),
    ]
    for make in makers:
        with pytest.raises(InvalidRequest):
            make()


def test_pain_11_none_is_the_documented_default_and_never_everything_by_accident() -> None:
    """None as a bound is no bound; None as the amount of a capture is refused, for everything is ALL."""
    with pytest.raises(InvalidRequest):
        CaptureHold(hold_id="a", amount=None, idempotency_key="k")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(InvalidRequest):
        AdjustHold(hold_id="a", amount_due=None, idempotency_key="k")


def test_pain_15_several_cards_and_tenders_on_one_order() -> None:
    """Four cards with priorities and bounds, and credit, pay exactly the amount due, each within its bound, once."""
    shop = Shop()
    cards = [shop.issue(value) for value in ("65.00", "25.00", "30.00", "10.00")]
    shop.grant("40.00")
    bounds = (usd("40.00"), None, usd("5.00"), None)
    tenders = [
        GiftCardTender(code=card.code, at_most=bound, priority=priority)
        for card, bound, priority in zip(cards, bounds, (2, 1, 1, -1), strict=True)
    ]
    given: dict[str, Any] = {"tenders": tenders, "customer_id": "ada", "store_credit_at_most": usd("20.00")}
    expected: dict[Any, Money] = {None: usd("20.00")}
    for card, amount in zip(cards, ("30.00", "25.00", "5.00", "10.00"), strict=True):
        expected[card.gift_card.id] = usd(amount)
    planned = plan(shop, "90.00", **given)
    assert expected == {part.gift_card_id: part.amount for part in planned.parts}
    assert (usd("90.00"), usd("0.00")) == (planned.covered, planned.remaining_due)
    taken = capture(shop, hold(shop, "90.00", **given))
    assert expected == {part.gift_card_id: part.amount for part in taken.parts}
    assert usd("80.00") == shop.ask(Liability()).total["USD"]


def test_pain_23_expiry_is_enforced_around_holds_without_any_sweep() -> None:
    """Expired value cannot be held, only what was held in time is taken, and what is let go has expired."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    kept, freed = (
        hold(shop, "20.00", codes=[issued.code], order_id=order, lapses_after=3 * DAY) for order in ("kept", "freed")
    )
    shop.clock.now = NOW + 2 * DAY
    with pytest.raises(LoyaltyError):
        hold(shop, "1.00", codes=[issued.code], order_id="late")
    void(shop, freed)
    assert usd("0.00") == shop.card(issued).available
    assert usd("20.00") == adjust(shop, kept, "40.00").amount
    assert usd("20.00") == capture(shop, kept).amount


def test_pain_24_a_hold_lapses_at_one_instant() -> None:
    """At its exclusive instant in UTC, not a day or a zone off, and a clock that goes back does not revive it."""
    shop = Shop()
    held = hold(shop, "1.00", codes=[shop.issue("50.00").code], lapses_after=timedelta(days=1))
    assert (NOW + DAY, timedelta(0)) == (held.lapses_at, held.lapses_at.utcoffset())
    for moment, status in ((-MICROSECOND, "open"), (timedelta(0), "lapsed"), (MICROSECOND, "lapsed")):
        shop.clock.now = NOW + DAY + moment
        assert status == shop.ask(GetHold(id=held.id)).status.value
    shop.execute(LapseHolds())
    shop.clock.now = NOW
    with pytest.raises(HoldClosed):
        capture(shop, held)


def test_pain_25_a_refund_of_a_capture_goes_back_to_the_lots_it_came_from() -> None:
    """Two lots of different ends, held and captured together, get back what each gave; an expired one by the policy."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + 5 * DAY)
    shop.grant("10.00", expires_at=NOW + DAY, origin=LotOrigin.PROMOTIONAL)
    capture(shop, hold(shop, "15.00", customer_id="ada"))
    shop.clock.now = NOW + 2 * DAY
    refund = shop.execute(RefundRedemption(order_id="1001", amount=usd("15.00"), idempotency_key="r"))
    assert usd("10.00") == shop.credit().available
    assert (usd("15.00"), NOW + 5 * DAY) == (refund.amount, shop.credit().expires_next)
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("steps", [*permutations(("hold a", "hold b", "pay a", "void b"), 4)], ids="-".join)
def test_pain_37_neighbouring_carts_disturb_each_other(steps: tuple[str, ...]) -> None:
    """Two carts with one card, in every order of steps: what one does never ends or shrinks what the other holds."""
    shop = Shop()
    issued = shop.issue("50.00")
    holds: dict[str, Any] = {}
    for step in steps:
        verb, cart = step.split()
        other = "b" if cart == "a" else "a"
        before = shop.ask(GetHold(order_id=other)) if other in holds else None
        if verb == "hold":
            holds[cart] = hold(shop, "30.00", codes=[issued.code], order_id=cart)
        elif verb == "pay":
            shop.execute(
                PayWithBalances(order_id=cart, amount_due=usd("30"), codes=(issued.code,), idempotency_key=shop.key())
            )
            holds.pop(cart, None)
        elif cart in holds:
            void(shop, holds.pop(cart))
        if before is not None:
            assert before == shop.ask(GetHold(order_id=other))
    for held in holds.values():
        assert held.amount == capture(shop, held).amount
    assert () == shop.ask(Audit()).findings


def test_pain_49_policies_are_replayed_from_what_was_recorded() -> None:
    """Each choice is a pure policy with a version, recorded with the decision; the old version decides the same."""

    @policy("1")
    def largest_first(lot: Lot) -> tuple[int, str]:
        return (-lot.remaining, lot.id)

    @policy("2")
    def smallest_first(lot: Lot) -> tuple[int, str]:
        return (lot.remaining, lot.id)

    known = {("largest_first", "1"): largest_first, ("smallest_first", "2"): smallest_first}

    def decided(chosen: Any) -> tuple[dict[Any, Money], dict[str, Any]]:
        shop = Shop(policies=Policies(spending_order=chosen))
        cards = [shop.issue(value) for value in ("5.00", "10.00", "7.00")]
        parts = hold(shop, "12.00", codes=[card.code for card in cards]).parts
        (recorded, *_) = json.loads(shop.last_receipt().decisions or "")
        return {part.gift_card_id: part.amount for part in parts}, recorded

    for chosen in known.values():
        parts, recorded = decided(chosen)
        assert "spending_order" == recorded["policy"]
        assert (parts, recorded) == decided(known[recorded["name"], recorded["version"]])
    assert decided(largest_first)[0] != decided(smallest_first)[0]


def test_pain_49_rules_that_a_host_brings() -> None:
    """No alcohol from gift cards, limits, and an hour for a hold: asked with plain values, recorded as unversioned."""
    asked: list[tuple[str, object]] = []

    def no_alcohol(order_line: Any, tender: Any) -> str | None:
        asked.append((order_line.id, tender.gift_card_id))
        return "no alcohol" if "alcohol" in order_line.tags else None

    def an_hour(amount_due: Money) -> timedelta:
        asked.append(("due", amount_due))
        return timedelta(hours=1)

    shop = Shop(policies=Policies(eligibility=no_alcohol, hold_time=an_hour))
    issued = shop.issue("50.00")
    lines = [line("gin", "30.00", tags=("alcohol",)), line("tonic", "5.00")]
    held = hold(shop, "35.00", codes=[issued.code], lines=lines)
    ends: datetime = held.lapses_at
    assert (usd("5.00"), NOW + timedelta(hours=1)) == (held.amount, ends)
    assert [("gin", issued.gift_card.id), ("tonic", issued.gift_card.id), ("due", usd("35.00"))] == asked
    recorded = json.loads(shop.last_receipt().decisions or "")
    assert {("eligibility", "no_alcohol", "unversioned"), ("hold_time", "an_hour", "unversioned")} <= {
        (one["policy"], one["name"], one["version"]) for one in recorded
    }
