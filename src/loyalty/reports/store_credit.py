"""What a customer has in store credit, and the history of any account."""

from __future__ import annotations

from datetime import datetime

import attrs

from loyalty import fields
from loyalty.errors import InvalidTime, StoreCreditAccountNotFound
from loyalty.identifiers import AccountId
from loyalty.ledger.entry import Entry
from loyalty.ports.storage import Reader, TransferFilter, Wanted
from loyalty.reports.query import Query, QueryContext
from loyalty.store_credit.account import StoreCreditView

__all__ = ["AccountStatement", "GetStoreCreditAccount", "Statement"]


@attrs.frozen(kw_only=True)
class GetStoreCreditAccount(Query[StoreCreditView]):
    """
    Return an account, by *account_id* or by *customer_id* and *currency*.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
    """

    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    currency: str | None = attrs.field(default=None, converter=fields.to_optional_currency_code)

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once."""
        fields.require_one_of(account_id=self.account_id, customer_id=self.customer_id)
        fields.require_together(customer_id=self.customer_id, currency=self.currency)

    def answer(self, reader: Reader, context: QueryContext) -> StoreCreditView:
        """Answer from the books."""
        by_customer = () if self.customer_id is None else ((self.customer_id, self.currency),)
        by_id = () if self.account_id is None else (AccountId(self.account_id),)
        found = reader.find(Wanted(account_ids=by_id, customers=by_customer)).store_credit_accounts
        if not found:
            raise StoreCreditAccountNotFound
        return StoreCreditView.of(found[0], found[0].account.instant(context.now))


@attrs.frozen(kw_only=True)
class AccountStatement:
    """
    Credits and debits of one account, in the order of their sequence.

    ``next_after`` continues where a *limit* cut the statement; None at its end.
    """

    account_id: AccountId
    entries: tuple[Entry, ...]
    next_after: int | None


@attrs.frozen(kw_only=True)
class Statement(Query[AccountStatement]):
    """
    Return the history of an account, of a card or of store credit.

    Entries recorded from *since* (included) until *until* (not included), with
    a sequence above *after*, at most *limit* of them. *since* and *until* are
    aware and UTC.

    Raises:
        loyalty.errors.InvalidTime: If *until* is before *since*.
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
    """

    account_id: str = attrs.field(validator=fields.is_text)
    since: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    until: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    after: int | None = attrs.field(default=None, validator=fields.is_whole_number(0, 2**62, optional=True))
    limit: int | None = attrs.field(default=None, validator=fields.is_whole_number(1, 10_000, optional=True))

    def __attrs_post_init__(self) -> None:
        """Check the order of the two times."""
        if self.since is not None and self.until is not None and self.until < self.since:
            raise InvalidTime("a statement must end after it begins")

    def answer(self, reader: Reader, context: QueryContext) -> AccountStatement:  # noqa: ARG002  # asked of every query
        """Answer from the books."""
        account_id = AccountId(self.account_id)
        wanted = TransferFilter(
            account_id=account_id,
            after=self.after,
            since=self.since,
            until=self.until,
            limit=None if self.limit is None else self.limit + 1,
        )
        entries = tuple(Entry.of(transfer, account_id) for transfer in reader.transfers(wanted))
        if not entries and not reader.find(Wanted(account_ids=(account_id,))).accounts():
            raise StoreCreditAccountNotFound("no such account")
        shown = entries if self.limit is None else entries[: self.limit]
        return AccountStatement(
            account_id=account_id,
            entries=shown,
            next_after=shown[-1].sequence if len(shown) < len(entries) else None,
        )
