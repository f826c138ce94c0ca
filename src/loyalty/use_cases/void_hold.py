"""Let go of what was reserved for an order."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import HoldVoided
from loyalty.ports.changes import Changes, HoldChange
from loyalty.ports.storage import UnitOfWork
from loyalty.tenders.hold_view import HoldView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.holding import changed_accounts, open_hold, wanted_hold

__all__ = ["VoidHold"]


@attrs.frozen(kw_only=True)
class VoidHold(Command[HoldView]):
    """
    Free everything that a hold reserves. No value moves.

    A hold that was captured is refunded, never voided. Give *order_id* to be
    sure whose hold it is.

    Raises:
        loyalty.errors.HoldNotFound: If there is no such hold, or it is another order's.
        loyalty.errors.HoldClosed: If it was captured or voided, or has lapsed.
    """

    result_type: ClassVar[type] = HoldView

    hold_id: str = attrs.field(validator=fields.is_text)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[HoldView]:
        """Decide the end of the hold on all its locked accounts."""
        found = uow.lock(wanted_hold(self.hold_id))
        at = found.instant(context.now)
        hold = open_hold(found, self.order_id, at)
        voided = hold.resolve("void", at)
        return Outcome(
            result=HoldView.of(voided, found, at),
            event=HoldVoided(hold_id=hold.id, order_id=hold.order_id, released=hold.money(hold.amount)),
            changes=Changes(
                accounts=changed_accounts(found.accounts(), at, let_go=hold, reserve={}),
                holds=(HoldChange(hold, voided),),
            ),
        )
