"""What the commands on holds share: finding one, and changing the accounts that it lies on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from loyalty.errors import CorruptLedger, HoldClosed, HoldNotFound, InvalidTime
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId, HoldId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus, Reservation
from loyalty.ledger.lot import LotMove
from loyalty.policies.hold_time import LONGEST_HOLD, SHORTEST_HOLD
from loyalty.ports.changes import AccountChange
from loyalty.ports.storage import Found, Wanted
from loyalty.store_credit.account import StoreCreditAccount

__all__ = [
    "changed_accounts",
    "lapse_at",
    "open_hold",
    "owners_of",
    "require_hold_time",
    "reserved_moves",
    "wanted_hold",
]


def wanted_hold(hold_id: str) -> Wanted:
    """Return what to load for a hold: itself and every account that it may reserve on."""
    return Wanted(hold_ids=(HoldId(hold_id),))


def lapse_at(at: datetime, after: timedelta) -> datetime:
    """
    Return when a hold lapses.

    Raises:
        loyalty.errors.InvalidTime: If the calendar ends before.
    """
    try:
        return at + after
    except OverflowError:
        raise InvalidTime("a hold would lapse after the end of the calendar") from None


def require_hold_time(after: object) -> timedelta:
    """
    Return what a shop's policy answered, if a hold may last so long.

    Raises:
        loyalty.errors.InvalidTime: If it is no duration from one second to 366 days.
    """
    if isinstance(after, timedelta) and SHORTEST_HOLD <= after <= LONGEST_HOLD:
        return after
    raise InvalidTime(f"the hold_time policy must answer with a timedelta from {SHORTEST_HOLD} to {LONGEST_HOLD}")


def open_hold(found: Found, order_id: str | None, at: datetime) -> Hold:
    """
    Return the one hold that was found, if it can still be resolved.

    A hold that was let go on any of its accounts has lapsed, whatever a clock
    that went back says now.

    Raises:
        loyalty.errors.HoldNotFound: If there is none, or *order_id* is given and it is another order's.
        loyalty.errors.HoldClosed: If it was captured or voided, or has lapsed.
    """
    if not found.holds or order_id not in {None, found.holds[0].order_id}:
        raise HoldNotFound
    (hold,) = found.holds
    hold.require_open(at)
    accounts = {account.id: account for account in found.accounts()}
    for tender in hold.tenders:
        if tender.amount and accounts[tender.account_id].reservation(hold.id) is None:
            raise HoldClosed("the hold has lapsed", status=HoldStatus.LAPSED.value)
    return hold


def owners_of(found: Found) -> dict[AccountId, GiftCard | StoreCreditAccount]:
    """Return whose each account is."""
    owners: list[GiftCard | StoreCreditAccount] = [*found.gift_cards, *found.store_credit_accounts]
    return {owner.account.id: owner for owner in owners}


def reserved_moves(account: Account, hold: Hold) -> tuple[LotMove, ...]:
    """Return what a hold reserves on an account, lot by lot."""
    reservation = account.reservation(hold.id)
    return () if reservation is None else reservation.moves


def changed_accounts(
    accounts: Iterable[Account], at: datetime, *, let_go: Hold | None, reserve: dict[AccountId, Reservation]
) -> tuple[AccountChange, ...]:
    """Let go of one hold on all *accounts* and reserve for another; return what that changes."""
    changes = []
    for before in accounts:
        after = before
        if let_go is not None and before.reservation(let_go.id) is not None:
            after = after.release(let_go.id, at)
        if before.id in reserve:
            after = after.hold(reserve[before.id], at)
        if after is not before:
            changes.append(AccountChange(before, after))
    if missing := reserve.keys() - {account.id for account in accounts}:
        raise CorruptLedger(f"account {min(missing)} is not there to be held")
    return tuple(changes)
