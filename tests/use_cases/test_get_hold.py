"""Looking at a hold: by its id for ever, by its order while it is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty import GetHold, HoldStatus
from loyalty.errors import HoldNotFound, InvalidRequest
from tests.use_cases.checkout import MINUTE, adjust, capture, hold, void
from tests.use_cases.shop import MICROSECOND, NOW, Shop, usd


def test_a_hold_is_shown_as_it_was_placed() -> None:
    """By its id and by its order the answer is what placing it answered, down to its parts."""
    shop = Shop()
    issued = shop.issue("10.00")
    shop.grant("5.00")
    held = hold(shop, "50.00", codes=[issued.code], customer_id="ada")
    before = shop.books()
    assert held == shop.ask(GetHold(id=held.id)) == shop.ask(GetHold(order_id="1001"))
    assert before == shop.books()


def test_a_resolved_hold_keeps_its_parts() -> None:
    """After a capture it shows what was held and what of it was taken; the order has no open hold any more."""
    shop = Shop()
    held = hold(shop, "8.00", codes=[shop.issue("10.00").code])
    shop.clock.advance(MINUTE)
    capture(shop, held, "3.00")
    view = shop.ask(GetHold(id=held.id))
    assert (held.parts, usd("8.00"), usd("3.00"), HoldStatus.CAPTURED, NOW + MINUTE) == (
        view.parts, view.amount, view.captured, view.status, view.resolved_at,
    )  # fmt: skip
    with pytest.raises(HoldNotFound):
        shop.ask(GetHold(order_id="1001"))


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (15 * MINUTE - MICROSECOND, HoldStatus.OPEN),
        (15 * MINUTE, HoldStatus.LAPSED),
        (15 * MINUTE + MICROSECOND, HoldStatus.LAPSED),
    ],
)
def test_a_hold_shows_that_it_has_lapsed(moment: timedelta, status: HoldStatus) -> None:
    """At its time and after it the status says so, though no sweep ran."""
    shop = Shop()
    held = hold(shop, "8.00", codes=[shop.issue("10.00").code])
    shop.clock.advance(moment)
    assert status is shop.ask(GetHold(id=held.id)).status
    assert status is shop.ask(GetHold(order_id="1001")).status


def test_an_adjusted_hold_is_shown_as_it_is_now() -> None:
    """Amount and time are the new ones."""
    shop = Shop()
    held = hold(shop, "8.00", codes=[shop.issue("10.00").code])
    assert adjust(shop, held, "9.00", lapses_after=MINUTE) == shop.ask(GetHold(id=held.id))


def test_what_is_not_there_is_not_found() -> None:
    """An unknown id, an unknown order, an order whose hold was voided, and an id in other capitals."""
    shop = Shop()
    held = hold(shop, "8.00", codes=[shop.issue("10.00").code])
    void(shop, held)
    for given in ({"id": "nobody"}, {"order_id": "nobody"}, {"order_id": "1001"}, {"id": held.id.upper()}):
        with pytest.raises(HoldNotFound):
            shop.ask(GetHold(**given))


@pytest.mark.parametrize("given", [{}, {"id": "a", "order_id": "b"}, {"id": ""}, {"order_id": "x" * 201}], ids=repr)
def test_a_hold_is_named_once(given: dict[str, Any]) -> None:
    """By its id or by its order, not both and not neither."""
    with pytest.raises(InvalidRequest):
        GetHold(**given)
