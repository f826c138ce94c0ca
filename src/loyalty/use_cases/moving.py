"""Moving value from one customer's account to another, lot by lot: what transfers and merges share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotMove
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.use_cases.command import Context, Request

__all__ = ["Moved", "lots_like", "move"]


@attrs.frozen
class Moved:
    """Both accounts after it, and the transfer between them."""

    source: Account
    target: Account
    transfer: Transfer


def move(
    request: Request[Any],
    context: Context,
    source: Account,
    target: Account,
    moves: tuple[LotMove, ...],
    *,
    at: datetime,
) -> Moved:
    """
    Take *moves* out of *source* and open a lot on *target* for each, which keeps the nature and the expiry of its own.

    Nothing is asked of *moves* but that they fit; whether value may move is the caller's to decide.
    """
    emptied, debit = source.debit(moves, at)
    filled, credit = target.credit(lots_like(context, source, moves, at), at)
    amount = sum([one.amount for one in moves])
    transfer = request.transfer(context, TransferKind.MOVE, filled, amount=amount, debit=debit, credit=credit, at=at)
    return Moved(emptied, filled, transfer)


def lots_like(context: Context, source: Account, moves: Iterable[LotMove], at: datetime) -> tuple[Lot, ...]:
    """Return a new lot for each of *moves* out of *source*; the expiry stays, too."""
    origins = [(source.lot(one.lot_id), one.amount) for one in moves]
    return tuple([context.lot_like(lot, amount, at, expires_at=lot.expires_at) for lot, amount in origins])
