"""Giving the cards of an order their value, once it is paid."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from loyalty import (
    AtLeastYears,
    ClaimGiftCard,
    ConvertGiftCard,
    GetBalance,
    GiftCardStatus,
    GiftCardTender,
    IssueGiftCard,
    Liability,
    LotOrigin,
    PlaceHold,
    PlanPayment,
    Policies,
    RedeemGiftCard,
    RetireGiftCardProduct,
    Term,
)
from loyalty.errors import IdempotencyConflict, NotSpendable, OrderNotFound
from loyalty.testing.books import books_of
from loyalty.use_cases.command import Command
from tests.use_cases.sales import activate, bought, define, issue, line, reverse
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


@pytest.fixture
def shop() -> Shop:
    """Give a shop with a product."""
    shop = Shop()
    define(shop)
    return shop


def test_each_pending_card_gets_its_face_value(shop: Shop) -> None:
    """And the codes from before work."""
    issued = issue(shop, line("a", quantity=2, paid="20.00"), line("b", "25", "20.00")).gift_cards
    shop.clock.advance(DAY)
    activation = activate(shop)

    assert (3, "1001") == (activation.activated, activation.order_id)
    assert list(activation.gift_cards) == bought(shop)
    assert [usd("10.00"), usd("10.00"), usd("25.00")] == [
        shop.ask(GetBalance(code=one.code)).available for one in issued
    ]
    assert {(GiftCardStatus.ACTIVE, NOW, NOW + DAY)} == {
        (card.status, card.issued_at, card.loaded_at) for card in activation.gift_cards
    }
    assert {LotOrigin.PURCHASED: usd("40.00"), LotOrigin.PROMOTIONAL: usd("5.00")} == shop.ask(Liability()).by_origin[
        "USD"
    ]


def test_activating_again_changes_nothing(shop: Shop) -> None:
    """With the same key or another one, also when something was spent meanwhile."""
    (issued,) = issue(shop).gift_cards
    first = activate(shop, key="once")
    shop.execute(RedeemGiftCard(code=issued.code, amount=usd("4.00"), order_id="2", idempotency_key="redeem"))
    transfers = shop.books().transfers
    again, replayed = activate(shop, key="again"), activate(shop, key="once")

    assert (first, 0) == (replayed, again.activated)
    assert [usd("6.00")] == [card.posted for card in again.gift_cards]
    assert transfers == shop.books().transfers
    with pytest.raises(IdempotencyConflict):
        activate(shop, "1002", key="once")


def test_an_order_that_is_not_known_yet_is_not_found(shop: Shop) -> None:
    """It can be tried again with the same key, once the order has arrived (PAINS 41)."""
    with pytest.raises(OrderNotFound):
        activate(shop, key="paid")
    issue(shop)

    assert 1 == activate(shop, key="paid").activated


def test_cards_that_only_name_the_order_are_left_alone(shop: Shop) -> None:
    """A card that was issued by hand for an order is no sale."""
    shop.execute(IssueGiftCard(value=usd("5.00"), order_id="1001", idempotency_key="by hand"))
    with pytest.raises(OrderNotFound):
        activate(shop)
    issue(shop)

    assert 1 == len(activate(shop).gift_cards)
    assert 2 == len(bought(shop))


def test_a_reversed_card_stays_reversed(shop: Shop) -> None:
    """A message that the order was paid may come after the one that it was cancelled."""
    issue(shop, line("a"), line("b"))
    reverse(shop, line_ids=("a",))
    activate(shop)

    assert [GiftCardStatus.DEACTIVATED, GiftCardStatus.ACTIVE] == [card.status for card in bought(shop)]
    assert usd("10.00") == shop.ask(Liability()).total["USD"]


# --- the term -----------------------------------------------------------------


def test_the_term_counts_from_the_payment() -> None:
    """However long the order waited for it, and although the product is off sale by then."""
    shop = Shop()
    define(shop, term=Term(months=1, time_zone="Europe/Berlin"))
    issue(shop)
    shop.clock.advance(100 * DAY)
    shop.execute(RetireGiftCardProduct(product_id="card", idempotency_key="retire"))
    activate(shop)
    (card,) = bought(shop)

    assert card.last_day is not None
    assert (date(2026, 7, 9), card.last_day.ends_at) == (card.last_day.day, card.expires_at)


def test_the_term_counts_from_the_day_of_the_first_use() -> None:
    """A delay does not eat up the term."""
    shop = Shop()
    define(shop, term=Term(days=1, time_zone="UTC"))
    issue(shop)
    activate(shop, active_from=NOW + 10 * DAY)
    (card,) = bought(shop)

    assert card.last_day is not None
    assert date(2026, 3, 12) == card.last_day.day


def test_the_law_counts_from_the_payment() -> None:
    """Value was loaded then."""
    shop = Shop(policies=Policies(expiry=AtLeastYears(5)))
    define(shop, term=Term(days=1, time_zone="UTC"))
    issue(shop)
    shop.clock.advance(100 * DAY)
    activate(shop)

    assert [(NOW + 100 * DAY).replace(year=2031)] == [card.expires_at for card in bought(shop)]


# --- the delay ----------------------------------------------------------------


def test_value_is_not_spent_before_it_is_active(shop: Shop) -> None:
    """One microsecond before; at the instant it is. Nothing gets around it, and staff hear why."""
    (issued,) = issue(shop).gift_cards
    begins = NOW + DAY
    activate(shop, active_from=begins)
    code = issued.code
    redeem = RedeemGiftCard(code=code, amount=usd("1.00"), order_id="2", idempotency_key="redeem")
    commands: tuple[Command[Any], ...] = (
        redeem,
        ConvertGiftCard(code=code, customer_id="ada", idempotency_key="convert"),
        ClaimGiftCard(code=code, customer_id="ada", idempotency_key="claim"),
        PlaceHold(order_id="2", amount_due=usd("1.00"), codes=(code,), idempotency_key="hold"),
    )
    shop.clock.advance(DAY - MICROSECOND)
    for command in commands:
        with pytest.raises(NotSpendable) as caught:
            shop.execute(command)
        assert "not yet active" == caught.value.reason
    with pytest.raises(NotSpendable):
        shop.ask(GetBalance(code=code))
    plan = shop.ask(PlanPayment(amount_due=usd("1.00"), tenders=(GiftCardTender(code=code),)))
    assert ["not yet active"] == [refused.reason for refused in plan.refused]
    assert [usd("0.00")] == [card.available for card in bought(shop)]
    shop.clock.advance(MICROSECOND)

    assert usd("10.00") == shop.ask(GetBalance(code=code)).available
    assert usd("9.00") == shop.execute(redeem).balance_after


def test_a_delay_in_the_past_is_none(shop: Shop) -> None:
    """The present instant is one."""
    issue(shop)
    activate(shop, active_from=NOW)
    (card,) = books_of(shop.storage).gift_cards

    assert {None} == {lot.not_before for lot in card.account.lots}
    assert usd("10.00") == bought(shop)[0].available
