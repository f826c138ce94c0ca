"""Stop a store credit account for now."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import Event, StoreCreditAccountBlocked
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus
from loyalty.use_cases.change_credit_status import ChangeCreditStatus

__all__ = ["BlockStoreCreditAccount"]


@attrs.frozen(kw_only=True)
class BlockStoreCreditAccount(ChangeCreditStatus):
    """
    Stop an account, reversibly: nothing can be spent from it; grants and refunds still reach it.

    The account is named by *account_id*, or by *customer_id* and *currency*.
    What orders hold stays held and cannot be captured meanwhile. Blocking a
    blocked account changes nothing.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.NotSpendable: If it is closed, which is final.
    """

    status: ClassVar[StoreCreditStatus] = StoreCreditStatus.BLOCKED

    def event(self, credit: StoreCreditAccount) -> Event:
        """Return what to tell the outside."""
        return StoreCreditAccountBlocked(account_id=credit.id, customer_id=credit.customer_id, reason=self.reason)
