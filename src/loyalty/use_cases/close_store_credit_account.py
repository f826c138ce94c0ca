"""Stop a store credit account for good."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from loyalty.events import Event, StoreCreditAccountClosed
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus
from loyalty.use_cases.change_credit_status import ChangeCreditStatus

__all__ = ["CloseStoreCreditAccount"]


@attrs.frozen(kw_only=True)
class CloseStoreCreditAccount(ChangeCreditStatus):
    """
    Close an account for good, once nothing is left on it.

    The account is named by *account_id*, or by *customer_id* and *currency*.
    Its history stays; the customer cannot have another one in this currency, and
    no value can come to it any more. Expired value is on it until
    ``ExpireValue`` has posted it. Closing a closed account changes nothing.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.AccountNotEmpty: If anything is posted on it, held for an
            order or not; it says how much of each.

    Guarantees:
        No value is ever on a closed account, also not if it is closed while
        value comes to it (``tests/storages/test_races.py``).
    """

    status: ClassVar[StoreCreditStatus] = StoreCreditStatus.CLOSED

    def require_movable(self, credit: StoreCreditAccount, at: datetime) -> None:
        """Check that the account is empty."""
        credit.require_empty(at)

    def event(self, credit: StoreCreditAccount) -> Event:
        """Return what to tell the outside."""
        return StoreCreditAccountClosed(account_id=credit.id, customer_id=credit.customer_id, reason=self.reason)
