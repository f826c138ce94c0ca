"""
Who ought to pay how much: the reference that plans are compared with, in plain integers.

Value is offered in one order, and every offer is taken as far as it can be. What
can still be paid is not found by moving payments between the lines of an order,
as the library does it, but by looking at every set of tenders: together they
can never pay more than the lines that at least one of them may pay for. By the
theorem of Hall there is no other obstacle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import attrs

__all__ = ["Offer", "Payer", "divide"]


@attrs.frozen
class Payer:
    """One tender: the most it may pay, None for no bound, and the lines it may pay for, None for all."""

    at_most: int | None = None
    lines: frozenset[int] | None = None


@attrs.frozen
class Offer:
    """So much of one payer's value, and its rank: the lowest is spent first."""

    payer: int
    rank: tuple[object, ...]
    amount: int


def divide(due: int, payers: Sequence[Payer], offers: Sequence[Offer], lines: Sequence[int] = ()) -> list[int]:
    """Return what is taken of each offer."""
    taken = [0] * len(offers)
    paid = [0] * len(payers)
    rest = max(0, due - sum(lines))
    for place in sorted(range(len(offers)), key=lambda place: offers[place].rank):
        payer = offers[place].payer
        most = payers[payer].at_most
        bounds = [offers[place].amount, due - sum(paid)]
        bounds += [] if most is None else [most - paid[payer]]
        for group in _groups_with(payer, len(payers)):
            bounds.append(_capacity([payers[one] for one in group], lines, rest) - sum(paid[one] for one in group))
        taken[place] = min(bounds)
        paid[payer] += taken[place]
    return taken


def _groups_with(payer: int, count: int) -> Iterator[tuple[int, ...]]:
    others = [one for one in range(count) if one != payer]
    for size in range(count):
        for group in combinations(others, size):
            yield (payer, *group)


def _capacity(group: list[Payer], lines: Sequence[int], rest: int) -> int:
    open_to = [place for place in range(len(lines)) if any(one.lines is None or place in one.lines for one in group)]
    return rest + sum(lines[place] for place in open_to)
