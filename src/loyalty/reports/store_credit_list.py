"""All store credit accounts in one view: filtered, sorted, page by page, and summed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.ledger.listing import AmountRange, CurrencySums, TextSearch
from loyalty.money import to_money
from loyalty.ports.storage import Reader
from loyalty.reports.paged import Page, PagedQuery
from loyalty.reports.query import QueryContext
from loyalty.store_credit.account import StoreCreditStatus, StoreCreditView
from loyalty.store_credit.listing import StoreCreditFilter, StoreCreditSort

__all__ = ["ListStoreCreditAccounts", "StoreCreditPage", "StoreCreditTotals"]


@attrs.frozen(kw_only=True)
class StoreCreditTotals:
    """
    What all accounts of a list sum to in one currency, not only those on a page.

    ``posted`` sums what is on the books, ``available`` what may be spent now. Both are exact.
    """

    currency: str
    count: int
    posted: Money
    available: Money

    @classmethod
    def of(cls, sums: CurrencySums) -> StoreCreditTotals:
        """Return *sums* as money."""
        return cls(
            currency=sums.currency,
            count=sums.count,
            posted=to_money(sums.posted, sums.currency, sums.exponent),
            available=to_money(sums.available, sums.currency, sums.exponent),
        )


@attrs.frozen(kw_only=True)
class StoreCreditPage(Page[StoreCreditView]):
    """A page of a list of store credit accounts. ``totals`` are there if they were asked for, sorted by currency."""

    accounts: tuple[StoreCreditView, ...]
    totals: tuple[StoreCreditTotals, ...] | None = None

    def __iter__(self) -> Iterator[StoreCreditView]:
        """Yield the accounts, in their order."""
        return iter(self.accounts)


@attrs.frozen(kw_only=True)
class ListStoreCreditAccounts(PagedQuery[StoreCreditPage, StoreCreditView]):
    """
    Return the store credit accounts that all of the given filters keep, a page at a time; for staff.

    *opened_since* is included and *opened_until* is not; all times are aware and
    UTC. *balance_from* and *balance_to* are about what is posted, are both included,
    may be zero, and keep accounts of their currency only. *expiring_before* keeps
    accounts with value left that has not ended yet and ends before that instant.
    *is_empty* keeps accounts with nothing posted, or with False the others. *text*
    finds accounts that have it in their id or their customer's, in upper or lower case.

    Sorted by *sort*, backwards if *descending*. Accounts that are there all the
    time come on exactly one page, however many are opened meanwhile; only those
    whose balance changes may be missed or come twice, and only when sorted by
    balance. Sorted by customer a page is read from an index; otherwise all accounts
    that the filters keep are read for each page.

    *with_totals* adds what all accounts of the list sum to, which reads them all.

    Raises:
        loyalty.errors.InvalidTime: If *opened_until* is before *opened_since*.
        loyalty.errors.CurrencyMismatch: If amounts or *currency* differ in currency.
        loyalty.errors.InvalidAmount: If *balance_to* is below *balance_from*.
        loyalty.errors.InvalidRequest: If *after* is no place in this list: it was
            changed, or belongs to other filters or another order.

    Guarantees:
        Every storage shows what a search through all accounts would
        (``tests/properties/test_lists_are_what_a_search_finds.py``).
    """

    status: StoreCreditStatus | None = attrs.field(
        default=None, validator=fields.is_one_of(StoreCreditStatus, optional=True)
    )
    currency: str | None = attrs.field(default=None, converter=fields.to_optional_currency_code)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    balance_from: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    balance_to: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    is_empty: bool | None = attrs.field(default=None, validator=fields.is_optional_flag)
    expiring_before: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    opened_since: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    opened_until: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    text: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    sort: StoreCreditSort = attrs.field(default=StoreCreditSort.CUSTOMER, validator=fields.is_one_of(StoreCreditSort))
    descending: bool = attrs.field(default=False, validator=fields.is_flag)
    with_totals: bool = attrs.field(default=False, validator=fields.is_flag)

    def __attrs_post_init__(self) -> None:
        """Check what belongs together."""
        fields.require_order(self.opened_since, self.opened_until)
        fields.require_one_currency(self.currency, self.balance_from, self.balance_to)
        AmountRange.between(self.balance_from, self.balance_to)

    def answer(self, reader: Reader, context: QueryContext) -> StoreCreditPage:
        """Answer from the books; the page and the totals are of one instant."""
        wanted, after = self._filter(context.now), self.begins_after(context)
        found = reader.store_credit_accounts(
            wanted, self.sort, descending=self.descending, after=after, limit=self.limit + 1
        )
        shown, next_after = self.cut(found, self.sort.place, context)
        return StoreCreditPage(
            accounts=tuple([StoreCreditView.of(credit, credit.account.instant(context.now)) for credit in shown]),
            next_after=next_after,
            totals=tuple(map(StoreCreditTotals.of, reader.store_credit_sums(wanted))) if self.with_totals else None,
        )

    def _filter(self, now: datetime) -> StoreCreditFilter:
        return StoreCreditFilter(
            now=now,
            status=self.status,
            currency=self.currency,
            customer_id=self.customer_id,
            balance=AmountRange.between(self.balance_from, self.balance_to),
            is_empty=self.is_empty,
            expiring_before=self.expiring_before,
            opened_since=self.opened_since,
            opened_until=self.opened_until,
            text=None if self.text is None else TextSearch(self.text),
        )
