"""Change what is reserved for an order, or for how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import CurrencyMismatch, InvalidRequest, Refused
from loyalty.events import HoldAdjusted
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldTender, Reservation
from loyalty.ledger.lot import LotMove
from loyalty.money import exponent_of, minor_units
from loyalty.policies.decision import Decision
from loyalty.policies.eligibility import OrderLine
from loyalty.policies.hold_time import LONGEST_HOLD, SHORTEST_HOLD
from loyalty.ports.changes import AccountChange, Changes, HoldChange
from loyalty.ports.storage import Found, UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.tenders.asked import to_lines
from loyalty.tenders.bounds import Bounds, bounds_of, limits_said
from loyalty.tenders.hold_view import HoldView
from loyalty.tenders.plan import Source, plan_payment
from loyalty.tenders.planning import eligibility_said
from loyalty.tenders.usable import lines_of
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.holding import lapse_at, open_hold, owners_of, reserved_moves, wanted_hold

__all__ = ["AdjustHold"]


@attrs.frozen(kw_only=True)
class AdjustHold(Command[HoldView]):
    """
    Make a hold fit an order that has changed: another *amount_due*, or more time.

    The hold keeps its id, its tenders and their bounds. For another amount or
    other *lines* it is planned anew: what it reserves already stays usable for
    it, expired or not, and more is taken from tenders that may still be spent;
    one that was blocked or has expired meanwhile merely gives no more. The
    *lines* are those of the changed order; a hold that was placed with lines
    needs them again, for nothing else tells the shop's rules what is bought.

    *lapses_after* counts from now; without it the hold lapses when it would
    have. On its own it changes nothing that is reserved.

    Raises:
        loyalty.errors.InvalidRequest: If nothing is to be changed.
        loyalty.errors.HoldNotFound: If there is no such hold, or it is another order's.
        loyalty.errors.HoldClosed: If it was captured or voided, or has lapsed.
        loyalty.errors.CurrencyMismatch: If *amount_due* or a line is in another currency.
        loyalty.errors.InvalidRequest: If the amount of a hold that was placed with
            lines is to be changed without any.
        loyalty.errors.TooManyHolds: If it would reserve on one more account, on
            which 100 orders hold value.
    """

    result_type: ClassVar[type] = HoldView

    hold_id: str = attrs.field(validator=fields.is_text)
    amount_due: Money | None = attrs.field(default=None, validator=fields.is_optional_amount)
    lapses_after: timedelta | None = attrs.field(
        default=None, validator=fields.is_optional_duration(SHORTEST_HOLD, LONGEST_HOLD)
    )
    lines: tuple[OrderLine, ...] = attrs.field(default=(), converter=to_lines)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that something is to be changed."""
        if self.amount_due is None and self.lapses_after is None and not self.lines:
            raise InvalidRequest("give a new amount due, a new time, or the lines of the changed order")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[HoldView]:
        """Decide the new parts on all locked accounts of the hold."""
        found = uow.lock(wanted_hold(self.hold_id))
        at = found.instant(context.now)
        hold = open_hold(found, self.order_id, at)
        for money in [*filter(None, [self.amount_due]), *(line.amount for line in self.lines)]:
            if (money.currency.code, exponent_of(money.currency)) != (hold.currency, hold.exponent):
                raise CurrencyMismatch(expected=hold.currency, actual=money.currency.code)
        if hold.has_lines and self.amount_due is not None and not self.lines:
            raise InvalidRequest("the hold was placed with lines; say those of the changed order")
        moves, decisions = self._planned(context, uow, found, hold, at)
        adjusted = hold.adjusted(
            tuple(
                attrs.evolve(tender, amount=sum([move.amount for move in moves[tender.account_id]]))
                for tender in hold.tenders
            ),
            amount_due=self._due(hold),
            lapses_at=hold.lapses_at if self.lapses_after is None else lapse_at(at, self.lapses_after),
            has_lines=hold.has_lines or bool(self.lines),
        )
        view = HoldView.of(adjusted, found, at)
        return Outcome(
            result=view,
            event=HoldAdjusted(
                hold_id=hold.id,
                order_id=hold.order_id,
                amount=view.amount,
                remaining_due=view.remaining_due,
                lapses_at=view.lapses_at,
            ),
            changes=Changes(accounts=tuple(_changes(found, adjusted, moves, at)), holds=(HoldChange(hold, adjusted),)),
            decisions=decisions,
        )

    def _due(self, hold: Hold) -> int:
        return hold.amount_due if self.amount_due is None else minor_units(self.amount_due)

    def _planned(
        self, context: Context, uow: UnitOfWork, found: Found, hold: Hold, at: datetime
    ) -> tuple[dict[AccountId, tuple[LotMove, ...]], tuple[Decision, ...]]:
        """Return what each tender is to reserve from now on, and who decided; for a new time alone, what it does."""
        owners, ids = owners_of(found), [tender.account_id for tender in hold.tenders]
        if self.amount_due is None and not self.lines:
            return {id_: reserved_moves(owners[id_].account, hold) for id_ in ids}, ()
        bounds = bounds_of(context, uow, hold, order_id=hold.order_id, replaced=hold)
        lines = {id_: lines_of(self.lines, owners[id_], context.policies.eligibility) for id_ in ids}
        decisions = (
            context.policies.decided("spending_order"),
            *eligibility_said(context, lines, self.lines),
            *limits_said(context, bounds),
        )
        sources = [
            attrs.evolve(_source(owners[tender.account_id], tender, hold, bounds, at), lines=lines[tender.account_id])
            for tender in hold.tenders
        ]
        return dict(zip(ids, self._moves(context, hold, sources, bounds, at), strict=True)), decisions

    def _moves(
        self, context: Context, hold: Hold, sources: Sequence[Source], bounds: Bounds, at: datetime
    ) -> tuple[tuple[LotMove, ...], ...]:
        """Return what each tender is to reserve for the changed order."""
        return plan_payment(
            self._due(hold) if bounds.for_order is None else min(self._due(hold), bounds.for_order),
            sources,
            at,
            context.policies.spending_order,
            lines=[minor_units(line.amount) for line in self.lines],
            own_at_most=bounds.for_own,
        )


def _source(
    owner: GiftCard | StoreCreditAccount, tender: HoldTender, hold: Hold, bounds: Bounds, at: datetime
) -> Source:
    return Source(
        account=owner.account.release(hold.id, at),
        at_most=bounds.at_most(owner, tender.at_most),
        priority=tender.priority,
        reserved=reserved_moves(owner.account, hold),
        is_usable=_may_give_more(owner, hold, at),
        is_own=owner.customer_id is not None,
    )


def _may_give_more(owner: GiftCard | StoreCreditAccount, hold: Hold, at: datetime) -> bool:
    try:
        if isinstance(owner, GiftCard):
            owner.require_spendable(hold.customer_id, at)
        else:
            owner.require_open()
    except Refused:
        return False
    return True


def _changes(
    found: Found, hold: Hold, moves: dict[AccountId, tuple[LotMove, ...]], at: datetime
) -> list[AccountChange]:
    changes = []
    for before in found.accounts():
        known, wanted = before.reservation(hold.id), moves[before.id]
        is_kept = known is not None and known.lapses_at == hold.lapses_at and _amounts(known.moves) == _amounts(wanted)
        if is_kept or (known is None and not wanted):
            continue
        after: Account = before.release(hold.id, at)
        if wanted:
            after = after.hold(Reservation(hold_id=hold.id, lapses_at=hold.lapses_at, moves=wanted), at)
        changes.append(AccountChange(before, after))
    return changes


def _amounts(moves: tuple[LotMove, ...]) -> dict[LotId, int]:
    return {move.lot_id: move.amount for move in moves}
