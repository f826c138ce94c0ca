"""The policies a shop has chosen, with the defaults for the rest."""

from __future__ import annotations

import attrs

from loyalty.ledger.lot import SpendingOrder
from loyalty.policies.refund_routing import RefundRouting, other_tenders_first
from loyalty.policies.refunds import RefundExpiry, regrant_paid_value
from loyalty.policies.tender_order import soonest_expiry_first

__all__ = ["Policies"]


@attrs.frozen(kw_only=True)
class Policies:
    """
    One replaceable choice per field; each is pure.

    ``refund_routing`` is for the host, which gives it to ``plan_refund``: the
    library knows nothing of tenders other than its own.
    """

    spending_order: SpendingOrder = soonest_expiry_first
    refund_expiry: RefundExpiry = regrant_paid_value
    refund_routing: RefundRouting = other_tenders_first
