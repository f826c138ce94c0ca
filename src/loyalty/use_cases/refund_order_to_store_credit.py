"""Refund an order to store credit instead of the original means of payment."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.events import OrderRefunded
from loyalty.ledger.entry import Entry
from loyalty.ledger.lot import LotOrigin
from loyalty.money import exponent_of, minor_units
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditView
from loyalty.use_cases.command import Context, Outcome
from loyalty.use_cases.credit_access import changed_credit, new_credit, the_credit, wanted_credit
from loyalty.use_cases.order_refund import OrderRefund

__all__ = ["CreditRefund", "RefundOrderToStoreCredit"]


@attrs.frozen(kw_only=True)
class CreditRefund:
    """What became store credit, the account after it, and what the ceiling leaves for later refunds."""

    order_id: str
    amount: Money
    still_refundable: Money
    account: StoreCreditView
    transfer: Entry


@attrs.frozen(kw_only=True)
class RefundOrderToStoreCredit(OrderRefund[CreditRefund]):
    """
    Give a customer store credit for an order, instead of the original means of payment.

    *refundable* is what may be refunded of the order at most, in total. What
    was given back for it before, by whatever command and to whomever, is read
    from the books and counts. The account is opened if it is missing; a blocked
    one takes the refund too. The value is of origin refund and never expires
    unless *expires_at* says otherwise.

    Raises:
        loyalty.errors.CurrencyMismatch: If *refundable* is in another currency than *amount*.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.RefundTooLarge: If the order's ceiling leaves less.
        loyalty.errors.NotSpendable: If the account is closed.

    Guarantees:
        Never above the ceiling, however many refund the order at once, to
        whatever accounts and cards (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = CreditRefund

    customer_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[CreditRefund]:
        """Decide the refund under the order's lock, then on the locked account."""
        self.require_future(context.now)
        allowed = self.lock_order(uow)
        currency = self.amount.currency
        found = uow.lock(wanted_credit(None, self.customer_id, currency.code))
        is_new = not found.store_credit_accounts
        credit = (
            new_credit(context, self.customer_id, currency.code, exponent_of(currency), context.now)
            if is_new
            else the_credit(found)
        )
        credit.require_not_closed()
        credit.account.require_currency(self.amount)
        at = credit.account.instant(context.now)
        self.require_future(at)
        expires_at, decided = context.expiry(LotOrigin.REFUND, self.expires_at, at)
        lot = context.lot(minor_units(self.amount), LotOrigin.REFUND, at, expires_at=expires_at)
        after, side = credit.account.credit((lot,), at)
        transfer = self.refund(context, after, side, at)
        return Outcome(
            result=CreditRefund(
                order_id=self.order_id,
                amount=transfer.money,
                still_refundable=allowed.left,
                account=StoreCreditView.of(credit.with_account(after), at),
                transfer=Entry.of(transfer, after.id),
            ),
            event=OrderRefunded(
                order_id=self.order_id,
                transfer_id=transfer.id,
                account_id=after.id,
                amount=transfer.money,
                customer_id=self.customer_id,
                gift_card_id=None,
                recipient=None,
            ),
            changes=attrs.evolve(
                changed_credit(credit, after, is_new=is_new),
                refunded_orders=(allowed.order,),
                transfers=(transfer,),
            ),
            decisions=(decided,),
        )
