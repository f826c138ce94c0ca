"""Refunding an order as new value: the one cap per order, whatever shape the value takes."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import CurrencyMismatch, InvalidTime, RefundTooLarge
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import exponent_of, minor_units, to_money
from loyalty.ports.changes import RefundedOrder
from loyalty.ports.storage import TransferFilter, UnitOfWork
from loyalty.use_cases.command import Command, Context

__all__ = ["OrderRefund", "Refundable"]

Result = TypeVar("Result")

_REFUNDS = Side(house=HouseAccount.REFUNDS)
_GIVES_BACK = frozenset({TransferKind.REFUND, TransferKind.REVERSAL})


@attrs.frozen
class Refundable:
    """An order that is locked for its refunds, and what may be refunded of it after this one."""

    order: RefundedOrder
    left: Money


@attrs.frozen(kw_only=True)
class OrderRefund(Command[Result]):
    """
    What every refund of an order as new value says.

    *refundable* is the host's ceiling: what may be refunded of this order at
    most, in total. How much of that was given back before is read from the
    books, never asked of the host.
    """

    order_id: str = attrs.field(validator=fields.is_text)
    amount: Money = attrs.field(validator=fields.is_amount)
    refundable: Money = attrs.field(validator=fields.is_amount)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def __attrs_post_init__(self) -> None:
        """Check that the ceiling is in the currency of the amount."""
        amount, ceiling = self.amount.currency, self.refundable.currency
        if (amount.code, exponent_of(amount)) != (ceiling.code, exponent_of(ceiling)):
            raise CurrencyMismatch("the ceiling is in another currency", expected=amount.code, actual=ceiling.code)

    def lock_order(self, uow: UnitOfWork) -> Refundable:
        """
        Check that the order's ceiling leaves room, under a lock that all such refunds of the order queue at.

        Two refunds of one order may name two different accounts, so none of their
        accounts' locks would do.

        Raises:
            loyalty.errors.RefundTooLarge: If it does not.
        """
        order = uow.lock_order(self.order_id)
        left = minor_units(self.refundable) - self._given_before(uow) - minor_units(self.amount)
        if left < 0:
            raise RefundTooLarge(refundable=self._money(max(0, left + minor_units(self.amount))))
        return Refundable(order, self._money(left))

    def require_future(self, at: datetime) -> None:
        """Check that the new value can be spent at all."""
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("refunded value must expire in the future")

    def refund(self, context: Context, account: Account, credit: Side, at: datetime) -> Transfer:
        """Return the transfer that gives the amount to *account*."""
        return self.transfer(
            context,
            TransferKind.REFUND,
            account,
            amount=minor_units(self.amount),
            debit=_REFUNDS,
            credit=credit,
            at=at,
            order_id=self.order_id,
        )

    def _given_before(self, uow: UnitOfWork) -> int:
        """Return what was given back for the order in this currency: by refunds of any kind, and by reversals."""
        currency = self.amount.currency
        given = 0
        for earlier in tuple(uow.transfers(TransferFilter(order_id=self.order_id, standing=True))):
            is_given = earlier.kind in _GIVES_BACK and earlier.credit.account_id is not None
            if not is_given or earlier.currency != currency.code:
                continue
            if earlier.exponent != exponent_of(currency):
                raise CurrencyMismatch("the currency's decimals have changed", currency.code, currency.code)
            given += earlier.amount
        return given

    def _money(self, minor: int) -> Money:
        currency = self.amount.currency
        return to_money(minor, currency.code, exponent_of(currency))
