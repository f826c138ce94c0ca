"""Writing down which holds have lapsed: bookkeeping, in batches, harmless to repeat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from moneyed import Money

from loyalty import Audit, ExpireValue, GetHold, HoldStatus, LapseHolds
from loyalty.errors import InvalidRequest
from tests.use_cases.checkout import MINUTE, capture, hold
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


@pytest.mark.parametrize(
    ("moment", "lapsed"), [(15 * MINUTE - MICROSECOND, 0), (15 * MINUTE, 1), (15 * MINUTE + MICROSECOND, 1)]
)
def test_a_hold_is_swept_from_its_instant_on(moment: timedelta, lapsed: int) -> None:
    """One microsecond before its time a hold stays; at it and after it it is written down."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(moment)
    swept = shop.execute(LapseHolds())
    assert (lapsed, (usd("40.00"),) * lapsed, True) == (swept.holds, swept.amounts, swept.is_done)
    view = shop.ask(GetHold(id=held.id))
    assert (HoldStatus.LAPSED if lapsed else HoldStatus.OPEN) is view.status
    assert (NOW + moment if lapsed else None) == view.resolved_at
    stored = shop.storage._books.accounts[issued.gift_card.account_id]
    assert ((), 0) == (stored.reservations, stored.held) if lapsed else 4000 == stored.held
    assert () == shop.ask(Audit()).findings


def test_nothing_to_do_writes_nothing() -> None:
    """Without a lapsed hold no receipt and no event are written."""
    shop = Shop()
    hold(shop, "40.00", codes=[shop.issue("50.00").code])
    before = shop.books()
    swept = shop.execute(LapseHolds())
    assert (0, (), True) == (swept.holds, swept.amounts, swept.is_done)
    assert before == shop.books()


def test_a_limit_makes_batches_the_soonest_lapsed_first() -> None:
    """Each run takes so many; it is done when fewer were left, and again is harmless."""
    shop = Shop()
    issued = shop.issue("50.00")
    last, first, middle = (
        hold(shop, "1.00", codes=[issued.code], order_id=str(number), lapses_after=number * MINUTE)
        for number in (3, 1, 2)
    )
    shop.clock.advance(DAY)
    first_run = shop.execute(LapseHolds(limit=2))
    assert (2, (usd("2.00"),), False) == (first_run.holds, first_run.amounts, first_run.is_done)
    resolved = [shop.ask(GetHold(id=held.id)).resolved_at for held in (first, middle, last)]
    assert [NOW + DAY, NOW + DAY, None] == resolved
    assert (1, True) == ((swept := shop.execute(LapseHolds(limit=2))).holds, swept.is_done)
    assert 0 == shop.execute(LapseHolds(limit=2)).holds


def test_amounts_are_told_by_currency() -> None:
    """One amount per currency; the event names every hold."""
    shop = Shop()
    euro, dollar = shop.issue(Money("50.00", "EUR")), shop.issue("50.00")
    held = [
        hold(shop, Money("5.00", "EUR"), codes=[euro.code], order_id="a"),
        hold(shop, "3.00", codes=[dollar.code], order_id="b"),
        hold(shop, "4.00", codes=[dollar.code], order_id="c"),
    ]
    shop.clock.advance(DAY)
    swept = shop.execute(LapseHolds())
    assert ((Money("5.00", "EUR"), usd("7.00")), 3) == (swept.amounts, swept.holds)
    assert "HoldsLapsed" == shop.last_receipt().event
    assert all(one.id in shop.last_receipt().event_data for one in held)
    assert () == shop.ask(Audit()).findings


def test_one_card_with_several_lapsed_holds_is_cleared_at_once() -> None:
    """Reservations of several orders on one account are all let go, and one that has not lapsed stays."""
    shop = Shop()
    issued = shop.issue("50.00")
    for order in ("a", "b"):
        hold(shop, "5.00", codes=[issued.code], order_id=order)
    kept = hold(shop, "7.00", codes=[issued.code], order_id="c", lapses_after=2 * DAY)
    shop.clock.advance(DAY)
    assert 2 == shop.execute(LapseHolds()).holds
    assert usd("7.00") == shop.card(issued).held
    assert usd("7.00") == capture(shop, kept).amount
    assert () == shop.ask(Audit()).findings


def test_a_hold_whose_value_was_used_since_is_written_down_too() -> None:
    """What lapsed and was spent by another order is no obstacle for the sweep."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(DAY)
    shop.redeem(issued, "50.00", "1002")
    assert 1 == shop.execute(LapseHolds()).holds
    assert () == shop.ask(Audit()).findings


def test_a_hold_of_nothing_is_written_down_too() -> None:
    """A hold without any tender lapses like the others."""
    shop = Shop()
    hold(shop, "40.00", customer_id="bob")
    shop.clock.advance(DAY)
    swept = shop.execute(LapseHolds())
    assert (1, (usd("0.00"),)) == (swept.holds, swept.amounts)


@pytest.mark.parametrize(
    ("moment", "expired"), [(-MICROSECOND, ()), (timedelta(0), ("50.00",)), (MICROSECOND, ("50.00",))]
)
def test_expired_value_is_posted_once_its_hold_has_lapsed(moment: timedelta, expired: tuple[str, ...]) -> None:
    """While a hold lives, the value it reserves is not expired; when it has lapsed, the two sweeps post it."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    hold(shop, "50.00", codes=[issued.code], lapses_after=2 * DAY)
    shop.clock.now = NOW + 2 * DAY + moment
    shop.execute(LapseHolds())
    assert tuple(map(usd, expired)) == shop.execute(ExpireValue()).amounts
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("limit", [0, -1, 1001, 1.0, True, None, "1"], ids=repr)
def test_a_bad_limit_never_becomes_a_sweep(limit: Any) -> None:
    """From 1 to 1,000, a whole number."""
    with pytest.raises(InvalidRequest):
        LapseHolds(limit=limit)
