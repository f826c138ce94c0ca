"""What the commands that stop a store credit account, let it go again, and close it share."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import Event
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus, StoreCreditView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import changed_credit_facts, the_credit, wanted_credit

__all__ = ["ChangeCreditStatus"]


@attrs.frozen(kw_only=True)
class ChangeCreditStatus(Command[StoreCreditView]):
    """Move an account to a status. Subclasses name it, the event, and what else must be true."""

    result_type: ClassVar[type] = StoreCreditView
    status: ClassVar[StoreCreditStatus]

    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    currency: str | None = attrs.field(default=None, converter=fields.to_optional_currency_code)

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once."""
        fields.require_one_of(account_id=self.account_id, customer_id=self.customer_id)
        fields.require_together(customer_id=self.customer_id, currency=self.currency)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[StoreCreditView]:
        """Decide the move on the locked account."""
        credit = the_credit(uow.lock(wanted_credit(self.account_id, self.customer_id, self.currency)))
        at = credit.account.instant(context.now)
        self.require_movable(credit, at)
        moved = credit.move_to(self.status)
        return Outcome(
            result=StoreCreditView.of(moved, at),
            event=self.event(moved),
            changes=Changes() if moved is credit else changed_credit_facts(credit, moved),
        )

    def require_movable(self, credit: StoreCreditAccount, at: datetime) -> None:
        """Check what the move needs besides being legal. By default nothing."""

    def event(self, credit: StoreCreditAccount) -> Event:
        """Return what to tell the outside."""
        raise NotImplementedError
