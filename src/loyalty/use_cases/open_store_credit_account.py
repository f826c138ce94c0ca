"""Open a customer's store credit account."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Currency

from loyalty import fields
from loyalty.events import StoreCreditAccountOpened
from loyalty.money import exponent_of
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import credit_in, new_credit, wanted_credit

__all__ = ["OpenStoreCreditAccount"]


@attrs.frozen(kw_only=True)
class OpenStoreCreditAccount(Command[StoreCreditView]):
    """
    Open the one account of a customer in a currency.

    If there is one already, the answer is that one and nothing changes.

    Raises:
        loyalty.errors.InvalidRequest: If there is no such currency.
    """

    result_type: ClassVar[type] = StoreCreditView

    customer_id: str = attrs.field(validator=fields.is_text)
    currency: Currency = attrs.field(converter=fields.to_currency)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[StoreCreditView]:
        """Decide whether there is something to open."""
        currency = self.currency
        credit = credit_in(uow.lock(wanted_credit(None, self.customer_id, currency.code)), currency.code)
        opened = credit or new_credit(context, self.customer_id, currency.code, exponent_of(currency), context.now)
        return Outcome(
            result=StoreCreditView.of(opened, opened.account.instant(context.now)),
            event=StoreCreditAccountOpened(
                account_id=opened.id,
                customer_id=self.customer_id,
                currency=currency.code,
                first_time=credit is None,
            ),
            changes=Changes(new_store_credit_accounts=(opened,) if credit is None else ()),
        )
