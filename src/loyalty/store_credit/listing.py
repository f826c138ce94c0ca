"""Which store credit accounts a list shows, and in which order. A storage answers as these rules say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from loyalty.clock import to_micros
from loyalty.ledger.listing import AmountRange, CurrencySums, Place, TextSearch
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus

__all__ = ["StoreCreditFilter", "StoreCreditSort"]


class StoreCreditSort(StrEnum):
    """
    What a list of accounts is sorted by; equal ones by their ids, a customer's by their currencies.

    Balances are compared in minor units, so name a currency to compare like with like.
    """

    CUSTOMER = "customer"
    OPENED = "opened"
    BALANCE = "balance"

    def place(self, credit: StoreCreditAccount) -> Place:
        """Return where an account stands in this order."""
        return _PLACES[self](credit)


_PLACES: Mapping[StoreCreditSort, Callable[[StoreCreditAccount], Place]] = {
    StoreCreditSort.CUSTOMER: lambda credit: (credit.customer_id, credit.account.currency),
    StoreCreditSort.OPENED: lambda credit: (to_micros(credit.account.opened_at), credit.id),
    StoreCreditSort.BALANCE: lambda credit: (credit.account.posted, credit.id),
}


@attrs.frozen(kw_only=True)
class StoreCreditFilter:
    """
    Which accounts. The fields narrow each other; None does not narrow.

    ``now`` is the time of the question; an account that changed later by its own
    books is judged as of that change. ``opened_since`` is included,
    ``opened_until`` is not. ``expiring_before`` keeps accounts with value that has
    not ended yet and ends before that instant, held or not. ``text`` is looked for
    in the ids of the account and of the customer.
    """

    now: datetime
    status: StoreCreditStatus | None = None
    currency: str | None = None
    customer_id: str | None = None
    balance: AmountRange | None = None
    is_empty: bool | None = None
    expiring_before: datetime | None = None
    opened_since: datetime | None = None
    opened_until: datetime | None = None
    text: TextSearch | None = None

    def fits(self, credit: StoreCreditAccount) -> bool:
        """Tell whether the list shows *credit*."""
        account, at = credit.account, credit.account.instant(self.now)
        return (
            self.status in {None, credit.status}
            and self.currency in {None, account.currency}
            and self.customer_id in {None, credit.customer_id}
            and (self.balance is None or self.balance.holds(account, account.posted))
            and self.is_empty in {None, account.posted == 0}
            and (self.expiring_before is None or account.has_value_ending(at, self.expiring_before))
            and (self.opened_since is None or account.opened_at >= self.opened_since)
            and (self.opened_until is None or account.opened_at < self.opened_until)
            and (self.text is None or self.text.finds((credit.id, credit.customer_id)))
        )

    def sums(self, credit: StoreCreditAccount) -> CurrencySums:
        """Return what *credit* adds to the sums of the list."""
        account = credit.account
        return CurrencySums(
            currency=account.currency,
            exponent=account.exponent,
            count=1,
            posted=account.posted,
            available=credit.available(account.instant(self.now)),
        )
