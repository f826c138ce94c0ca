"""Reserve stored value for an order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import HoldPlaced
from loyalty.identifiers import HoldId
from loyalty.ledger.hold import Hold, HoldStatus, HoldTender, Reservation
from loyalty.policies.hold_time import LONGEST_HOLD, SHORTEST_HOLD
from loyalty.ports.changes import Changes, HoldChange
from loyalty.ports.storage import Found, UnitOfWork
from loyalty.tenders.asked import PaymentRequest
from loyalty.tenders.hold_view import HoldView
from loyalty.tenders.planning import Planned, plan_request, wanted_for
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.holding import changed_accounts, lapse_at, require_hold_time

__all__ = ["PlaceHold", "resolved_for_another"]


@attrs.frozen(kw_only=True)
class PlaceHold(PaymentRequest, Command[HoldView]):
    """
    Reserve as much of *amount_due* as the named cards and the customer's credit hold.

    What each tender holds is exactly what ``PlanPayment`` answers for the same
    request. Either all tenders are usable, or nothing is reserved; a tender
    that is merely empty reserves nothing. An order has one hold: the same order
    again replaces its own, never another's, and may use what that one reserved.

    Nobody has to let go: the hold lapses after *lapses_after* (one second to
    366 days; by default 15 minutes, a policy) by itself. A lot that expires
    meanwhile stays spendable for this hold.

    Raises:
        loyalty.errors.InvalidRequest: If no tender is named, or a bound or line is in another currency.
        loyalty.errors.MalformedCode: If a code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If a card does not exist.
        loyalty.errors.ClaimedByAnother: If another customer claimed a card.
        loyalty.errors.NotSpendable: If a card is pending, blocked, deactivated or
            expired, or the store credit account is blocked or closed.
        loyalty.errors.CurrencyMismatch: If a card is in another currency than *amount_due*.
        loyalty.errors.NotEligible: If the shop's rules let a tender pay for nothing of the order.
        loyalty.errors.TooManyHolds: If 100 orders hold value on one of the accounts.

    Guarantees:
        Available is posted less what unlapsed holds reserve, always
        (``tests/properties/test_holds_reserve_what_they_say.py``).
    """

    result_type: ClassVar[type] = HoldView

    order_id: str = attrs.field(validator=fields.is_text)
    lapses_after: timedelta | None = attrs.field(
        default=None, validator=fields.is_optional_duration(SHORTEST_HOLD, LONGEST_HOLD)
    )

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[HoldView]:
        """Decide the hold on all locked tenders."""
        found = uow.lock(wanted_for(self, context, self.order_id))
        replaced = found.holds[0] if found.holds else None
        planned = plan_request(self, context, uow, found, order_id=self.order_id, replaced=replaced)
        planned.examined.require_all()
        return self._outcome(context, found, planned, self._hold(context, planned), replaced)

    def _hold(self, context: Context, planned: Planned) -> Hold:
        after = self.lapses_after or context.policies.hold_time(self.amount_due)
        return Hold(
            id=HoldId(context.new_id()),
            order_id=self.order_id,
            customer_id=self.customer_id,
            currency=self.currency,
            exponent=self.exponent,
            amount_due=self.due,
            tenders=tuple(
                HoldTender(
                    account_id=part.tender.account.id,
                    at_most=part.tender.at_most,
                    priority=part.tender.priority,
                    amount=part.amount,
                )
                for part in planned.parts
            ),
            has_lines=bool(self.lines),
            placed_at=planned.at,
            lapses_at=lapse_at(planned.at, require_hold_time(after)),
        )

    def _outcome(
        self, context: Context, found: Found, planned: Planned, hold: Hold, replaced: Hold | None
    ) -> Outcome[HoldView]:
        reserve = {
            part.tender.account.id: Reservation(hold_id=hold.id, lapses_at=hold.lapses_at, moves=part.moves)
            for part in planned.parts
            if part.moves
        }
        view = HoldView.of(hold, found, planned.at, replaced_id=None if replaced is None else replaced.id)
        timed = () if self.lapses_after else (context.policies.decided("hold_time"),)
        return Outcome(
            result=view,
            event=HoldPlaced(
                hold_id=hold.id,
                order_id=self.order_id,
                amount=view.amount,
                remaining_due=view.remaining_due,
                lapses_at=hold.lapses_at,
                replaced_id=view.replaced_id,
            ),
            changes=Changes(
                accounts=changed_accounts(found.accounts(), planned.at, let_go=replaced, reserve=reserve),
                holds=resolved_for_another(replaced, planned.at),
                new_holds=(hold,),
            ),
            decisions=planned.decisions + timed,
        )


def resolved_for_another(hold: Hold | None, at: datetime) -> tuple[HoldChange, ...]:
    """Return the end of an order's earlier hold: it is voided for the sake of the new one, if it had not lapsed."""
    if hold is None:
        return ()
    move = "lapse" if hold.status_at(at) is HoldStatus.LAPSED else "void"
    return (HoldChange(hold, hold.resolve(move, at)),)
