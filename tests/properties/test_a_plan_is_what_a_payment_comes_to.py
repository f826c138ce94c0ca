"""What a plan says is what a hold reserves and a payment takes: the same inputs on the same books, to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from loyalty import (
    CaptureHold,
    GiftCardTender,
    IssuedGiftCard,
    LotOrigin,
    OrderLine,
    PaymentPlan,
    PayWithBalances,
    PlaceHold,
    PlanPayment,
    Policies,
    SpendingLimits,
)
from loyalty.errors import LoyaltyError
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.policies.eligibility import PayingTender
from tests.use_cases.shop import DAY, NOW, Shop, usd

ORDER: Final = "the order"
CUSTOMERS: Final = (None, "ada", "bob")


def _no_wine_from_gifts(line: OrderLine, tender: PayingTender) -> str | None:
    if line.is_stored_value:
        return "stored value"
    return "no wine" if "wine" in line.tags and "gift" in tender.tags else None


def cents(amount: int) -> Money:
    """Return so many cents."""
    return usd(f"{amount // 100}.{amount % 100:02d}")


@attrs.frozen(kw_only=True)
class Card:
    """A card to be issued, and what is to become of it before the payment."""

    value: int
    expires_in: int | None
    customer_id: str | None
    tags: tuple[str, ...]
    is_blocked: bool
    is_euro: bool
    spent: int
    held: int


@attrs.frozen(kw_only=True)
class Scene:
    """All that happens in a shop before the payment, and the payment."""

    cards: tuple[Card, ...]
    grants: tuple[tuple[int, int | None, LotOrigin], ...]
    own_hold: int
    paid_before: int
    waited: timedelta
    per_card: int | None
    per_order: int | None
    per_day: int | None
    due: int
    named: tuple[tuple[int, str, int | None, int], ...]
    customer_id: str | None
    use_store_credit: bool
    credit_at_most: int | None
    credit_priority: int
    lines: tuple[OrderLine, ...]

    def shop(self) -> tuple[Shop, dict[str, Any]]:
        """Return a shop in which all that has happened, always with the same ids, and what the payment is given."""
        limits = SpendingLimits(
            per_card=_limit(self.per_card), per_order=_limit(self.per_order), per_customer_and_day=_limit(self.per_day)
        )
        shop = Shop(policies=Policies(limits=limits, eligibility=_no_wine_from_gifts))
        issued = [self._issue(shop, card) for card in self.cards]
        for amount, expires_in, origin in self.grants:
            shop.grant(cents(amount), expires_at=_in(expires_in), origin=origin)
        who = self._who(issued)
        _try(shop, PayWithBalances, self.paid_before, order_id=ORDER, **who)
        _try(shop, PlaceHold, self.own_hold, order_id=ORDER, **who)
        shop.clock.advance(self.waited)
        return shop, {**who, "amount_due": cents(self.due), "lines": self.lines, "order_id": ORDER}

    def _issue(self, shop: Shop, card: Card) -> IssuedGiftCard:
        value = Money(cents(card.value).amount, "EUR") if card.is_euro else cents(card.value)
        issued = shop.issue(value, expires_at=_in(card.expires_in), customer_id=card.customer_id, tags=card.tags)
        own = {"gift_card_ids": (issued.gift_card.id,), "customer_id": card.customer_id, "use_store_credit": False}
        _try(shop, PayWithBalances, card.spent, order_id=f"paid {issued.gift_card.id}", **own)
        _try(shop, PlaceHold, card.held, order_id=f"held {issued.gift_card.id}", **own)
        if card.is_blocked:
            shop.set_card_status(issued, GiftCardStatus.BLOCKED)
        return issued

    def _who(self, cards: list[IssuedGiftCard]) -> dict[str, Any]:
        codes, ids, tenders = [], [], []
        for place, way, at_most, priority in self.named if cards else ():
            issued = cards[place % len(cards)]
            bound = None if at_most is None else cents(at_most)
            if way == "code":
                codes.append(issued.code)
            elif way == "id":
                ids.append(issued.gift_card.id)
            else:
                tenders.append(GiftCardTender(code=issued.code, at_most=bound, priority=priority))
        return {
            "codes": codes,
            "gift_card_ids": ids,
            "tenders": tenders,
            "customer_id": self.customer_id,
            "use_store_credit": self.use_store_credit,
            "store_credit_at_most": None if self.credit_at_most is None else cents(self.credit_at_most),
            "store_credit_priority": self.credit_priority,
        }


def _limit(amount: int | None) -> tuple[Money, ...]:
    return () if amount is None else (cents(amount),)


def _in(days: int | None) -> datetime | None:
    return None if days is None else NOW + days * DAY


def _try(shop: Shop, kind: type[Any], amount: int, **given_: Any) -> None:
    """Pay or hold so much, if it is more than nothing and the shop lets it."""
    if amount:
        try:
            shop.execute(kind(amount_due=cents(amount), idempotency_key=shop.key(), **given_))
        except LoyaltyError:
            return


AMOUNTS: Final = st.integers(1, 12) | st.sampled_from((100, 500, 1000))


def cards() -> st.SearchStrategy[Card]:
    """Return cards, most of which can pay."""
    return st.builds(
        Card,
        value=AMOUNTS,
        expires_in=st.none() | st.integers(1, 2),
        customer_id=st.sampled_from((None, None, "ada", "bob")),
        tags=st.sampled_from(((), ("gift",))),
        is_blocked=st.sampled_from((False,) * 9 + (True,)),
        is_euro=st.sampled_from((False,) * 9 + (True,)),
        spent=st.integers(0, 5),
        held=st.integers(0, 5),
    )


def order_lines() -> st.SearchStrategy[tuple[OrderLine, ...]]:
    """Return the lines of an order, or none."""
    one = st.tuples(AMOUNTS, st.sampled_from((False, False, True)), st.sampled_from(((), ("wine",))))
    return st.lists(one, max_size=3).map(
        lambda given_: tuple(
            OrderLine(id=str(place), amount=cents(amount), is_stored_value=stored, tags=tags)
            for place, (amount, stored, tags) in enumerate(given_)
        )
    )


def scenes() -> st.SearchStrategy[Scene]:
    """Return what happened before, and a payment."""
    limit = st.sampled_from((None, None, None, 3, 10))
    named = st.tuples(
        st.integers(0, 3), st.sampled_from(("code", "id", "tender")), st.none() | AMOUNTS, st.integers(-1, 1)
    )
    return st.builds(
        Scene,
        cards=st.lists(cards(), max_size=4).map(tuple),
        grants=st.lists(st.tuples(AMOUNTS, st.none() | st.integers(1, 2), st.sampled_from(LotOrigin)), max_size=3).map(
            tuple
        ),
        own_hold=st.sampled_from((0, 0, 4, 20)),
        paid_before=st.sampled_from((0, 0, 4)),
        waited=st.sampled_from((timedelta(0), timedelta(minutes=15), DAY, 2 * DAY)),
        per_card=limit,
        per_order=limit,
        per_day=limit,
        due=AMOUNTS | st.integers(20, 60),
        named=st.lists(named, max_size=4).map(tuple),
        customer_id=st.sampled_from(CUSTOMERS),
        use_store_credit=st.sampled_from((True, True, False)),
        credit_at_most=st.none() | AMOUNTS,
        credit_priority=st.integers(-1, 1),
        lines=order_lines(),
    )


def outcome(shop: Shop, command: Any) -> Any:
    """Return what a command comes to: its parts and what remains due, or the code of its error."""
    try:
        result = shop.execute(command)
    except LoyaltyError as error:
        return error.code
    return _parts(result), result.amount, result.remaining_due


def _parts(result: Any) -> dict[Any, Any]:
    return {(part.account_id, part.gift_card_id): part.amount for part in result.parts}


def planned(plan: PaymentPlan) -> Any:
    """Return what a plan says that a command comes to."""
    return plan.refused[0].code if plan.refused else (_parts(plan), plan.covered, plan.remaining_due)


@given(scenes())
def test_plan_hold_and_payment_come_to_the_same(scene: Scene) -> None:
    """On three shops with the same books: the plan, the hold, and the payment; and the plan writes nothing."""
    shop, request = scene.shop()
    before = shop.books()
    try:
        plan = shop.ask(PlanPayment(**request))
    except LoyaltyError as error:
        with pytest.raises(type(error)):
            PayWithBalances(**request, idempotency_key="pay")
        return
    assert before == shop.books()

    assert planned(plan) == outcome(scene.shop()[0], PayWithBalances(**request, idempotency_key="pay"))
    assert planned(plan) == outcome(scene.shop()[0], PlaceHold(**request, idempotency_key="hold"))


@given(scenes())
def test_capturing_a_hold_takes_what_was_planned(scene: Scene) -> None:
    """What a hold reserves is taken to the cent, from the same tenders, and nothing of it is released."""
    shop, request = scene.shop()
    try:
        hold = shop.execute(PlaceHold(**request, idempotency_key="hold"))
    except LoyaltyError:
        return
    capture = shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))

    assert (_parts(hold), hold.amount, hold.remaining_due) == (_parts(capture), capture.amount, capture.remaining_due)
    assert usd("0") == capture.released


@given(scenes())
def test_a_plan_adds_up(scene: Scene) -> None:
    """A plan never exceeds what is due; its parts are its sum; and what is refused pays nothing."""
    shop, request = scene.shop()
    try:
        plan = shop.ask(PlanPayment(**request))
    except LoyaltyError:
        return

    assert plan.amount_due == plan.covered + plan.remaining_due
    assert plan.covered == sum((part.amount for part in plan.parts), usd("0"))
    assert all(part.amount > usd("0") for part in plan.parts)
    assert {part.gift_card_id for part in plan.parts} & {one.gift_card_id for one in plan.refused} <= {None}
