"""The planner by example; the law it follows is proven in tests/properties/test_a_plan_is_the_best_one.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.identifiers import AccountId
from loyalty.ledger.lot import Lot, LotMove
from loyalty.policies.tender_order import soonest_expiry_first
from loyalty.tenders.plan import Source, plan_payment
from tests.unit.accounts import DAY, MICROSECOND, NOW, account_of, lot_of, move_of, reservation_of


def source(*lots: Lot, **given: Any) -> Source:
    """Return a tender with these lots."""
    account = account_of(*lots, id=AccountId(f"account of {lots[0].id}"))
    return Source(account=account, **given)


def amounts(due: int, *sources: Source, **given: Any) -> list[int]:
    """Return what each source pays."""
    plan = plan_payment(due, sources, NOW, soonest_expiry_first, **given)
    return [sum(move.amount for move in moves) for moves in plan]


def test_lots_pay_in_order_across_all_sources() -> None:
    """The soonest expiry of one source, then of the other, then the rest of the first."""
    soon, middle, never = (
        lot_of(10, "c", expires_at=NOW + DAY), lot_of(10, "b", expires_at=NOW + 2 * DAY), lot_of(10, "a"),
    )  # fmt: skip
    sources = (source(soon, never), source(middle))
    assert [10, 5] == amounts(15, *sources)
    assert [13, 10] == amounts(23, *sources)
    assert [20, 10] == amounts(99, *sources)
    plan = plan_payment(23, sources, NOW, soonest_expiry_first)
    assert ((move_of(soon, 10), move_of(never, 3)), (move_of(middle, 10),)) == plan


def test_nothing_due_and_nothing_there() -> None:
    """Without sources, without value or with bounds of zero, nothing is paid."""
    assert () == plan_payment(5, (), NOW, soonest_expiry_first)
    assert [0] == amounts(5, source(lot_of(10, "a", expires_at=NOW)))
    assert [0] == amounts(5, source(lot_of(10, "a"), at_most=0))
    assert [0] == amounts(0, source(lot_of(10, "a")))
    assert [0, 5] == amounts(9, source(lot_of(10, "a"), is_own=True), source(lot_of(5, "b")), own_at_most=-3)


@pytest.mark.parametrize(("moment", "paid"), [(-MICROSECOND, 4), (timedelta(0), 4), (MICROSECOND, 10)])
def test_what_the_order_holds_pays_whether_or_not_it_has_expired(moment: timedelta, paid: int) -> None:
    """Of an expired lot only what is reserved; of a living one all of it."""
    lot = lot_of(10, "a", expires_at=NOW + moment)
    assert [paid] == amounts(99, source(lot, reserved=(move_of(lot, 4),)))


def test_a_tender_that_may_give_no_more_pays_what_is_reserved() -> None:
    """Also a value that has not begun, and never the same value twice."""
    lot = lot_of(10, "a", not_before=NOW + DAY)
    kept: tuple[LotMove, ...] = (move_of(lot, 4),)
    assert [4] == amounts(99, source(lot, reserved=kept, is_usable=False))
    assert [4] == amounts(99, source(lot, reserved=kept))
    assert [10] == amounts(99, source(lot_of(10, "a"), reserved=kept))


@pytest.mark.parametrize(("moment", "paid"), [(-MICROSECOND, 10), (timedelta(0), 10), (MICROSECOND, 4)])
def test_what_other_orders_hold_pays_once_it_has_lapsed(moment: timedelta, paid: int) -> None:
    """At the very instant the reservation ends the value is there."""
    lot = lot_of(10, "a", held=6)
    account = account_of(lot, reservations=(reservation_of(move_of(lot, 6), lapses_at=NOW + moment),))
    assert [paid] == amounts(99, Source(account=account))


def test_lines_are_exchanged_along_a_chain() -> None:
    """The first pays for everything, yet each of the others finds the one line it may pay for."""
    first = source(lot_of(10, "a", expires_at=NOW + DAY))
    second = source(lot_of(10, "b", expires_at=NOW + 2 * DAY), lines=frozenset({0, 1}))
    third = source(lot_of(10, "c"), lines=frozenset({0}))
    assert [10, 10, 10] == amounts(30, first, second, third, lines=(10, 10, 10))
    assert [10, 10, 5] == amounts(25, first, second, third, lines=(5, 10, 10))


def test_what_the_lines_leave_any_tender_may_pay() -> None:
    """Shipping is paid also by a card that may pay for no line."""
    vetoed = source(lot_of(50, "a"), lines=frozenset())
    assert [7] == amounts(27, vetoed, lines=(20,))
    assert [0] == amounts(20, vetoed, lines=(20,))
    assert [0] == amounts(15, vetoed, lines=(20,))


def test_a_bound_on_the_customers_own_value_leaves_the_others() -> None:
    """Together the customer's sources pay so much, in order; a bearer's card pays the rest."""
    own = source(lot_of(10, "a", expires_at=NOW + DAY), is_own=True)
    more = source(lot_of(10, "b", expires_at=NOW + 2 * DAY), is_own=True)
    bearers = source(lot_of(10, "c"))
    assert [10, 2, 10] == amounts(30, own, more, bearers, own_at_most=12)
    assert [3, 0, 10] == amounts(30, own, more, bearers, own_at_most=3)
