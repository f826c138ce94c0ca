"""Holds: every legal move, every other one refused, and a hold lapses at its time by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from moneyed import Money

from loyalty.errors import HoldClosed
from loyalty.identifiers import AccountId, HoldId
from loyalty.ledger.hold import LEGAL_MOVES, Hold, HoldStatus, HoldTender, reserved_at
from tests.unit.accounts import DAY, MICROSECOND, NOW, lot_of, move_of, reservation_of

MOVES = ("capture", "void", "lapse")


def hold_of(**given: Any) -> Hold:
    """Return an open hold of 30 dollars on two accounts, of 45 that are due."""
    return Hold(
        **{
            "id": HoldId("hold-1"),
            "order_id": "1001",
            "customer_id": "ada",
            "currency": "USD",
            "exponent": 2,
            "amount_due": 4500,
            "tenders": (
                HoldTender(account_id=AccountId("account-1"), amount=1000),
                HoldTender(account_id=AccountId("account-2"), amount=2000),
                HoldTender(account_id=AccountId("account-3")),
            ),
            "placed_at": NOW,
            "lapses_at": NOW + DAY,
            **given,
        }
    )


def test_the_amount_is_the_sum_of_the_tenders() -> None:
    """Also of those that hold nothing, in money of the hold's own decimals."""
    hold = hold_of()
    assert (3000, Money("30.00", "USD")) == (hold.amount, hold.money(hold.amount))
    assert 0 == hold_of(tenders=()).amount


@pytest.mark.parametrize(("moment", "is_lapsed"), [(-MICROSECOND, False), (timedelta(0), True), (MICROSECOND, True)])
def test_an_open_hold_lapses_at_its_time(moment: timedelta, is_lapsed: bool) -> None:
    """One microsecond before it is open; at it and after it it has lapsed and cannot be resolved."""
    hold, at = hold_of(), NOW + DAY + moment
    assert (HoldStatus.LAPSED if is_lapsed else HoldStatus.OPEN) is hold.status_at(at)
    if is_lapsed:
        with pytest.raises(HoldClosed) as caught:
            hold.require_open(at)
        assert "lapsed" == caught.value.status
    else:
        hold.require_open(at)


@pytest.mark.parametrize("status", [status for status in HoldStatus if status is not HoldStatus.OPEN])
def test_a_resolved_hold_stays_what_it_is(status: HoldStatus) -> None:
    """Before its time and after it, and no move leads anywhere."""
    hold = hold_of(status=status)
    for at in (NOW, NOW + 2 * DAY):
        assert status is hold.status_at(at)
        with pytest.raises(HoldClosed) as caught:
            hold.require_open(at)
        assert status.value == caught.value.status
    for move in MOVES:
        with pytest.raises(HoldClosed) as caught:
            hold.resolve(move, NOW)
        assert status.value == caught.value.status


@pytest.mark.parametrize(
    ("move", "status"),
    [("capture", HoldStatus.CAPTURED), ("void", HoldStatus.VOIDED), ("lapse", HoldStatus.LAPSED)],
)
def test_an_open_hold_makes_every_move_once(move: str, status: HoldStatus) -> None:
    """The next state says when and how much, its version is the next one, and the hold before it is as it was."""
    hold = hold_of()
    after = hold.resolve(move, NOW + MICROSECOND, captured=700)
    assert (status, NOW + MICROSECOND, 700, 1) == (after.status, after.resolved_at, after.captured, after.version)
    assert hold_of() == hold


def test_an_unknown_move_is_refused() -> None:
    """Only the moves of the table are moves."""
    with pytest.raises(HoldClosed):
        hold_of().resolve("open", NOW)


def test_every_status_stands_in_the_table() -> None:
    """Only an open hold can move, and every move ends it."""
    assert set(HoldStatus) == set(LEGAL_MOVES)
    assert {HoldStatus.OPEN} == {status for status, moves in LEGAL_MOVES.items() if moves}
    assert set(MOVES) == set(LEGAL_MOVES[HoldStatus.OPEN])
    assert HoldStatus.OPEN not in LEGAL_MOVES[HoldStatus.OPEN].values()


def test_an_adjusted_hold_keeps_its_name() -> None:
    """Amount, parts and end are the new ones, the version the next one; it is still open."""
    tenders = (HoldTender(account_id=AccountId("account-1"), amount=5, at_most=7, priority=-1),)
    after = hold_of().adjusted(tenders, amount_due=9, lapses_at=NOW + 2 * DAY, has_lines=True)
    assert (HoldId("hold-1"), HoldStatus.OPEN, 1, tenders, 9, NOW + 2 * DAY, NOW, True) == (
        after.id, after.status, after.version, after.tenders, after.amount_due, after.lapses_at, after.placed_at,
        after.has_lines,
    )  # fmt: skip


def test_what_is_reserved_counts_until_it_lapses() -> None:
    """One microsecond before its time it does, at it and after it it does not; one hold may be left out."""
    lot = lot_of(1000)
    one = reservation_of(move_of(lot, 300), hold_id="one", lapses_at=NOW + DAY)
    other = reservation_of(move_of(lot, 40), move_of(lot, 2), hold_id="other", lapses_at=NOW + 2 * DAY)
    assert (300, 42) == (one.amount, other.amount)
    for moment, reserved in ((-MICROSECOND, 342), (timedelta(0), 42), (MICROSECOND, 42)):
        assert reserved == reserved_at((one, other), NOW + DAY + moment)
    assert 42 == reserved_at((one, other), NOW, without=HoldId("one"))
    assert 0 == reserved_at((), NOW)
