"""Shortcuts for the tests of plans and holds: one order, paid with what a test names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from moneyed import Money

from loyalty import (
    AdjustHold,
    Capture,
    CaptureHold,
    HoldView,
    OrderLine,
    PaymentPlan,
    PlaceHold,
    PlanPayment,
    VoidHold,
)
from loyalty.policies.eligibility import PayingTender
from tests.use_cases.shop import Shop, usd

__all__ = ["MINUTE", "adjust", "capture", "hold", "line", "no_wine_from_gifts", "plan", "void"]

MINUTE: Final = timedelta(minutes=1)


def hold(shop: Shop, due: str | Money, **given: Any) -> HoldView:
    """Hold value for order 1001."""
    return shop.execute(PlaceHold(**{"order_id": "1001", "idempotency_key": shop.key(), **_due(due), **given}))


def plan(shop: Shop, due: str | Money, **given: Any) -> PaymentPlan:
    """Plan a payment of so much."""
    return shop.ask(PlanPayment(**{**_due(due), **given}))


def adjust(shop: Shop, held: HoldView, due: str | Money | None = None, **given: Any) -> HoldView:
    """Change a hold."""
    amount = {} if due is None else _due(due)
    return shop.execute(AdjustHold(**{"hold_id": held.id, "idempotency_key": shop.key(), **amount, **given}))


def capture(shop: Shop, held: HoldView, amount: str | Money | None = None, **given: Any) -> Capture:
    """Capture a hold, all of it unless an amount is given."""
    part = {} if amount is None else {"amount": usd(amount) if isinstance(amount, str) else amount}
    return shop.execute(CaptureHold(**{"hold_id": held.id, "idempotency_key": shop.key(), **part, **given}))


def void(shop: Shop, held: HoldView, **given: Any) -> HoldView:
    """Void a hold."""
    return shop.execute(VoidHold(**{"hold_id": held.id, "idempotency_key": shop.key(), **given}))


def line(id_: str, amount: str | Money, **given: Any) -> OrderLine:
    """Return a line of an order."""
    return OrderLine(id=id_, amount=usd(amount) if isinstance(amount, str) else amount, **given)


def no_wine_from_gifts(order_line: OrderLine, tender: PayingTender) -> str | None:
    """Veto gift cards for wine: a rule that a shop might have."""
    return "no wine" if "wine" in order_line.tags and tender.gift_card_id is not None else None


def _due(due: str | Money) -> dict[str, Any]:
    return {"amount_due": usd(due) if isinstance(due, str) else due}
