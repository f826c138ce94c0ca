"""The default spending order, rule by rule."""

from __future__ import annotations

from itertools import permutations

from loyalty.ledger.lot import Lot, LotOrigin
from loyalty.policies.tender_order import soonest_expiry_first
from tests.unit.accounts import DAY, MICROSECOND, NOW, lot_of

# Each lot differs from the one before in one rule only, so that this very order shows every rule and its rank.
IN_ORDER = [
    lot_of(900, "z", priority=-1),
    lot_of(900, "y", expires_at=NOW + DAY),
    lot_of(900, "x", expires_at=NOW + DAY + MICROSECOND),
    lot_of(900, "w", origin=LotOrigin.PROMOTIONAL),
    lot_of(100, "v"),
    lot_of(200, "u", opened_at=NOW - DAY),
    lot_of(200, "s"),
    lot_of(200, "t"),
    lot_of(1, "a", priority=1, expires_at=NOW + MICROSECOND, origin=LotOrigin.PROMOTIONAL),
]


def test_the_order_is_priority_expiry_promotional_smallest_oldest_id() -> None:
    """The caller's priority comes first, then what would be lost first, down to the id."""
    shuffled = [*IN_ORDER[4:], *IN_ORDER[:4]]
    assert IN_ORDER == sorted(shuffled, key=soonest_expiry_first)


def test_the_order_does_not_depend_on_where_lots_stood() -> None:
    """Every arrangement of the same lots is spent in the same order."""
    for arrangement in permutations(IN_ORDER[4:]):
        assert IN_ORDER[4:] == sorted(arrangement, key=soonest_expiry_first)


def test_the_order_is_total() -> None:
    """No two lots are equal in the order, not even twins."""
    twins: list[Lot] = [lot_of(5, "a"), lot_of(5, "b")]
    assert soonest_expiry_first(twins[0]) < soonest_expiry_first(twins[1])


def test_the_last_instant_of_the_calendar_is_an_expiry() -> None:
    """An expiry in the year 9999 can be compared with no expiry at all."""
    last = lot_of(5, "a", expires_at=NOW.replace(year=9999))
    assert soonest_expiry_first(last) < soonest_expiry_first(lot_of(5, "0"))
