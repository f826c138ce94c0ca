"""Post value that has expired."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.events import ValueExpired
from loyalty.money import totals
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Context, Outcome, Sweep
from loyalty.use_cases.expiring import expire

__all__ = ["ExpireValue", "Expired"]


@attrs.frozen(kw_only=True)
class Expired:
    """What a sweep posted: one amount per currency. ``is_done`` is false if there may be more."""

    amounts: tuple[Money, ...]
    accounts: int
    is_done: bool


@attrs.frozen(kw_only=True)
class ExpireValue(Sweep[Expired]):
    """
    Move value that has expired to breakage, for at most *limit* accounts.

    Bookkeeping, never the guard: expired value cannot be spent even if no sweep
    ever runs. Safe to run anywhere, any number of times. Value that is held for
    an order stays until the hold is resolved; run ``LapseHolds`` first, so that
    value whose hold has lapsed is found.
    """

    result_type: ClassVar[type] = Expired

    limit: int = attrs.field(default=200, validator=fields.is_whole_number(1, 1000))

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Expired]:
        """Decide what to post on the locked accounts."""
        due = uow.accounts_with_expired_value(context.now, self.limit)
        accounts = uow.lock(Wanted(account_ids=due)).accounts() if due else ()
        posted = [
            (AccountChange(account, expired[0]), expired[1])
            for account in accounts
            if (expired := expire(self, context, account, account.instant(context.now))) is not None
        ]
        transfers = tuple(transfer for _, transfer in posted)
        amounts = totals((transfer.currency, transfer.exponent, transfer.amount) for transfer in transfers)
        event = ValueExpired(transfer_ids=tuple(transfer.id for transfer in transfers), amounts=amounts)
        return Outcome(
            result=Expired(amounts=amounts, accounts=len(posted), is_done=len(due) < self.limit),
            event=event if posted else None,
            changes=Changes(accounts=tuple(change for change, _ in posted), transfers=transfers),
        )
