"""What is owed per currency and origin, added up from the moves of lots."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from loyalty.ledger.lot import LotMove, LotOrigin

__all__ = ["Moved", "OriginBalance", "sum_by_origin"]


@attrs.frozen
class OriginBalance:
    """What is owed in one currency of one origin, in minor units."""

    currency: str
    exponent: int
    origin: LotOrigin
    amount: int


@attrs.frozen
class Moved:
    """The lots that one transfer took from (debit) and gave to (credit)."""

    currency: str
    exponent: int
    debit: tuple[LotMove, ...]
    credit: tuple[LotMove, ...]


def sum_by_origin(moves: Iterable[Moved]) -> tuple[OriginBalance, ...]:
    """Add up *moves*, streaming; the answer is sorted by currency and origin."""
    sums: dict[tuple[str, int, LotOrigin], int] = {}
    for moved in moves:
        for sign, side in ((1, moved.credit), (-1, moved.debit)):
            for move in side:
                at = (moved.currency, moved.exponent, move.origin)
                sums[at] = sums.get(at, 0) + sign * move.amount
    return tuple(
        OriginBalance(currency, exponent, origin, amount)
        for (currency, exponent, origin), amount in sorted(sums.items())
    )
