"""The policies a shop has chosen, with the defaults for the rest."""

from __future__ import annotations

import attrs

from loyalty.ledger.lot import SpendingOrder
from loyalty.policies.cash_out import CashOutPolicy, no_cash_out
from loyalty.policies.decision import Decision, decision
from loyalty.policies.eligibility import Eligibility, stored_value_buys_no_stored_value
from loyalty.policies.expiry import ValueExpiry, as_asked
from loyalty.policies.hold_time import HoldTime, fifteen_minutes
from loyalty.policies.limits import Limits, no_limits
from loyalty.policies.refund_routing import RefundRouting, other_tenders_first
from loyalty.policies.refunds import RefundExpiry, regrant_paid_value
from loyalty.policies.tender_order import soonest_expiry_first

__all__ = ["Policies"]


@attrs.frozen(kw_only=True)
class Policies:
    """
    One replaceable choice per field; each is pure, and may do no input or output.

    Which of them took part in a command is kept with its receipt, by name and
    version; :func:`loyalty.policy` gives a function a version.
    ``refund_routing`` is for the host, which gives it to ``plan_refund``: the
    library knows nothing of tenders other than its own.
    """

    spending_order: SpendingOrder = soonest_expiry_first
    eligibility: Eligibility = stored_value_buys_no_stored_value
    limits: Limits = no_limits
    hold_time: HoldTime = fifteen_minutes
    expiry: ValueExpiry = as_asked
    refund_expiry: RefundExpiry = regrant_paid_value
    refund_routing: RefundRouting = other_tenders_first
    cash_out: CashOutPolicy = no_cash_out

    def decided(self, kind: str, said: str | None = None) -> Decision:
        """Return the record that the policy of this kind took part, and what it said."""
        return decision(kind, getattr(self, kind), said)
