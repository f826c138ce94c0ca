"""Refund an order as a new gift card, for guests."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import OrderRefunded
from loyalty.ledger.lot import LotOrigin
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Context, Outcome
from loyalty.use_cases.new_card import IssuedGiftCard, NewCard, with_code_again
from loyalty.use_cases.order_refund import OrderRefund

__all__ = ["RefundAsGiftCard"]


@attrs.frozen(kw_only=True)
class RefundAsGiftCard(OrderRefund[IssuedGiftCard]):
    """
    Give back what an order cost as a new gift card, where there is no customer whose account could take it.

    *refundable* is what may be refunded of the order at most, in total, as for
    ``RefundOrderToStoreCredit``; both share one cap per order. The card is
    spendable at once, its value is of origin refund, and it never expires unless
    *expires_at* says otherwise. Its code is derived as an issued card's is:
    calling again with the same key shows it again.

    Raises:
        loyalty.errors.CurrencyMismatch: If *refundable* is in another currency than *amount*.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.RefundTooLarge: If the order's ceiling leaves less.

    Guarantees:
        Never above the ceiling, however many refund the order at once
        (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = IssuedGiftCard

    recipient: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[IssuedGiftCard]:
        """Decide the refund under the order's lock."""
        self.require_future(context.now)
        allowed = self.lock_order(uow)
        expires_at, decided = context.expiry(LotOrigin.REFUND, self.expires_at, context.now)
        made = NewCard(
            value=self.amount,
            origin=LotOrigin.REFUND,
            expires_at=expires_at,
            recipient=self.recipient,
            note=self.note,
            metadata=self.metadata,
        ).make(context)
        account = made.card.account
        transfer = self.refund(context, account, made.side, context.now)
        return Outcome(
            result=made.issued,
            event=OrderRefunded(
                order_id=self.order_id,
                transfer_id=transfer.id,
                account_id=account.id,
                amount=transfer.money,
                customer_id=None,
                gift_card_id=made.card.id,
                recipient=self.recipient,
            ),
            changes=Changes(new_gift_cards=(made.card,), refunded_orders=(allowed.order,), transfers=(transfer,)),
            decisions=(decided,),
        )

    def replayed(self, result: IssuedGiftCard, context: Context) -> IssuedGiftCard:
        """Add the code again, derived from the card's id."""
        return with_code_again(context, result)
