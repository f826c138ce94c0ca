"""A hold, and a part of a payment, as a host sees them: plain facts in money."""

from __future__ import annotations

from datetime import datetime

import attrs
from moneyed import Money

from loyalty.identifiers import AccountId, GiftCardId, HoldId
from loyalty.ledger.hold import Hold, HoldStatus
from loyalty.ports.storage import Found

__all__ = ["HoldView", "TenderPart"]


@attrs.frozen(kw_only=True)
class TenderPart:
    """What one tender pays, or holds, for an order. ``gift_card_id`` is None for store credit."""

    account_id: AccountId
    gift_card_id: GiftCardId | None
    amount: Money


@attrs.frozen(kw_only=True)
class HoldView:
    """
    A hold at one instant.

    ``amount`` is what is reserved, or was, the sum of ``parts``; the order owes
    ``remaining_due`` beyond it. ``captured`` is what was taken in the end.
    ``status`` is ``lapsed`` from ``lapses_at`` on (aware, UTC; the instant
    itself is too late), whether or not a sweep has run. ``replaced_id`` is the
    hold of the same order that this one took the place of, when it was placed.
    """

    id: HoldId
    order_id: str
    customer_id: str | None
    amount_due: Money
    amount: Money
    remaining_due: Money
    captured: Money
    parts: tuple[TenderPart, ...]
    status: HoldStatus
    placed_at: datetime
    lapses_at: datetime
    resolved_at: datetime | None
    replaced_id: HoldId | None = None

    @classmethod
    def of(cls, hold: Hold, found: Found, at: datetime, *, replaced_id: HoldId | None = None) -> HoldView:
        """Return *hold* as it stands at *at*; *found* tells which accounts are those of cards."""
        cards = {card.account.id: card.id for card in found.gift_cards}
        return cls(
            id=hold.id,
            order_id=hold.order_id,
            customer_id=hold.customer_id,
            amount_due=hold.money(hold.amount_due),
            amount=hold.money(hold.amount),
            remaining_due=hold.money(hold.amount_due - hold.amount),
            captured=hold.money(hold.captured),
            parts=tuple(
                TenderPart(
                    account_id=tender.account_id,
                    gift_card_id=cards.get(tender.account_id),
                    amount=hold.money(tender.amount),
                )
                for tender in hold.tenders
                if tender.amount > 0
            ),
            status=hold.status_at(at),
            placed_at=hold.placed_at,
            lapses_at=hold.lapses_at,
            resolved_at=hold.resolved_at,
            replaced_id=replaced_id,
        )
