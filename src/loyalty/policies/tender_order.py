"""
Which lot is spent first when several could pay.

A spending order is a sort key over lots; the smallest is spent first. It is
used inside one account and across all the tenders of an order alike.
"""

from __future__ import annotations

from datetime import UTC, datetime

from loyalty.ledger.lot import Lot, LotOrigin
from loyalty.policies.decision import policy

__all__ = ["soonest_expiry_first"]

_NEVER = datetime.max.replace(tzinfo=UTC)


@policy("1")
def soonest_expiry_first(lot: Lot) -> tuple[int, datetime, bool, int, datetime, str]:
    """
    Order by the caller's priority, then by what the customer would lose first.

    The lowest priority number comes first; then the soonest expiry, promotional
    before paid, the smallest, the oldest, and last the id, so that the order is
    total and every machine finds the same one.
    """
    return (
        lot.priority,
        lot.expires_at or _NEVER,
        lot.origin is not LotOrigin.PROMOTIONAL,
        lot.remaining,
        lot.opened_at,
        lot.id,
    )
