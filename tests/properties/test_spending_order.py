"""The spending order is total: priority, soonest expiry, promotional first, smallest, oldest, id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cmp_to_key

from hypothesis import given
from hypothesis import strategies as st

from loyalty.identifiers import LotId
from loyalty.ledger.lot import Lot, LotOrigin, draw
from loyalty.policies.tender_order import soonest_expiry_first

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lots() -> st.SearchStrategy[list[Lot]]:
    """Return lots that are often equal in all but one respect, each with its own id."""
    one = st.builds(
        Lot,
        id=st.integers(0, 10**6).map(lambda number: LotId(f"{number:07d}")),
        origin=st.sampled_from(LotOrigin),
        amount=st.just(9),
        remaining=st.integers(1, 3),
        opened_at=st.sampled_from((NOW, NOW - timedelta(days=1))),
        expires_at=st.none() | st.sampled_from((NOW + timedelta(days=1), NOW + timedelta(days=2))),
        priority=st.integers(-1, 1),
    )
    return st.lists(one, max_size=8, unique_by=lambda lot: lot.id)


def comes_first(one: Lot, other: Lot) -> int:
    """Compare two lots by the sentence of the specification, clause by clause."""
    if one.priority != other.priority:
        return -1 if one.priority < other.priority else 1
    if one.expires_at != other.expires_at:
        if one.expires_at is None or other.expires_at is None:
            return 1 if one.expires_at is None else -1
        return -1 if one.expires_at < other.expires_at else 1
    promotional = [lot.origin == "promotional" for lot in (one, other)]
    if promotional[0] is not promotional[1]:
        return -1 if promotional[0] else 1
    if one.remaining != other.remaining:
        return one.remaining - other.remaining
    if one.opened_at != other.opened_at:
        return -1 if one.opened_at < other.opened_at else 1
    return -1 if one.id < other.id else int(one.id > other.id)


@given(lots(), st.randoms())
def test_lots_are_spent_in_the_documented_order(some: list[Lot], random: object) -> None:
    """Whatever order they were loaded in."""
    shuffled = list(some)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random of Hypothesis
    moves = draw(shuffled, 10**9, NOW, soonest_expiry_first)

    assert [lot.id for lot in sorted(some, key=cmp_to_key(comes_first))] == [move.lot_id for move in moves]


@given(lots())
def test_no_two_lots_tie(some: list[Lot]) -> None:
    """So every machine draws the same."""
    assert len(some) == len({soonest_expiry_first(lot) for lot in some})
