"""PAINS.md, as far as products, purchases and their undoing are concerned: one test per pain, named after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty import (
    ActivateGiftCards,
    Audit,
    CaptureHold,
    ConvertGiftCard,
    GiftCardStatus,
    IssuedGiftCard,
    IssueGiftCardsForOrder,
    Liability,
    LotOrigin,
    Loyalty,
    OrderLine,
    PayWithBalances,
    RedeemGiftCard,
    RefundRedemption,
    ReversalCause,
    ReverseGiftCardSale,
    Term,
)
from loyalty.errors import LoyaltyError, NotEligible, NotSpendable, OrderNotFound
from loyalty.testing.books import books_of
from loyalty.testing.invariants import require_sound
from loyalty.use_cases.command import Command
from tests.use_cases.checkout import hold
from tests.use_cases.sales import activate, bought, define, issue, line, order, reverse
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, Shop, usd

UNITS: Final = 3


class Died(Exception):
    """The process ended here."""


def sale(**given: Any) -> IssueGiftCardsForOrder:
    """Return the message that three cards of 25.00 for 20.00 were ordered."""
    bought_in = order(line("a", "25", "60.00", quantity=UNITS), **given)
    return IssueGiftCardsForOrder(order=bought_in, idempotency_key="placed")


@pytest.fixture
def shop() -> Shop:
    """Give a shop with a product."""
    shop = Shop()
    define(shop)
    return shop


def deliver(shop: Shop, messages: list[Command[Any]]) -> None:
    """Deliver messages; what comes too early is told so, and delivered again at the end."""
    waiting = list(messages)
    while waiting:
        message = waiting.pop(0)
        try:
            shop.execute(message)
        except OrderNotFound:
            waiting.append(message)


@given(
    paid=st.integers(1, 5),
    placed=st.integers(1, 5),
    keys=st.booleans(),
    is_paid=st.booleans(),
    order_=st.randoms(use_true_random=False),
)
def test_pain_07_cards_issued_before_payment_or_never_or_twice(
    *, paid: int, placed: int, keys: bool, is_paid: bool, order_: Any
) -> None:
    """Paid and placed arrive one to five times each, shuffled, under one key or many: cards are as many as units."""
    shop = Shop()
    define(shop)
    messages: list[Command[Any]] = []
    for number in range(placed):
        key = f"placed {number}" if keys else "placed"
        messages.append(IssueGiftCardsForOrder(order=sale(is_paid=is_paid).order, idempotency_key=key))
    messages += [
        ActivateGiftCards(order_id="1001", idempotency_key=f"paid {number}" if keys else "paid")
        for number in range(paid)
    ]
    order_.shuffle(messages)
    deliver(shop, messages)

    assert [(GiftCardStatus.ACTIVE, usd("25.00"))] * UNITS == [(card.status, card.posted) for card in bought(shop)]
    assert usd("75.00") == shop.ask(Liability()).total["USD"]
    require_sound(books_of(shop.storage))


@pytest.mark.parametrize("is_paid", [False, True])
def test_pain_07_crash_between_two_cards(shop: Shop, is_paid: bool) -> None:
    """Wherever the process dies while cards are made, there are none or all, and the next call makes them."""
    command, whole = sale(is_paid=is_paid), Shop()
    define(whole)
    whole.execute(command)
    before = books_of(shop.storage)
    for place in range(1, 1000):
        ids = _dying(place)
        try:
            Loyalty(shop.storage, code_keys=KEYS, clock=shop.clock, new_id=ids).execute(command)
        except Died:
            assert before == books_of(shop.storage)
        else:
            break

    assert UNITS < place
    assert [card.value for card in bought(whole)] == [card.value for card in bought(shop)]
    assert UNITS == len(shop.execute(command).gift_cards) == len(bought(shop))
    require_sound(books_of(shop.storage))


def _dying(at: int) -> Callable[[], str]:
    """Return a source of ids that ends the process at one of its calls."""

    def ids() -> Iterator[str]:
        for number in range(1, 10_000):
            if number == at:
                raise Died
            yield f"id {at} {number:05}"

    given_ids = ids()
    return lambda: next(given_ids)


def test_pain_07_a_card_that_is_not_paid_for_cannot_be_spent(shop: Shop) -> None:
    """Until then it is worth nothing, whoever has the code."""
    (issued,) = issue(shop).gift_cards
    with pytest.raises(NotSpendable):
        shop.execute(RedeemGiftCard(code=issued.code, amount=usd("0.01"), order_id="2", idempotency_key="k"))

    assert {} == shop.ask(Liability()).total


def test_pain_08_purchase_refunded_card_still_spendable(shop: Shop) -> None:
    """It is not: what is unspent goes back, and what was spent is told."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    shop.execute(RedeemGiftCard(code=issued.code, amount=usd("4.00"), order_id="2", idempotency_key="spend"))
    (card,) = reverse(shop).cards
    with pytest.raises(NotSpendable):
        shop.execute(RedeemGiftCard(code=issued.code, amount=usd("0.01"), order_id="3", idempotency_key="k"))

    assert (usd("6.00"), usd("4.00")) == (card.clawed_back, card.spent)
    assert card.value == card.clawed_back + card.spent


def at_no_point(_shop: Shop, _issued: IssuedGiftCard) -> None:
    """Do nothing: the card is pending."""


def paid_for(shop: Shop, _issued: IssuedGiftCard) -> None:
    """Pay for it."""
    activate(shop)


def delayed(shop: Shop, _issued: IssuedGiftCard) -> None:
    """Pay for it, to be spent later."""
    activate(shop, active_from=NOW + DAY)


def partly_spent(shop: Shop, issued: IssuedGiftCard) -> None:
    """Spend a part."""
    activate(shop)
    shop.execute(RedeemGiftCard(code=issued.code, amount=usd("22.00"), order_id="2", idempotency_key="spend"))


def held_for_an_order(shop: Shop, issued: IssuedGiftCard) -> None:
    """Hold a part."""
    activate(shop)
    hold(shop, "22.00", codes=[issued.code], order_id="2")


def captured(shop: Shop, issued: IssuedGiftCard) -> None:
    """Hold a part and capture it."""
    held_for_an_order(shop, issued)
    (placed,) = books_of(shop.storage).holds
    shop.execute(CaptureHold(hold_id=placed.id, idempotency_key="capture"))


def spent_and_refunded(shop: Shop, issued: IssuedGiftCard) -> None:
    """Spend a part and give a part of that back."""
    partly_spent(shop, issued)
    shop.execute(RefundRedemption(order_id="2", amount=usd("5.00"), idempotency_key="return"))


def converted(shop: Shop, issued: IssuedGiftCard) -> None:
    """Make it store credit."""
    activate(shop)
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="convert"))


def expired(shop: Shop, _issued: IssuedGiftCard) -> None:
    """Let its term pass."""
    activate(shop)
    shop.clock.advance(1000 * DAY)


POINTS: Final = (
    at_no_point, paid_for, delayed, partly_spent, held_for_an_order, captured, spent_and_refunded, converted, expired,
)  # fmt: skip


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.__name__)
def test_pain_09_chargeback_after_spending(point: Callable[[Shop, IssuedGiftCard], None]) -> None:
    """A chargeback at each point of a card's life keeps the books whole, and no card below zero."""
    shop = Shop()
    define(shop, term=Term(years=1, time_zone="Europe/Berlin"))
    (issued,) = issue(shop, line("a", "25", "20.00")).gift_cards
    point(shop, issued)
    answer = reverse(shop, cause=ReversalCause.CHARGEBACK)
    (card,) = answer.cards

    assert (usd("0.00") if point is at_no_point else usd("25.00")) == card.clawed_back + card.spent + card.held
    assert (usd("22.00") if point is held_for_an_order else usd("0.00")) == card.held == bought(shop)[0].posted
    assert {card.status} <= {GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED}
    require_sound(books_of(shop.storage))
    assert () == shop.ask(Audit()).findings


def test_pain_10_value_loops(shop: Shop) -> None:
    """A gift card does not pay for a gift card, and undoing a sale makes no value, however often."""
    (issued,) = issue(shop, is_paid=True).gift_cards
    lines = (OrderLine(id="a", amount=usd("10.00"), product="card", is_stored_value=True),)
    with pytest.raises(NotEligible):
        shop.execute(
            PayWithBalances(
                order_id="1002", amount_due=usd("10.00"), codes=(issued.code,), lines=lines, idempotency_key="pay"
            )
        )
    for _ in range(3):
        reverse(shop)
        activate(shop)
        issue(shop, is_paid=True)

    assert usd("0.00") == shop.ask(Liability()).total["USD"]


@pytest.mark.parametrize(
    ("time_zone", "ends"),
    [
        ("Europe/Berlin", datetime(2029, 12, 31, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2030, 1, 1, 5, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2029, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_pain_24_off_by_a_day_off_by_a_zone(time_zone: str, ends: datetime) -> None:
    """The last local second of the last day is good, and the next instant is not."""
    shop = Shop()
    define(shop, term=Term(years=3, until_year_end=True, time_zone=time_zone))
    (issued,) = issue(shop, is_paid=True).gift_cards
    spending: dict[str, Any] = {"code": issued.code, "amount": usd("1.00")}
    shop.clock.advance(ends - MICROSECOND - NOW)
    shop.execute(RedeemGiftCard(**spending, order_id="2", idempotency_key="in time"))
    shop.clock.advance(MICROSECOND)
    with pytest.raises(NotSpendable) as caught:
        shop.execute(RedeemGiftCard(**spending, order_id="3", idempotency_key="too late"))

    assert "expired" == caught.value.reason
    (card,) = bought(shop)
    assert card.last_day is not None
    assert (date(2029, 12, 31), time_zone) == (card.last_day.day, card.last_day.time_zone)


@given(paid=st.integers(0, 20_000), quantity=st.integers(1, 7), variant=st.sampled_from(["10", "25", "dear"]))
def test_pain_33_face_value_confused_with_price_paid(paid: int, quantity: int, variant: str) -> None:
    """Whatever was paid, the liability is the face value; sales give what was paid for it, promotion the rest."""
    shop = Shop()
    define(shop)
    cents = usd(f"{paid / 100:.2f}")
    issue(shop, line("a", variant, cents, quantity=quantity), is_paid=True)
    cards = bought(shop)
    owed = shop.ask(Liability()).by_origin["USD"]
    face = {"10": usd("10.00"), "25": usd("25.00"), "dear": usd("10.00")}[variant]

    prices = [card.price for card in cards if card.price is not None]
    bought_value = sum((min(face, price) for price in prices), usd("0.00"))

    assert cents == sum(prices, usd("0.00"))
    assert {face} == {card.value for card in cards} == {card.posted for card in cards}
    assert face * quantity == shop.ask(Liability()).total["USD"]
    assert bought_value == owed.get(LotOrigin.PURCHASED, usd("0.00"))
    require_sound(books_of(shop.storage))


@pytest.mark.parametrize("messages", list(permutations(["placed", "paid", "refunded", "placed again", "paid again"])))
def test_pain_41_offline_late_and_out_of_order_delivery(shop: Shop, messages: tuple[str, ...]) -> None:
    """Placed, paid and refunded in any order, late and doubled: the end is the same, or a typed refusal on the way."""
    known: dict[str, Command[Any]] = {
        "placed": sale(),
        "placed again": IssueGiftCardsForOrder(order=sale(is_paid=True).order, idempotency_key="placed again"),
        "paid": ActivateGiftCards(order_id="1001", idempotency_key="paid"),
        "paid again": ActivateGiftCards(order_id="1001", idempotency_key="paid again"),
        "refunded": ReverseGiftCardSale(order_id="1001", cause=ReversalCause.REFUND, idempotency_key="refunded"),
    }
    deliver(shop, [known[name] for name in messages])

    assert [(GiftCardStatus.DEACTIVATED, usd("0.00"))] * UNITS == [(card.status, card.posted) for card in bought(shop)]
    assert usd("0.00") == shop.ask(Liability()).total.get("USD", usd("0.00"))
    require_sound(books_of(shop.storage))


def test_executed_the_paid_orders_event_delivered_twice(shop: Shop) -> None:
    """Two cards of 25 were bought: two cards, 50 issued for what was paid, and not four cards and 100."""
    two = line("a", None, "50.00", amount=usd("25.00"), quantity=2)
    first, second = issue(shop, two, is_paid=True), issue(shop, two, is_paid=True)

    assert first.gift_cards == second.gift_cards
    assert (2, usd("50.00")) == (len(bought(shop)), shop.ask(Liability()).total["USD"])


def test_every_refusal_is_typed(shop: Shop) -> None:
    """What cannot be sold, activated or undone is told with an error of ours."""
    commands: tuple[Command[Any], ...] = (
        IssueGiftCardsForOrder(order=order(line(product_id="other")), idempotency_key="a"),
        ActivateGiftCards(order_id="none", idempotency_key="b"),
        ReverseGiftCardSale(order_id="none", cause=ReversalCause.CANCEL, idempotency_key="c"),
    )
    for command in commands:
        before = shop.books()
        with pytest.raises(LoyaltyError):
            shop.execute(command)
        assert before == shop.books()
