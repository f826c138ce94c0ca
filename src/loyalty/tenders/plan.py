"""
Who pays how much of an order: the planner, on plain values.

Value is taken lot by lot: first by the tender's priority, then in the shop's
spending order across all tenders. Every lot pays as much as it can without
taking from what an earlier one pays; which lines of the order it pays for is
arranged anew as often as needed, so a tender that may pay for everything never
takes the only line that another one could have paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotMove, SpendingOrder

__all__ = ["Source", "plan_payment"]


@attrs.frozen(kw_only=True)
class Source:
    """
    One account that may pay. Amounts are minor units.

    ``reserved`` is what the order holds there already: it may be used whether
    or not its lot has expired since. ``is_usable`` says whether anything else
    may. ``is_own`` marks what counts towards the customer's bound, and
    ``lines`` are the places of the order's lines it may pay for; None is all.
    """

    account: Account
    at_most: int | None = None
    priority: int = 0
    reserved: tuple[LotMove, ...] = ()
    is_usable: bool = True
    is_own: bool = False
    lines: frozenset[int] | None = None

    def rooms(self, at: datetime) -> list[tuple[Lot, int]]:
        """Return what each lot may give at *at*; the account must not hold what is reserved any more."""
        kept = {move.lot_id: move.amount for move in self.reserved}
        lots = self.account.standing(at).lots
        rooms = [(lot, max(lot.spendable(at) if self.is_usable else 0, kept.get(lot.id, 0))) for lot in lots]
        return [(lot, room) for lot, room in rooms if room > 0]


def plan_payment(
    due: int,
    sources: Sequence[Source],
    at: datetime,
    order: SpendingOrder,
    *,
    lines: Sequence[int] = (),
    own_at_most: int | None = None,
) -> tuple[tuple[LotMove, ...], ...]:
    """
    Return what each source pays, lot by lot, in the order of *sources*.

    Args:
        due:
            What is to be paid, in minor units.
        sources:
            The tenders.
        at:
            Aware, UTC. When they pay.
        order:
            The shop's spending order.
        lines:
            The amounts of the order's lines; what they leave of *due* any
            source may pay.
        own_at_most:
            The bound on all sources together that are the customer's own.

    Guarantees:
        The parts never exceed *due*, a bound, a line or what is there, and no
        other division takes more from the lots that come first
        (``tests/properties/test_a_plan_is_the_best_one.py``).
    """
    queue = [
        ((source.priority, order(lot)), place, lot, room)
        for place, source in enumerate(sources)
        for lot, room in source.rooms(at)
    ]
    queue.sort(key=lambda entry: entry[0])
    left = [due if source.at_most is None else min(due, source.at_most) for source in sources]
    own_left = due if own_at_most is None else max(0, own_at_most)
    basket = _basket(due, sources, lines)
    moves: list[list[LotMove]] = [[] for _ in sources]
    for _, place, lot, room in queue:
        wish = min(room, left[place], due, own_left if sources[place].is_own else due)
        taken = wish if basket is None else basket.pay(place, wish)
        if taken > 0:
            moves[place].append(LotMove(lot_id=lot.id, amount=taken, origin=lot.origin))
            due, left[place] = due - taken, left[place] - taken
            own_left -= taken if sources[place].is_own else 0
    return tuple([tuple(own) for own in moves])


def _basket(due: int, sources: Sequence[Source], lines: Sequence[int]) -> _Basket | None:
    """Return what keeps tenders apart over the lines, or None if every tender may pay for everything."""
    if all(source.lines is None for source in sources):
        return None
    rest = max(0, due - sum(lines))
    everywhere = frozenset(range(len(lines) + 1))
    may = [everywhere if source.lines is None else source.lines | {len(lines)} for source in sources]
    return _Basket([*lines, rest], may)


class _Basket:
    """
    The lines of an order, and which source pays how much of each.

    A flow from sources to lines. Whenever a source finds its lines taken, a
    path of exchanges is looked for at whose end a line has room: no source
    pays less by it, only for other lines.
    """

    def __init__(self, rooms: list[int], may: Sequence[frozenset[int]]) -> None:
        self._rooms = rooms
        self._may = may
        self._paid = [dict.fromkeys(own, 0) for own in may]

    def pay(self, source: int, wish: int) -> int:
        """Let *source* pay as much of *wish* as its lines can be made to take; return how much that is."""
        paid = 0
        while paid < wish and (path := self._path(source)):
            step = min([wish - paid, self._rooms[path[-1][1]], *self._exchanges(path)])
            for place, (payer, line) in enumerate(path):
                self._paid[payer][line] += step
                if place:
                    self._paid[payer][path[place - 1][1]] -= step
            self._rooms[path[-1][1]] -= step
            paid += step
        return paid

    def _exchanges(self, path: list[tuple[int, int]]) -> list[int]:
        """Return how much each source on the path could give up of the line before."""
        return [self._paid[payer][path[place][1]] for place, (payer, _) in enumerate(path[1:])]

    def _path(self, source: int) -> list[tuple[int, int]]:
        """Return the shortest path of (source, line) to a line with room; each source after the first gives up one."""
        paths: list[list[tuple[int, int]]] = [[(source, line)] for line in sorted(self._may[source])]
        seen = {line for path in paths for _, line in path}
        for path in paths:  # it grows while it is walked
            line = path[-1][1]
            if self._rooms[line] > 0:
                return path
            for payer, paid in enumerate(self._paid):
                if paid.get(line, 0) > 0:
                    for other in sorted(self._may[payer] - seen):
                        seen.add(other)
                        paths.append([*path, (payer, other)])
        return []
