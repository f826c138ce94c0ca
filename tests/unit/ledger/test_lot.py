"""Lots: when they can be spent, what can be taken, and which is drawn first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs
import pytest

from loyalty.errors import CorruptLedger
from loyalty.ledger.lot import Lot, LotOrigin, TaxTreatment, draw
from tests.unit.accounts import DAY, MICROSECOND, NOW, lot_of, move_of


def by_id(lot: Lot) -> str:
    """Spend lots in the order of their ids."""
    return lot.id


@pytest.mark.parametrize(
    ("at", "expected"),
    [(NOW + DAY - MICROSECOND, 1000), (NOW + DAY, 0), (NOW + DAY + MICROSECOND, 0)],
    ids=["before", "at", "after"],
)
def test_value_ends_at_its_expiry(at: datetime, expected: int) -> None:
    """The last instant of a lot is the microsecond before its expiry."""
    lot = lot_of(1000, expires_at=NOW + DAY)
    assert expected == lot.spendable(at)
    assert (expected == 0) == lot.is_expired(at)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(NOW + DAY - MICROSECOND, 0), (NOW + DAY, 1000), (NOW + DAY + MICROSECOND, 1000)],
    ids=["before", "at", "after"],
)
def test_value_begins_at_its_start(at: datetime, expected: int) -> None:
    """The first instant of a lot is its start; before it the value is neither spendable nor expired."""
    lot = lot_of(1000, not_before=NOW + DAY)
    assert expected == lot.spendable(at)
    assert not lot.is_expired(at)


def test_a_lot_without_bounds_is_always_spendable() -> None:
    """Without a start and an expiry value lives from the first to the last year."""
    lot = lot_of(1000)
    for year in (1, 2026, 9999):
        assert 1000 == lot.spendable(NOW.replace(year=year))


def test_what_is_held_is_not_free() -> None:
    """Free and spendable is what no hold has reserved."""
    lot = lot_of(1000).hold(300)
    assert (1000, 300, 700, 700) == (lot.remaining, lot.held, lot.free, lot.spendable(NOW))
    assert lot_of(1000) == lot.release(300)


def test_taking_and_giving_back_are_inverse() -> None:
    """What was taken can be given back, and the lot is as it was, every other fact included."""
    lot = lot_of(
        1000,
        expires_at=NOW + DAY,
        not_before=NOW,
        priority=3,
        tax_treatment=TaxTreatment.SINGLE_PURPOSE,
        source_lot_id="older",
    )
    taken = lot.take(1000)
    assert (0, 1000) == (taken.remaining, taken.amount)
    assert lot == taken.give_back(1000)
    assert attrs.evolve(lot, remaining=0) == taken


@pytest.mark.parametrize(
    "change",
    [
        lambda lot: lot.take(701),
        lambda lot: lot.take(1001),
        lambda lot: lot.give_back(1),
        lambda lot: lot.hold(701),
        lambda lot: lot.hold(-301),
        lambda lot: lot.release(301),
    ],
)
def test_a_lot_stays_within_its_bounds(change: Callable[[Lot], Lot]) -> None:
    """Nothing brings a lot below what is held, or above what it was opened with."""
    with pytest.raises(CorruptLedger):
        change(lot_of(1000, held=300))


def test_the_opening_move_fills_the_lot() -> None:
    """A new lot is filled by one move of its whole amount, which names the lot it carries on."""
    move = lot_of(1000, source_lot_id="older").opening()
    assert ("lot-1", 1000, LotOrigin.PURCHASED, "older") == (
        move.lot_id, move.amount, move.origin, move.source_lot_id,
    )  # fmt: skip


def test_lots_are_drawn_in_the_order_asked_for() -> None:
    """Lots are emptied one after the other until the amount is reached."""
    lots = [lot_of(300, "c"), lot_of(200, "a"), lot_of(100, "b")]
    assert (move_of(lots[1], 200), move_of(lots[2], 50)) == draw(lots, 250, NOW, by_id)


def test_a_draw_takes_no_more_than_there_is() -> None:
    """If less is spendable than asked for, all of it is drawn."""
    assert [100, 50] == [move.amount for move in draw([lot_of(100, "a"), lot_of(50, "b")], 500, NOW, by_id)]


def test_a_draw_passes_over_what_cannot_be_spent() -> None:
    """Expired, not yet begun, held and empty lots give nothing, and no empty move."""
    lots = [
        lot_of(100, "a", expires_at=NOW),
        lot_of(100, "b", not_before=NOW + MICROSECOND),
        lot_of(100, "c", held=100),
        lot_of(0, "d"),
        lot_of(100, "e", held=40),
    ]
    assert [("e", 60)] == [(move.lot_id, move.amount) for move in draw(lots, 500, NOW, by_id)]


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_drawn_for_nothing(amount: int) -> None:
    """An amount of zero or less draws nothing."""
    assert () == draw([lot_of(100)], amount, NOW, by_id)


def test_an_exact_draw_leaves_the_next_lot_alone() -> None:
    """When the first lot covers the amount exactly, the second gives no move of zero."""
    assert [("a", 100)] == [
        (move.lot_id, move.amount) for move in draw([lot_of(100, "a"), lot_of(1, "b")], 100, NOW, by_id)
    ]


def test_a_lot_is_never_changed() -> None:
    """Every operation answers the next state and leaves this one as it was."""
    lot = lot_of(1000)
    lot.take(1)
    lot.hold(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        lot.remaining = 5  # type: ignore[misc]
    assert lot_of(1000) == lot


def test_origins_and_tax_treatments_are_their_words() -> None:
    """The stored words are stable."""
    assert ["purchased", "promotional", "refund", "goodwill", "migration"] == [str(origin) for origin in LotOrigin]
    assert ["single_purpose", "multi_purpose"] == [str(treatment) for treatment in TaxTreatment]
