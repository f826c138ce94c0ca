"""
What happens to refunded value whose lot has expired meanwhile.

A refund policy answers with the new expiry of value that is granted again, or
with None: then the value goes back to its expired lot, is not spendable, and
leaves the books with the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from loyalty.ledger.lot import Lot, LotOrigin
from loyalty.policies.decision import policy

__all__ = ["RefundExpiry", "regrant_paid_value"]

RefundExpiry = Callable[[Lot, datetime], datetime | None]
"""Asked for an expired lot and the time of the refund."""

REGRANT_FOR = timedelta(days=30)
_LAST = datetime.max.replace(tzinfo=UTC) - REGRANT_FOR


@policy("1")
def regrant_paid_value(lot: Lot, at: datetime) -> datetime | None:
    """
    Grant value again for 30 days, unless it was promotional; that is forfeited.

    Args:
        lot:
            A lot that has expired at *at*.
        at:
            Aware, UTC. When the refund is made.

    Returns:
        The new expiry, or None if the value is forfeited.
    """
    if lot.origin is LotOrigin.PROMOTIONAL:
        return None
    return at + REGRANT_FOR if at < _LAST else datetime.max.replace(tzinfo=UTC)
