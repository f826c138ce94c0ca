"""Voiding a hold: everything it reserves is free, once, and no value moves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from loyalty import Audit, BlockGiftCard, GetHold, HoldStatus, VoidHold
from loyalty.errors import HoldClosed, HoldNotFound, IdempotencyConflict
from tests.use_cases.checkout import MINUTE, capture, hold, void
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def test_everything_is_free_again() -> None:
    """All tenders can be spent at once; the answer and the books show the hold as it ended."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.grant("5.00")
    held = hold(shop, "55.00", codes=[issued.code], customer_id="ada")
    voided = void(shop, held)
    assert (HoldStatus.VOIDED, usd("55.00"), usd("0.00"), NOW) == (
        voided.status, voided.amount, voided.captured, voided.resolved_at,
    )  # fmt: skip
    assert voided == shop.ask(GetHold(id=held.id))
    assert (usd("50.00"), usd("5.00")) == (shop.card(issued).available, shop.credit().available)
    assert usd("0.00") == shop.card(issued).held
    assert () == shop.ask(Audit()).findings


def test_other_orders_holds_stay() -> None:
    """Only the order's own reservation is let go."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = (hold(shop, "20.00", codes=[issued.code], order_id=order) for order in ("a", "b"))
    void(shop, first)
    assert (usd("20.00"), usd("30.00")) == (shop.card(issued).held, shop.card(issued).available)
    assert usd("20.00") == capture(shop, second).amount


def test_void_after_capture_is_refused_and_is_never_a_credit() -> None:
    """A captured hold is refunded, not voided, and a second void frees nothing twice."""
    shop = Shop()
    issued = shop.issue("50.00")
    taken, let_go = (hold(shop, "20.00", codes=[issued.code], order_id=order) for order in ("a", "b"))
    capture(shop, taken, "5.00")
    void(shop, let_go)
    before = shop.books()
    for held, status in ((taken, "captured"), (let_go, "voided")):
        with pytest.raises(HoldClosed) as caught:
            void(shop, held)
        assert status == caught.value.status
    assert before == shop.books()


@pytest.mark.parametrize(
    ("moment", "is_open"), [(15 * MINUTE - MICROSECOND, True), (15 * MINUTE, False), (15 * MINUTE + MICROSECOND, False)]
)
def test_a_lapsed_hold_cannot_be_voided(moment: timedelta, is_open: bool) -> None:
    """One microsecond before its time it can; at it and after it it has lapsed."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    shop.clock.advance(moment)
    if is_open:
        assert HoldStatus.VOIDED is void(shop, held).status
    else:
        with pytest.raises(HoldClosed) as caught:
            void(shop, held)
        assert "lapsed" == caught.value.status


def test_a_blocked_card_lets_go_all_the_same() -> None:
    """A block stops spending, not freeing."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "20.00", codes=[issued.code])
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    void(shop, held)
    assert usd("0.00") == shop.card(issued).held


def test_value_that_expired_while_held_has_expired_when_it_is_let_go() -> None:
    """Freed after its expiry it can no longer be spent."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    held = hold(shop, "20.00", codes=[issued.code], lapses_after=2 * DAY)
    shop.clock.now = NOW + DAY
    void(shop, held)
    card = shop.card(issued)
    assert (usd("50.00"), usd("0.00"), usd("0.00")) == (card.posted, card.held, card.available)


def test_whose_hold_it_is_can_be_made_sure() -> None:
    """With another order's id, or one that no hold has, there is no such hold; not found comes before closed."""
    shop = Shop()
    held = hold(shop, "4.00", codes=[shop.issue().code])
    for given in ({"order_id": "1002"}, {"hold_id": "nobody"}):
        with pytest.raises(HoldNotFound):
            void(shop, held, **given)
    void(shop, held, order_id="1001")
    with pytest.raises(HoldNotFound):
        void(shop, held, order_id="1002")


def test_a_replay_answers_again_and_other_content_is_a_conflict() -> None:
    """The same void twice is one void, also when the order has a new hold since."""
    shop = Shop()
    issued = shop.issue("50.00")
    held = hold(shop, "20.00", codes=[issued.code])
    command = VoidHold(hold_id=held.id, idempotency_key="once")
    first = shop.execute_twice(command)
    again = hold(shop, "20.00", codes=[issued.code])
    assert first == shop.execute(command)
    assert usd("20.00") == shop.card(issued).held
    with pytest.raises(IdempotencyConflict):
        void(shop, again, idempotency_key="once")


def test_the_event_tells_what_was_freed() -> None:
    """One event names the hold, the order and the amount; no transfer was written."""
    shop = Shop()
    held = hold(shop, "40.00", codes=[shop.issue("50.00").code])
    transfers = shop.books().transfers
    void(shop, held)
    receipt = shop.last_receipt()
    assert "HoldVoided" == receipt.event
    for part in (held.id, "1001", '[4000,"USD",2]'):
        assert part in receipt.event_data
    assert transfers == shop.books().transfers
