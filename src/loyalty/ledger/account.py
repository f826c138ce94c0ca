"""
Accounts: what is owed to one bearer or customer, in one currency, for ever.

An account is a value. Each operation returns the next state and leaves this
one as it was, so every past state can be kept and compared. The stored sums
are caches: they equal the sums of the lots and of the transfers after every
commit, and ``Audit`` re-adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import attrs
from moneyed import Money

from loyalty.errors import CorruptLedger, CurrencyMismatch, InsufficientBalance, InvalidAmount, TooManyHolds
from loyalty.identifiers import AccountId, HoldId, LotId
from loyalty.ledger.hold import Reservation
from loyalty.ledger.lot import Lot, LotMove, SpendingOrder, draw
from loyalty.ledger.transfer import Side
from loyalty.money import exponent_of, to_money

__all__ = ["LARGEST_BALANCE", "MOST_RESERVATIONS", "Account"]

LARGEST_BALANCE = 10**18
"""The largest balance, in minor units: far within 64 bits on every database."""

MOST_RESERVATIONS = 100
"""How many orders may hold value on one account at once; they travel with the account's row."""


@attrs.frozen(kw_only=True)
class Account:
    """
    One balance. Amounts are minor units of ``currency``.

    ``lots`` holds at least every lot with value in it, ``reservations`` what
    orders hold of them. ``sequence`` is the number of the last transfer;
    ``recorded_at`` the time of that or of the last change of what is held,
    which never goes back. ``exponent`` is the number of decimals when the
    account was opened.

    A reservation lapses by itself: every answer about a time, and every next
    state, leaves out what has lapsed by then, though it may still be stored.
    """

    id: AccountId
    currency: str
    exponent: int
    posted: int = 0
    held: int = 0
    sequence: int = 0
    version: int = 0
    opened_at: datetime
    recorded_at: datetime
    lots: tuple[Lot, ...] = ()
    reservations: tuple[Reservation, ...] = ()

    def standing(self, at: datetime) -> Account:
        """Return the account as it stands at *at*: what has lapsed is let go."""
        account = self
        for reservation in self.reservations:
            if reservation.has_lapsed(at):
                account = _without(account, reservation)
        return account

    def available(self, at: datetime) -> int:
        """Return what may be spent at *at*: posted, less held, expired and not yet begun."""
        return sum([lot.spendable(at) for lot in self.standing(at).lots])

    def expired(self, at: datetime) -> int:
        """Return what has expired at *at*, is not held, and is not yet posted as expired."""
        return sum([lot.free for lot in self.standing(at).lots if lot.is_expired(at)])

    def next_end(self, at: datetime) -> datetime | None:
        """Return when the first value, held or not, that has not ended at *at* ends; None if none ever does."""
        ends = [lot.expires_at for lot in self.lots if lot.remaining > 0 and lot.expires_at is not None]
        return min([end for end in ends if end > at], default=None)

    def has_value_ending(self, at: datetime, before: datetime) -> bool:
        """Tell whether there is value, held or not, that has not ended at *at* and ends before *before*."""
        end = self.next_end(at)
        return end is not None and end < before

    def money(self, minor: int) -> Money:
        """Return *minor* units as money of this account."""
        return to_money(minor, self.currency, self.exponent)

    def instant(self, now: datetime) -> datetime:
        """Return the time to decide by: *now*, or that of the last change if the clock went back."""
        return max(now, self.recorded_at)

    def require_currency(self, money: Money) -> None:
        """
        Check that *money* is of this account's currency, with the same decimals.

        Raises:
            loyalty.errors.CurrencyMismatch: If it is not. Also when the
                currency's number of decimals changed since the account was
                opened: stored money is never re-scaled.
        """
        if money.currency.code != self.currency or exponent_of(money.currency) != self.exponent:
            raise CurrencyMismatch(
                f"the account is in {self.currency} with {self.exponent} decimals",
                expected=self.currency,
                actual=money.currency.code,
            )

    def draw(self, amount: int, at: datetime, order: SpendingOrder) -> tuple[LotMove, ...]:
        """
        Choose which lots pay *amount* at *at*, all of it.

        Raises:
            loyalty.errors.InsufficientBalance: If less is available.
        """
        moves = draw(self.standing(at).lots, amount, at, order)
        if sum([move.amount for move in moves]) != amount:
            raise InsufficientBalance(requested=self.money(amount), available=self.money(self.available(at)))
        return moves

    def debit(self, moves: tuple[LotMove, ...], at: datetime) -> tuple[Account, Side]:
        """Take what *moves* say out of their lots; return the account after it and its side of the transfer."""
        return _taken(self.standing(at), moves, at)

    def credit(self, lots: Iterable[Lot], at: datetime) -> tuple[Account, Side]:
        """Add new *lots*; return the account after it and its side of the transfer."""
        account, new = self.standing(at), tuple(lots)
        moves = tuple([lot.opening() for lot in new])
        return _moved(account, sum([lot.remaining for lot in new]), moves, account.lots + new, at)

    def give_back(self, moves: tuple[LotMove, ...], new_lots: tuple[Lot, ...], at: datetime) -> tuple[Account, Side]:
        """Give *moves* back to the lots they came from and open *new_lots* for what cannot go back."""
        account = self.standing(at)
        lots = _lots_after(account, moves, Lot.give_back)
        both = moves + tuple([lot.opening() for lot in new_lots])
        return _moved(account, sum([move.amount for move in both]), both, lots + new_lots, at)

    def ending(self, ends: Mapping[LotId, datetime | None], at: datetime) -> Account:
        """Give some lots another end of their term. No value moves, and what is held stays held."""
        account = self.standing(at)
        return attrs.evolve(
            account,
            lots=tuple([lot.ending(ends[lot.id]) if lot.id in ends else lot for lot in account.lots]),
            version=self.version + 1,
            recorded_at=max(at, self.recorded_at),
        )

    def reservation(self, hold_id: HoldId) -> Reservation | None:
        """Return what a hold reserves here, lapsed or not; None if it was let go or never was."""
        return next((one for one in self.reservations if one.hold_id == hold_id), None)

    def hold(self, reservation: Reservation, at: datetime) -> Account:
        """
        Reserve value. No value moves.

        Raises:
            loyalty.errors.TooManyHolds: If the account has all the holds it can have.
        """
        account = self.standing(at)
        if len(account.reservations) >= MOST_RESERVATIONS:
            raise TooManyHolds(f"{MOST_RESERVATIONS} orders hold value on the account")
        return attrs.evolve(
            account,
            held=account.held + reservation.amount,
            lots=_lots_after(account, reservation.moves, Lot.hold),
            reservations=(*account.reservations, reservation),
            version=self.version + 1,
            recorded_at=max(at, self.recorded_at),
        )

    def release(self, hold_id: HoldId, at: datetime) -> Account:
        """Let go of what a hold reserves, if it still does."""
        return attrs.evolve(
            self._released(hold_id, at), version=self.version + 1, recorded_at=max(at, self.recorded_at)
        )

    def capture(self, hold_id: HoldId, moves: tuple[LotMove, ...], at: datetime) -> tuple[Account, Side]:
        """Take *moves* of what a hold reserves, expired or not, and let go of the rest."""
        return _taken(self._released(hold_id, at), moves, at)

    def _released(self, hold_id: HoldId, at: datetime) -> Account:
        reservation = self.reservation(hold_id)
        return (self if reservation is None else _without(self, reservation)).standing(at)

    def touched(self) -> Account:
        """Return the account with the next version and nothing else changed."""
        return attrs.evolve(self, version=self.version + 1)

    def lot(self, lot_id: LotId) -> Lot:
        """
        Return one lot of this account.

        Raises:
            loyalty.errors.CorruptLedger: If the account has no such lot.
        """
        for lot in self.lots:
            if lot.id == lot_id:
                return lot
        raise CorruptLedger(f"account {self.id} lacks lot {lot_id}")


def _without(account: Account, reservation: Reservation) -> Account:
    """Return the account without this reservation, and its value free again."""
    return attrs.evolve(
        account,
        held=account.held - reservation.amount,
        lots=_lots_after(account, reservation.moves, Lot.release),
        reservations=tuple([one for one in account.reservations if one is not reservation]),
    )


def _taken(account: Account, moves: tuple[LotMove, ...], at: datetime) -> tuple[Account, Side]:
    return _moved(account, -sum([move.amount for move in moves]), moves, _lots_after(account, moves, Lot.take), at)


def _lots_after(account: Account, moves: tuple[LotMove, ...], change: Callable[[Lot, int], Lot]) -> tuple[Lot, ...]:
    """
    Return the lots with each of *moves* made, in their order.

    Raises:
        loyalty.errors.CorruptLedger: If a move names a lot twice, or one
            that is not here: it would change the sum and no lot.
    """
    amounts = {move.lot_id: move.amount for move in moves}
    lots = tuple([change(lot, amounts.pop(lot.id)) if lot.id in amounts else lot for lot in account.lots])
    if amounts or len({move.lot_id for move in moves}) != len(moves):
        raise CorruptLedger(f"account {account.id} lacks a lot that value moves in, or moves it twice")
    return lots


def _moved(
    account: Account, change: int, moves: tuple[LotMove, ...], lots: tuple[Lot, ...], at: datetime
) -> tuple[Account, Side]:
    posted = account.posted + change
    if posted > LARGEST_BALANCE:
        raise InvalidAmount("the balance would become too large")
    if not 0 <= account.held <= posted:
        raise CorruptLedger(f"account {account.id} would hold {account.held} of {posted}")
    after = Account(
        id=account.id,
        currency=account.currency,
        exponent=account.exponent,
        posted=posted,
        held=account.held,
        sequence=account.sequence + 1,
        version=account.version + 1,
        opened_at=account.opened_at,
        recorded_at=max(at, account.recorded_at),
        lots=lots,
        reservations=account.reservations,
    )
    return after, Side(account_id=account.id, sequence=after.sequence, balance_after=posted, lots=moves)
