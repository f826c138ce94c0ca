"""A draw takes exactly what was asked, or all there is, and never more from a lot than is free in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loyalty.identifiers import AccountId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotOrigin, draw
from loyalty.policies.tender_order import soonest_expiry_first

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEAR = st.integers(-2, 2).map(lambda micros: NOW + timedelta(microseconds=micros))


@st.composite
def lots(draw_: st.DrawFn) -> tuple[Lot, ...]:
    """Return lots in any state, around NOW."""
    return tuple(
        Lot(
            id=LotId(f"lot-{number}"),
            origin=draw_(st.sampled_from(LotOrigin)),
            amount=(amount := draw_(st.integers(1, 20) | st.integers(1, 10**15))),
            remaining=(remaining := draw_(st.integers(0, amount))),
            held=draw_(st.integers(0, remaining)),
            opened_at=NOW - timedelta(days=1),
            expires_at=draw_(st.none() | NEAR),
            not_before=draw_(st.none() | NEAR),
            priority=draw_(st.integers(-1, 1)),
        )
        for number in range(draw_(st.integers(0, 6)))
    )


def free(lot: Lot) -> int:
    """Say again, in other words, what may be taken from a lot at NOW."""
    lives = lot.expires_at is None or lot.expires_at > NOW
    begun = lot.not_before is None or not lot.not_before > NOW
    return lot.remaining - lot.held if lives and begun else 0


@given(lots(), st.integers(1, 60) | st.integers(1, 10**15))
def test_moves_sum_to_what_was_asked_or_to_all_there_is(some: tuple[Lot, ...], amount: int) -> None:
    """Never less while there is more, never more."""
    moves = draw(some, amount, NOW, soonest_expiry_first)

    assert min(amount, sum(map(free, some))) == sum(move.amount for move in moves)


@given(lots(), st.integers(1, 60) | st.integers(1, 10**15))
def test_no_lot_gives_more_than_is_free_in_it(some: tuple[Lot, ...], amount: int) -> None:
    """Each lot at most once, something each time, and only the last one in part."""
    moves = draw(some, amount, NOW, soonest_expiry_first)
    by_id = {lot.id: lot for lot in some}

    assert len(moves) == len({move.lot_id for move in moves})
    for place, move in enumerate(moves):
        assert 0 < move.amount <= free(by_id[move.lot_id])
        assert move.origin is by_id[move.lot_id].origin
        if place < len(moves) - 1:
            assert free(by_id[move.lot_id]) == move.amount


@given(lots(), st.integers(1, 60))
def test_a_debit_leaves_what_it_did_not_take(some: tuple[Lot, ...], amount: int) -> None:
    """The account, its lots and the transfer's side all fall by the same."""
    posted, held = sum(lot.remaining for lot in some), sum(lot.held for lot in some)
    account = Account(
        id=AccountId("a"),
        currency="USD",
        exponent=2,
        posted=posted,
        held=held,
        opened_at=NOW,
        recorded_at=NOW,
        lots=some,
    )
    moves = draw(some, amount, NOW, soonest_expiry_first)
    if not moves:
        return
    after, side = account.debit(moves, NOW)
    taken = sum(move.amount for move in moves)

    assert posted - taken == after.posted == sum(lot.remaining for lot in after.lots) == side.balance_after
    assert held == after.held == sum(lot.held for lot in after.lots)
    assert moves == side.lots
