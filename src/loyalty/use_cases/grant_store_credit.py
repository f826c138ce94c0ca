"""Give a customer store credit."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import InvalidTime
from loyalty.events import StoreCreditGranted
from loyalty.ledger.entry import Entry
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.money import exponent_of, minor_units
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import changed_credit, new_credit, the_credit, wanted_credit

__all__ = ["Grant", "GrantStoreCredit"]


@attrs.frozen(kw_only=True)
class Grant:
    """The account after the grant, and the entry that made it."""

    account: StoreCreditView
    transfer: Entry


@attrs.frozen(kw_only=True)
class GrantStoreCredit(Command[Grant]):
    """
    Credit a store credit account with new value, as one lot.

    The account is named by *account_id*, or by *customer_id* and the currency
    of *amount*; then it is opened if it is missing. *origin* says why the value
    exists. It is spendable from *not_before* (included) until *expires_at* (not
    included); without them at once and for ever. The shop's expiry policy may let
    it live longer. A lower *priority* is spent sooner.

    Raises:
        loyalty.errors.InvalidTime: If *expires_at* is not in the future or not after *not_before*.
        loyalty.errors.StoreCreditAccountNotFound: If *account_id* is unknown.
        loyalty.errors.NotSpendable: If the account is closed.
        loyalty.errors.CurrencyMismatch: If the account is in another currency.
    """

    result_type: ClassVar[type] = Grant

    amount: Money = attrs.field(validator=fields.is_amount)
    origin: LotOrigin = attrs.field(validator=fields.is_one_of(LotOrigin))
    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    not_before: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    priority: int = attrs.field(default=0, validator=fields.is_whole_number(-1000, 1000))
    tax_treatment: TaxTreatment = attrs.field(
        default=TaxTreatment.MULTI_PURPOSE, validator=fields.is_one_of(TaxTreatment)
    )

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once and that the value can ever be spent."""
        fields.require_one_of(account_id=self.account_id, customer_id=self.customer_id)
        if self.expires_at is not None and self.not_before is not None and self.expires_at <= self.not_before:
            raise InvalidTime("value must expire after it begins")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Grant]:
        """Decide the grant on the locked account."""
        self._require_future(context.now)
        currency = self.amount.currency
        found = uow.lock(wanted_credit(self.account_id, self.customer_id, currency.code))
        is_new = self.account_id is None and not found.store_credit_accounts
        credit = (
            new_credit(context, str(self.customer_id), currency.code, exponent_of(currency), context.now)
            if is_new
            else the_credit(found)
        )
        credit.require_not_closed()
        credit.account.require_currency(self.amount)
        return self._granted(context, credit, is_new=is_new)

    def _granted(self, context: Context, credit: StoreCreditAccount, *, is_new: bool) -> Outcome[Grant]:
        at = credit.account.instant(context.now)
        self._require_future(at)
        expires_at, decided = context.expiry(self.origin, self.expires_at, at)
        lot = context.lot(
            minor_units(self.amount),
            self.origin,
            at,
            expires_at=expires_at,
            not_before=self.not_before,
            priority=self.priority,
            tax_treatment=self.tax_treatment,
        )
        after, side = credit.account.credit((lot,), at)
        transfer = self.transfer(
            context,
            TransferKind.GRANT,
            after,
            amount=lot.amount,
            debit=Side(house=FUNDING[self.origin]),
            credit=side,
            at=at,
        )
        return Outcome(
            result=Grant(
                account=StoreCreditView.of(credit.with_account(after), at), transfer=Entry.of(transfer, after.id)
            ),
            event=StoreCreditGranted(
                account_id=after.id,
                customer_id=credit.customer_id,
                transfer_id=transfer.id,
                amount=self.amount,
                origin=self.origin.value,
                expires_at=expires_at,
            ),
            changes=attrs.evolve(changed_credit(credit, after, is_new=is_new), transfers=(transfer,)),
            decisions=(decided,),
        )

    def _require_future(self, at: datetime) -> None:
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("granted value must expire in the future")
