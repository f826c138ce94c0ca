"""Let a blocked store credit account be spent again."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import Event, StoreCreditAccountUnblocked
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus
from loyalty.use_cases.change_credit_status import ChangeCreditStatus

__all__ = ["UnblockStoreCreditAccount"]


@attrs.frozen(kw_only=True)
class UnblockStoreCreditAccount(ChangeCreditStatus):
    """
    Lift the block of an account.

    The account is named by *account_id*, or by *customer_id* and *currency*.
    Unblocking an open account changes nothing.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.NotSpendable: If it is closed, which is final.
    """

    status: ClassVar[StoreCreditStatus] = StoreCreditStatus.OPEN

    def event(self, credit: StoreCreditAccount) -> Event:
        """Return what to tell the outside."""
        return StoreCreditAccountUnblocked(account_id=credit.id, customer_id=credit.customer_id, reason=self.reason)
