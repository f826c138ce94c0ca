"""Posting value that has expired: what the sweep and a reinstatement share."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.use_cases.command import Context, Request

__all__ = ["expire"]

_BREAKAGE: Final = Side(house=HouseAccount.BREAKAGE)


def expire(request: Request[Any], context: Context, account: Account, at: datetime) -> tuple[Account, Transfer] | None:
    """Take off what has expired and is not held; return the account after it and the transfer, None if nothing has."""
    moves = _expired(account, at)
    if not moves:
        return None
    after, side = account.debit(moves, at)
    amount = account.posted - after.posted
    return after, request.transfer(
        context, TransferKind.EXPIRY, account, amount=amount, debit=side, credit=_BREAKAGE, at=at
    )


def _expired(account: Account, at: datetime) -> tuple[LotMove, ...]:
    return tuple(
        LotMove(lot_id=lot.id, amount=lot.free, origin=lot.origin)
        for lot in account.standing(at).lots
        if lot.free > 0 and lot.is_expired(at)
    )
