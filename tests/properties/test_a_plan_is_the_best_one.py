"""
A plan is the best one: it breaks no bound, and no other division takes more from the lots that come first.

The reference enumerates every division of tiny amounts and decides by Hall's condition which can be arranged over the
lines of the order: whatever some tenders pay together must fit into the lines that at least one of them may pay for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, product
from typing import Any, Final

import attrs
from hypothesis import given
from hypothesis import strategies as st

from loyalty.identifiers import AccountId, HoldId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Reservation
from loyalty.ledger.lot import Lot, LotMove, LotOrigin
from loyalty.policies.tender_order import soonest_expiry_first
from loyalty.tenders.plan import Source, plan_payment

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
TINY: Final = 3
LINES: Final = 3


@attrs.frozen(kw_only=True)
class Request:
    """What one call of the planner is asked."""

    due: int
    sources: tuple[Source, ...]
    lines: tuple[int, ...]
    own_at_most: int | None

    def planned(self, sources: Sequence[Source] | None = None) -> dict[LotId, int]:
        """Return what each lot pays, by the planner."""
        plan = plan_payment(
            self.due, sources or self.sources, NOW, soonest_expiry_first, lines=self.lines, own_at_most=self.own_at_most
        )
        return {move.lot_id: move.amount for moves in plan for move in moves}


@st.composite
def accounts(draw: st.DrawFn, place: int, most: int, lots: int) -> Account:
    """Return accounts whose lots live, have ended, have not begun, or are held by other orders, lapsed or not."""
    own, reservations = [], []
    for number in range(draw(st.integers(1, lots))):
        remaining = draw(st.integers(1, most))
        held = draw(st.sampled_from((0, 0, 1, remaining)))
        lot = Lot(
            id=LotId(f"{draw(st.integers(0, 9))}-{place}-{number}"),
            origin=draw(st.sampled_from(LotOrigin)),
            amount=most,
            remaining=remaining,
            held=held,
            opened_at=NOW,
            expires_at=draw(st.sampled_from((None, None, NOW, NOW + MICROSECOND, NOW + 2 * MICROSECOND))),
            not_before=draw(st.sampled_from((None, None, None, NOW, NOW + MICROSECOND))),
            priority=draw(st.integers(0, 1)),
        )
        own.append(lot)
        if held:
            lapses_at = draw(st.sampled_from((NOW, NOW + MICROSECOND)))
            move = LotMove(lot_id=lot.id, amount=held, origin=lot.origin)
            reservations.append(Reservation(hold_id=HoldId(f"other-{number}"), lapses_at=lapses_at, moves=(move,)))
    return Account(
        id=AccountId(f"account-{place}"),
        currency="USD",
        exponent=2,
        posted=sum(lot.remaining for lot in own),
        held=sum(lot.held for lot in own),
        opened_at=NOW,
        recorded_at=NOW,
        lots=tuple(own),
        reservations=tuple(reservations),
    )


@st.composite
def sources(draw: st.DrawFn, place: int, most: int, lots: int, lines: int) -> Source:
    """Return one tender with a bound, a priority, own reservations and vetoed lines, or without."""
    account = draw(accounts(place, most, lots))
    kept = []
    for lot in account.lots:
        amount = draw(st.integers(0, lot.remaining - lot.held))
        if amount and draw(st.booleans()):
            kept.append(LotMove(lot_id=lot.id, amount=amount, origin=lot.origin))
    return Source(
        account=account,
        at_most=draw(st.none() | st.integers(0, 2 * most)),
        priority=draw(st.integers(-1, 1)),
        reserved=tuple(kept),
        is_usable=draw(st.sampled_from((True, True, False))),
        is_own=draw(st.booleans()),
        lines=draw(st.none() | st.frozensets(st.integers(0, lines - 1))) if lines else None,
    )


@st.composite
def requests(draw: st.DrawFn, *, most: int, tenders: int, lots: int, lines: int = LINES) -> Request:
    """Return requests over a few tenders."""
    amounts = draw(st.lists(st.integers(1, 2 * most), max_size=lines))
    count = draw(st.integers(1, tenders))
    return Request(
        due=draw(st.integers(1, 4 * most)),
        sources=tuple(draw(sources(place, most, lots, len(amounts))) for place in range(count)),
        lines=tuple(amounts),
        own_at_most=draw(st.none() | st.integers(0, 3 * most)),
    )


# --- the reference ----------------------------------------------------------


def rooms(source: Source) -> dict[LotId, int]:
    """Return what each lot of a source could give on its own."""
    free = {}
    lapsed = {one.moves[0].lot_id for one in source.account.reservations if one.lapses_at <= NOW}
    for lot in source.account.lots:
        lives = (lot.expires_at is None or lot.expires_at > NOW) and (lot.not_before is None or lot.not_before <= NOW)
        unheld = lot.remaining if lot.id in lapsed else lot.remaining - lot.held
        kept = sum(move.amount for move in source.reserved if move.lot_id == lot.id)
        free[lot.id] = max(unheld if lives and source.is_usable else 0, kept)
    return free


def in_order(request: Request) -> list[tuple[int, Lot]]:
    """Return all lots with the place of their source, as they are to be taken."""
    lots = [(place, lot) for place, source in enumerate(request.sources) for lot in source.account.lots]
    return sorted(lots, key=lambda one: (request.sources[one[0]].priority, soonest_expiry_first(one[1])))


def groups(count: int) -> Iterator[tuple[int, ...]]:
    """Yield every choice of at least one source."""
    return chain.from_iterable(combinations(range(count), size) for size in range(1, count + 1))


def room_for(request: Request, group: Sequence[int]) -> int:
    """Return how much the lines have room for that at least one of the group may pay for."""
    rest = max(0, request.due - sum(request.lines))
    places: set[int] = set()
    for place in group:
        lines = request.sources[place].lines
        places |= set(range(len(request.lines))) if lines is None else lines
    return rest + sum(request.lines[place] for place in places)


def is_possible(request: Request, paid: Sequence[int]) -> bool:
    """Tell whether the sources may pay so much each."""
    own = sum(amount for source, amount in zip(request.sources, paid, strict=True) if source.is_own)
    return (
        sum(paid) <= request.due
        and (request.own_at_most is None or own <= request.own_at_most)
        and all(
            source.at_most is None or amount <= source.at_most
            for source, amount in zip(request.sources, paid, strict=True)
        )
        and (
            all(source.lines is None for source in request.sources)
            or all(sum(paid[place] for place in group) <= room_for(request, group) for group in groups(len(paid)))
        )
    )


def by_source(request: Request, lots: Sequence[tuple[int, Lot]], amounts: Sequence[int]) -> list[int]:
    """Return the sum of each source."""
    paid = [0] * len(request.sources)
    for (place, _), amount in zip(lots, amounts, strict=True):
        paid[place] += amount
    return paid


def best(request: Request) -> dict[LotId, int]:
    """Return the lexicographically largest of all possible divisions, found by trying every one."""
    lots = in_order(request)
    most = [rooms(request.sources[place])[lot.id] for place, lot in lots]
    every = product(*[range(room + 1) for room in most])
    amounts = max(one for one in every if is_possible(request, by_source(request, lots, one)))
    return _without_nothing(lots, amounts)


def best_one_by_one(request: Request) -> dict[LotId, int]:
    """Return the same for larger amounts: each lot in its turn pays the most with which the sums stay possible."""
    lots = in_order(request)
    amounts = [0] * len(lots)
    for turn, (place, lot) in enumerate(lots):
        low, high = 0, rooms(request.sources[place])[lot.id]
        while low < high:
            amounts[turn] = (low + high + 1) // 2
            low, high = (amounts[turn], high) if _fits(request, lots, amounts) else (low, amounts[turn] - 1)
        amounts[turn] = low
    return _without_nothing(lots, amounts)


def _fits(request: Request, lots: Sequence[tuple[int, Lot]], amounts: Sequence[int]) -> bool:
    return is_possible(request, by_source(request, lots, amounts))


def _without_nothing(lots: Sequence[tuple[int, Lot]], amounts: Sequence[int]) -> dict[LotId, int]:
    return {lot.id: amount for (_, lot), amount in zip(lots, amounts, strict=True) if amount}


# --- the law ----------------------------------------------------------------


@given(requests(most=TINY, tenders=3, lots=2))
def test_a_plan_is_the_best_of_all_divisions(request: Request) -> None:
    """Among all divisions of a tiny amount that break no bound, it takes the most from the first lot, and so on."""
    assert best(request) == request.planned()


@given(requests(most=5000, tenders=6, lots=3, lines=5))
def test_a_plan_is_the_best_one_for_larger_amounts(request: Request) -> None:
    """The same over six tenders and five lines, lot by lot."""
    assert best_one_by_one(request) == request.planned()


@given(requests(most=TINY, tenders=3, lots=2))
def test_the_two_references_agree(request: Request) -> None:
    """What is best of all divisions is what taking the most in turn comes to."""
    assert best(request) == best_one_by_one(request)


@given(requests(most=5000, tenders=6, lots=3, lines=5))
def test_a_plan_is_never_above_a_bound(request: Request) -> None:
    """Neither the amount due, a tender's or the customer's bound, a lot's room nor a line is exceeded."""
    plan = plan_payment(
        request.due, request.sources, NOW, soonest_expiry_first, lines=request.lines, own_at_most=request.own_at_most
    )
    assert is_possible(request, [sum(move.amount for move in moves) for moves in plan])
    for source, moves in zip(request.sources, plan, strict=True):
        room = rooms(source)
        assert all(0 < move.amount <= room[move.lot_id] for move in moves)
        assert len({move.lot_id for move in moves}) == len(moves)


@given(requests(most=5000, tenders=6, lots=3, lines=5), st.randoms())
def test_the_order_of_naming_does_not_matter(request: Request, random: Any) -> None:
    """However the tenders are named, each lot pays the same."""
    shuffled = list(request.sources)
    random.shuffle(shuffled)
    assert request.planned() == request.planned(shuffled)


@given(requests(most=5000, tenders=6, lots=3, lines=0))
def test_a_plan_sums_to_the_amount_due(request: Request) -> None:
    """Without vetoes all that is due is paid if it is there, and all that is there if it is not enough."""
    own = there = 0
    for source in request.sources:
        room = sum(rooms(source).values())
        room = room if source.at_most is None else min(room, source.at_most)
        own, there = (own + room, there) if source.is_own else (own, there + room)
    if request.own_at_most is not None:
        own = min(own, request.own_at_most)

    assert min(request.due, own + there) == sum(request.planned().values())


@given(requests(most=5000, tenders=4, lots=3), st.integers(1, 5000))
def test_more_due_takes_no_less_from_any_tender_without_lines(request: Request, more: int) -> None:
    """A larger order takes from each lot at least what the smaller one took."""
    plain = attrs.evolve(request, lines=(), sources=tuple(attrs.evolve(one, lines=None) for one in request.sources))
    larger = attrs.evolve(plain, due=plain.due + more).planned()
    assert all(larger.get(lot_id, 0) >= amount for lot_id, amount in plain.planned().items())
