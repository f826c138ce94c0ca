"""
Accounts: what is owed to one bearer or customer, in one currency, for ever.

An account is a value. Each operation returns the next state and leaves this
one as it was, so every past state can be kept and compared. The stored sums
are caches: they equal the sums of the lots and of the transfers after every
commit, and ``Audit`` re-adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import attrs
from moneyed import Money

from loyalty.errors import CorruptLedger, CurrencyMismatch, InsufficientBalance, InvalidAmount
from loyalty.identifiers import AccountId, LotId
from loyalty.ledger.lot import Lot, LotMove, SpendingOrder, draw
from loyalty.ledger.transfer import Side
from loyalty.money import exponent_of, to_money

__all__ = ["LARGEST_BALANCE", "Account"]

LARGEST_BALANCE = 10**18
"""The largest balance, in minor units: far within 64 bits on every database."""


@attrs.frozen(kw_only=True)
class Account:
    """
    One balance. Amounts are minor units of ``currency``.

    ``lots`` holds at least every lot with value in it. ``sequence`` is the
    number of the last transfer; ``recorded_at`` its time, which never goes
    back. ``exponent`` is the number of decimals when the account was opened.
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

    def available(self, at: datetime) -> int:
        """Return what may be spent at *at*: posted, less held, expired and not yet begun."""
        return sum([lot.spendable(at) for lot in self.lots])

    def expired(self, at: datetime) -> int:
        """Return what has expired at *at*, is not held, and is not yet posted as expired."""
        return sum([lot.free for lot in self.lots if lot.is_expired(at)])

    def money(self, minor: int) -> Money:
        """Return *minor* units as money of this account."""
        return to_money(minor, self.currency, self.exponent)

    def instant(self, now: datetime) -> datetime:
        """Return the time to decide by: *now*, or the last transfer's time if the clock went back."""
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
        moves = draw(self.lots, amount, at, order)
        if sum([move.amount for move in moves]) != amount:
            raise InsufficientBalance(requested=self.money(amount), available=self.money(self.available(at)))
        return moves

    def debit(self, moves: tuple[LotMove, ...], at: datetime) -> tuple[Account, Side]:
        """Take what *moves* say out of their lots; return the account after it and its side of the transfer."""
        lots = self._lots_after(moves, Lot.take)
        return self._moved(-sum([move.amount for move in moves]), moves, lots, at)

    def credit(self, lots: Iterable[Lot], at: datetime) -> tuple[Account, Side]:
        """Add new *lots*; return the account after it and its side of the transfer."""
        new = tuple(lots)
        moves = tuple([lot.opening() for lot in new])
        return self._moved(sum([lot.remaining for lot in new]), moves, self.lots + new, at)

    def give_back(self, moves: tuple[LotMove, ...], new_lots: tuple[Lot, ...], at: datetime) -> tuple[Account, Side]:
        """Give *moves* back to the lots they came from and open *new_lots* for what cannot go back."""
        lots = self._lots_after(moves, Lot.give_back)
        both = moves + tuple([lot.opening() for lot in new_lots])
        return self._moved(sum([move.amount for move in both]), both, lots + new_lots, at)

    def hold(self, moves: tuple[LotMove, ...]) -> Account:
        """Reserve what *moves* say in their lots. No value moves."""
        held = self.held + sum([move.amount for move in moves])
        return attrs.evolve(self, held=held, lots=self._lots_after(moves, Lot.hold), version=self.version + 1)

    def release(self, moves: tuple[LotMove, ...]) -> Account:
        """Let go of what :meth:`hold` reserved."""
        held = self.held - sum([move.amount for move in moves])
        return attrs.evolve(self, held=held, lots=self._lots_after(moves, Lot.release), version=self.version + 1)

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

    def _lots_after(self, moves: tuple[LotMove, ...], change: Callable[[Lot, int], Lot]) -> tuple[Lot, ...]:
        """
        Return the lots with each of *moves* made, in their order.

        Raises:
            loyalty.errors.CorruptLedger: If a move names a lot twice, or one
                that is not here: it would change the sum and no lot.
        """
        amounts = {move.lot_id: move.amount for move in moves}
        lots = tuple([change(lot, amounts.pop(lot.id)) if lot.id in amounts else lot for lot in self.lots])
        if amounts or len({move.lot_id for move in moves}) != len(moves):
            raise CorruptLedger(f"account {self.id} lacks a lot that value moves in, or moves it twice")
        return lots

    def _moved(
        self, change: int, moves: tuple[LotMove, ...], lots: tuple[Lot, ...], at: datetime
    ) -> tuple[Account, Side]:
        posted = self.posted + change
        if posted > LARGEST_BALANCE:
            raise InvalidAmount("the balance would become too large")
        if not 0 <= self.held <= posted:
            raise CorruptLedger(f"account {self.id} would hold {self.held} of {posted}")
        after = Account(
            id=self.id,
            currency=self.currency,
            exponent=self.exponent,
            posted=posted,
            held=self.held,
            sequence=self.sequence + 1,
            version=self.version + 1,
            opened_at=self.opened_at,
            recorded_at=max(at, self.recorded_at),
            lots=lots,
        )
        return after, Side(account_id=self.id, sequence=after.sequence, balance_after=posted, lots=moves)
