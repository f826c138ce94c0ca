"""Giving value back to the lots it came from: what refunds and reversals share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from loyalty.identifiers import LotId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Side
from loyalty.use_cases.command import Context

__all__ = ["GivenBack", "give_back"]


@attrs.frozen
class GivenBack:
    """
    The account after it, and its side of the transfer.

    ``forfeited`` went back to lots that have expired, ``regranted`` had expired
    and was granted again. Minor units.
    """

    after: Account
    side: Side
    forfeited: int
    regranted: int


def give_back(
    context: Context,
    account: Account,
    shares: Iterable[tuple[LotId, int]],
    at: datetime,
    *,
    successor: Account | None = None,
) -> GivenBack:
    """
    Give each share back to its lot; where the lot has expired, as the shop's policy says.

    Args:
        context:
            Brings the policy and new ids.
        account:
            With all the lots that are named.
        shares:
            Lots, each once, and minor units.
        at:
            Aware, UTC.
        successor:
            The account that took *account* over, if one did. It gets a new lot
            for each share, of the same nature and expiry.
    """
    back, opened, forfeited, regranted = [], [], 0, 0
    for lot_id, amount in shares:
        lot = account.lot(lot_id)
        new_expiry = context.policies.refund_expiry(lot, at) if lot.is_expired(at) else None
        if new_expiry is not None:
            opened.append(context.lot_like(lot, amount, at, expires_at=new_expiry))
            regranted += amount
            continue
        if successor is None:
            back.append(LotMove(lot_id=lot.id, amount=amount, origin=lot.origin))
        else:
            opened.append(context.lot_like(lot, amount, at, expires_at=lot.expires_at))
        forfeited += amount if lot.is_expired(at) else 0
    after, side = (successor or account).give_back(tuple(back), tuple(opened), at)
    return GivenBack(after, side, forfeited, regranted)
