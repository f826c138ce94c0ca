"""
Holds: value that is reserved for one order.

Two rules. Everything about the moves of a hold lives in this file: the table
says which are legal, and the rest only looks them up. And nobody has to let go
of a hold: it lapses at its time by itself, whether or not anything runs then.

::

    open ── capture ──> captured      all of it or less; the rest is free again
      │ ├── void ─────> voided        the order let go of it, or replaced it
      │ └── lapse ────> lapsed        its time came

A hold is resolved once. What is stored as open and past its time counts as
lapsed; the sweep that writes it down is bookkeeping.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import attrs
from moneyed import Money

from loyalty.errors import HoldClosed
from loyalty.identifiers import AccountId, HoldId
from loyalty.ledger.lot import LotMove
from loyalty.money import to_money

__all__ = ["LEGAL_MOVES", "Hold", "HoldStatus", "HoldTender", "Reservation", "reserved_at"]


class HoldStatus(StrEnum):
    """Where a hold stands."""

    OPEN = "open"
    CAPTURED = "captured"
    VOIDED = "voided"
    LAPSED = "lapsed"


LEGAL_MOVES: dict[HoldStatus, dict[str, HoldStatus]] = {
    HoldStatus.OPEN: {
        "capture": HoldStatus.CAPTURED,
        "void": HoldStatus.VOIDED,
        "lapse": HoldStatus.LAPSED,
    },
    HoldStatus.CAPTURED: {},
    HoldStatus.VOIDED: {},
    HoldStatus.LAPSED: {},
}
"""Every legal move of a hold, by its name. The diagram in the docs is drawn from this table."""


@attrs.frozen(kw_only=True)
class Reservation:
    """The part of a hold that lies on one account: what of which lot is reserved, and until when."""

    hold_id: HoldId
    lapses_at: datetime
    moves: tuple[LotMove, ...]

    @property
    def amount(self) -> int:
        """What is reserved, in minor units."""
        return sum([move.amount for move in self.moves])

    def has_lapsed(self, at: datetime) -> bool:
        """Tell whether the reservation has ended at *at*; the instant itself is too late."""
        return at >= self.lapses_at


def reserved_at(reservations: Iterable[Reservation], at: datetime, *, without: HoldId | None = None) -> int:
    """Return what is reserved at *at*, in minor units: what has lapsed by then is not, nor what *without* reserves."""
    return sum([one.amount for one in reservations if one.hold_id != without and not one.has_lapsed(at)])


@attrs.frozen(kw_only=True)
class HoldTender:
    """
    One account that a hold may reserve on. Amounts are minor units.

    ``amount`` is what is reserved there, also zero. ``at_most`` and ``priority``
    are what the caller asked for; an adjustment keeps to them.
    """

    account_id: AccountId
    at_most: int | None = None
    priority: int = 0
    amount: int = 0


@attrs.frozen(kw_only=True)
class Hold:
    """
    A reservation for one order over all its tenders. Amounts are minor units.

    ``amount_due`` is what the order wanted, the sum of the tenders' amounts what
    it got. 0 ≤ ``captured`` ≤ that sum. The lots stand with the accounts.
    ``has_lines`` says whether the order's lines were looked at; then they must
    be looked at again when the order changes.
    """

    id: HoldId
    order_id: str
    customer_id: str | None
    currency: str
    exponent: int
    amount_due: int
    tenders: tuple[HoldTender, ...]
    has_lines: bool = False
    captured: int = 0
    status: HoldStatus = HoldStatus.OPEN
    version: int = 0
    placed_at: datetime
    lapses_at: datetime
    resolved_at: datetime | None = None

    @property
    def amount(self) -> int:
        """What is reserved on all tenders together, or was."""
        return sum([tender.amount for tender in self.tenders])

    def money(self, minor: int) -> Money:
        """Return *minor* units as money of this hold."""
        return to_money(minor, self.currency, self.exponent)

    def status_at(self, at: datetime) -> HoldStatus:
        """Return where the hold stands at *at*: past its time an open one has lapsed."""
        has_lapsed = self.status is HoldStatus.OPEN and at >= self.lapses_at
        return HoldStatus.LAPSED if has_lapsed else self.status

    def require_open(self, at: datetime) -> None:
        """
        Check that the hold can still be resolved or adjusted.

        Raises:
            loyalty.errors.HoldClosed: If it was captured or voided, or has lapsed.
        """
        status = self.status_at(at)
        if not LEGAL_MOVES[status]:
            raise HoldClosed(f"the hold is {status}", status=status.value)

    def resolve(self, move: str, at: datetime, *, captured: int = 0) -> Hold:
        """
        Make one of the legal moves.

        Raises:
            loyalty.errors.HoldClosed: If the hold is resolved already.
        """
        status = LEGAL_MOVES[self.status].get(move)
        if status is None:
            raise HoldClosed(f"a {self.status} hold cannot {move}", status=self.status.value)
        return attrs.evolve(self, status=status, captured=captured, resolved_at=at, version=self.version + 1)

    def adjusted(
        self, tenders: tuple[HoldTender, ...], *, amount_due: int, lapses_at: datetime, has_lines: bool
    ) -> Hold:
        """Return the open hold with another amount due, other parts and another end."""
        return attrs.evolve(
            self,
            tenders=tenders,
            amount_due=amount_due,
            lapses_at=lapses_at,
            has_lines=has_lines,
            version=self.version + 1,
        )
