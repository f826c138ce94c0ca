"""
The sale of gift cards in one order: where issuing, activating and reversing them queue.

An order's cards are many accounts, and some may not be there yet when another
message about the order arrives; so those who change the cards of an order wait
for each other at its sale, before they lock any account.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from loyalty.errors import OrderNotFound

__all__ = ["GiftCardSale", "ReversalCause"]


class ReversalCause(StrEnum):
    """Why a sale of gift cards is undone."""

    CANCEL = "cancel"
    REFUND = "refund"
    CHARGEBACK = "chargeback"


@attrs.frozen(kw_only=True)
class GiftCardSale:
    """
    What is known of an order in which gift cards were sold.

    ``version`` counts what was done about it; 0 is an order that no card was
    issued for yet, and which is stored with the first. ``paid_at`` is when it
    was first activated, ``reversed_at`` when all of it was first reversed; both
    aware, UTC.
    """

    order_id: str
    version: int = 0
    paid_at: datetime | None = None
    reversed_at: datetime | None = None

    def require_known(self) -> None:
        """
        Check that cards were issued for the order.

        Raises:
            loyalty.errors.OrderNotFound: If not. The message that it was placed may
                still be on its way, so trying again later can help.
        """
        if self.version == 0:
            raise OrderNotFound

    def paid(self, at: datetime) -> GiftCardSale:
        """Return the sale as it is once it is paid; the first time counts."""
        return self if self.paid_at is not None else attrs.evolve(self, paid_at=at)

    def undone(self, at: datetime) -> GiftCardSale:
        """Return the sale as it is once all of it is reversed; the first time counts."""
        return self if self.reversed_at is not None else attrs.evolve(self, reversed_at=at)
