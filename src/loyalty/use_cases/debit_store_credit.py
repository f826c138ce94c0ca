"""Take store credit from a customer's account."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.events import StoreCreditDebited
from loyalty.ledger.entry import Entry
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.money import minor_units
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import the_credit, wanted_credit

__all__ = ["Debit", "DebitStoreCredit"]


@attrs.frozen(kw_only=True)
class Debit:
    """The account after the debit, the entry that made it, and the amount."""

    amount: Money
    account: StoreCreditView
    transfer: Entry


@attrs.frozen(kw_only=True)
class DebitStoreCredit(Command[Debit]):
    """
    Take exactly *amount* from a store credit account.

    With *order_id* it pays for that order and can be refunded; without, it is a
    correction by staff, who should give a *reason* and an *actor*.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.NotSpendable: If it is blocked or closed.
        loyalty.errors.CurrencyMismatch: If the account is in another currency.
        loyalty.errors.InsufficientBalance: If less is available.
    """

    result_type: ClassVar[type] = Debit

    amount: Money = attrs.field(validator=fields.is_amount)
    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once."""
        fields.require_one_of(account_id=self.account_id, customer_id=self.customer_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Debit]:
        """Decide the debit on the locked account."""
        found = uow.lock(wanted_credit(self.account_id, self.customer_id, self.amount.currency.code))
        credit = the_credit(found)
        account, at = credit.account, credit.account.instant(context.now)
        credit.require_open()
        account.require_currency(self.amount)
        amount = minor_units(self.amount)
        after, side = account.debit(account.draw(amount, at, context.policies.spending_order), at)
        pays = self.order_id is not None
        transfer = self.transfer(
            context,
            TransferKind.REDEMPTION if pays else TransferKind.DEBIT,
            account,
            amount=amount,
            debit=side,
            credit=Side(house=HouseAccount.REDEMPTIONS if pays else HouseAccount.ADJUSTMENTS),
            at=at,
            order_id=self.order_id,
        )
        return Outcome(
            result=Debit(
                amount=account.money(amount),
                account=StoreCreditView.of(credit.with_account(after), at),
                transfer=Entry.of(transfer, account.id),
            ),
            event=StoreCreditDebited(
                account_id=account.id,
                customer_id=credit.customer_id,
                transfer_id=transfer.id,
                amount=self.amount,
                order_id=self.order_id,
            ),
            changes=Changes(accounts=(AccountChange(account, after),), transfers=(transfer,)),
        )
