"""Write down which holds have lapsed."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.events import HoldsLapsed
from loyalty.identifiers import AccountId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus
from loyalty.money import totals
from loyalty.ports.changes import AccountChange, Changes, HoldChange
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Context, Outcome, Sweep

__all__ = ["LapseHolds", "Lapsed"]


@attrs.frozen(kw_only=True)
class Lapsed:
    """What a sweep wrote down: one amount per currency. ``is_done`` is false if there may be more."""

    amounts: tuple[Money, ...]
    holds: int
    is_done: bool


@attrs.frozen(kw_only=True)
class LapseHolds(Sweep[Lapsed]):
    """
    Mark at most *limit* holds as lapsed whose time has come, and clear what they reserved.

    Bookkeeping, never the guard: a hold that has lapsed reserves nothing and
    cannot be captured even if no sweep ever runs. Safe to run anywhere, any
    number of times.
    """

    result_type: ClassVar[type] = Lapsed

    limit: int = attrs.field(default=200, validator=fields.is_whole_number(1, 1000))

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Lapsed]:
        """Decide what to clear on the locked accounts."""
        due = uow.lapsed_holds(context.now, self.limit)
        if not due:
            return Outcome(result=Lapsed(amounts=(), holds=0, is_done=True), event=None, changes=Changes())
        found = uow.lock(Wanted(hold_ids=tuple(hold.id for hold in due)))
        lapsed = [hold for hold in found.holds if _is_due(hold, context)]
        accounts = {account.id: account for account in found.accounts()}
        amounts = totals((hold.currency, hold.exponent, hold.amount) for hold in lapsed)
        return Outcome(
            result=Lapsed(amounts=amounts, holds=len(lapsed), is_done=len(due) < self.limit),
            event=HoldsLapsed(hold_ids=tuple(hold.id for hold in lapsed), amounts=amounts) if lapsed else None,
            changes=Changes(
                accounts=_cleared(lapsed, accounts, context),
                holds=tuple(HoldChange(hold, hold.resolve("lapse", context.now)) for hold in lapsed),
            ),
        )


def _is_due(hold: Hold, context: Context) -> bool:
    return hold.status is HoldStatus.OPEN and hold.status_at(context.now) is HoldStatus.LAPSED


def _cleared(lapsed: list[Hold], accounts: dict[AccountId, Account], context: Context) -> tuple[AccountChange, ...]:
    after = dict(accounts)
    for hold in lapsed:
        for tender in hold.tenders:
            account = after[tender.account_id]
            if account.reservation(hold.id) is not None:
                after[tender.account_id] = account.release(hold.id, context.now)
    return tuple(AccountChange(before, after[id_]) for id_, before in accounts.items() if after[id_] is not before)
