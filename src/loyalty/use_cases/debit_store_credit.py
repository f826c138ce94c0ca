"""Take store credit from a customer's account."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import InvalidRequest
from loyalty.events import StoreCreditDebited
from loyalty.ledger.entry import Entry
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.money import minor_units
from loyalty.policies.decision import Decision
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditView
from loyalty.tenders.asked import to_lines
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import the_credit, wanted_credit
from loyalty.use_cases.exact_payment import require_allowed, require_one_currency

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
    correction by staff, who should give a *reason* and an *actor*. *lines* say
    what the order consists of, for the shop's redemption rules.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.NotSpendable: If it is blocked or closed.
        loyalty.errors.CurrencyMismatch: If the account is in another currency.
        loyalty.errors.NotEligible: If the shop's rules veto paying this much for the *lines*.
        loyalty.errors.LimitExceeded: If it pays for an order, and the shop's limits allow less.
        loyalty.errors.InsufficientBalance: If less is available.
    """

    result_type: ClassVar[type] = Debit

    amount: Money = attrs.field(validator=fields.is_amount)
    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    lines: tuple[OrderLine, ...] = attrs.field(default=(), converter=to_lines, metadata=fields.LATER)

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once, and that all money is of one currency."""
        fields.require_one_of(account_id=self.account_id, customer_id=self.customer_id)
        require_one_currency(self.amount, self.lines)
        if self.lines and self.order_id is None:
            raise InvalidRequest("lines are those of an order; name it")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Debit]:
        """Decide the debit on the locked account."""
        found = uow.lock(wanted_credit(self.account_id, self.customer_id, self.amount.currency.code))
        credit = the_credit(found)
        account, at = credit.account, credit.account.instant(context.now)
        credit.require_open()
        account.require_currency(self.amount)
        decisions = self._allowed(uow, context, credit)
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
            decisions=decisions,
        )

    def _allowed(self, uow: UnitOfWork, context: Context, credit: StoreCreditAccount) -> tuple[Decision, ...]:
        """Ask the shop's policies, if an order is paid; a correction by staff is bound by none of them."""
        if self.order_id is None:
            return (context.policies.decided("spending_order"),)
        return require_allowed(context, uow, credit, self.amount, order_id=self.order_id, lines=self.lines)
