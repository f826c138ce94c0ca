"""
Lots: value with one origin and one expiry.

A balance is made of lots. Value that is converted, refunded or moved keeps its
lot's origin, expiry and tax treatment; only the lot's id and account change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from loyalty.errors import CorruptLedger
from loyalty.identifiers import LotId

__all__ = ["Lot", "LotMove", "LotOrigin", "SpendingOrder", "TaxTreatment", "draw"]


class LotOrigin(StrEnum):
    """Why the value exists."""

    PURCHASED = "purchased"
    PROMOTIONAL = "promotional"
    REFUND = "refund"
    GOODWILL = "goodwill"
    MIGRATION = "migration"


class TaxTreatment(StrEnum):
    """
    When the value is taxed.

    Source:
        Directive (EU) 2016/1065: a single-purpose voucher is taxed when it is
        issued, a multi-purpose voucher when it is redeemed.
    """

    SINGLE_PURPOSE = "single_purpose"
    MULTI_PURPOSE = "multi_purpose"


@attrs.frozen(kw_only=True)
class LotMove:
    """
    How much one transfer took from a lot, or gave to it. Positive, in minor units.

    ``source_lot_id`` stands where the transfer opened the lot to carry on another.
    """

    lot_id: LotId
    amount: int
    origin: LotOrigin
    source_lot_id: LotId | None = None


@attrs.frozen(kw_only=True)
class Lot:
    """
    Value with one origin and one expiry. Amounts are minor units.

    ``amount`` is what the lot was opened with and its ceiling for ever:
    0 ≤ ``held`` ≤ ``remaining`` ≤ ``amount``. Value is spendable from
    ``not_before`` (included) until ``expires_at`` (not included).
    """

    id: LotId
    origin: LotOrigin
    amount: int
    remaining: int
    held: int = 0
    opened_at: datetime
    expires_at: datetime | None = None
    not_before: datetime | None = None
    priority: int = 0
    tax_treatment: TaxTreatment = TaxTreatment.MULTI_PURPOSE
    source_lot_id: LotId | None = None

    @property
    def free(self) -> int:
        """What no hold has reserved, expired or not."""
        return self.remaining - self.held

    def is_expired(self, at: datetime) -> bool:
        """Tell whether the lot's value has ended at *at*; the instant itself is too late."""
        return self.expires_at is not None and at >= self.expires_at

    def lives(self, at: datetime) -> bool:
        """Tell whether there is value in the lot, held or not, that has not ended at *at*."""
        return self.remaining > 0 and not self.is_expired(at)

    def spendable(self, at: datetime) -> int:
        """Return what may be spent at *at*, in minor units."""
        if self.is_expired(at) or (self.not_before is not None and at < self.not_before):
            return 0
        return self.remaining - self.held

    def opening(self) -> LotMove:
        """Return the move that fills this new lot."""
        return LotMove(lot_id=self.id, amount=self.amount, origin=self.origin, source_lot_id=self.source_lot_id)

    def take(self, amount: int) -> Lot:
        """Return the lot with *amount* less in it."""
        return self._with(self.remaining - amount, self.held)

    def give_back(self, amount: int) -> Lot:
        """Return the lot with *amount* back in it; never above what it was opened with."""
        return self._with(self.remaining + amount, self.held)

    def hold(self, amount: int) -> Lot:
        """Return the lot with *amount* more of it reserved."""
        return self._with(self.remaining, self.held + amount)

    def release(self, amount: int) -> Lot:
        """Return the lot with *amount* less of it reserved."""
        return self._with(self.remaining, self.held - amount)

    def ending(self, expires_at: datetime | None) -> Lot:
        """Return the lot with another end of its term; the value in it stays as it is."""
        return attrs.evolve(self, expires_at=expires_at)

    def _with(self, remaining: int, held: int) -> Lot:
        if not 0 <= held <= remaining <= self.amount:
            raise CorruptLedger(f"lot {self.id} would hold {held} of {remaining} of {self.amount}")
        return Lot(
            id=self.id,
            origin=self.origin,
            amount=self.amount,
            remaining=remaining,
            held=held,
            opened_at=self.opened_at,
            expires_at=self.expires_at,
            not_before=self.not_before,
            priority=self.priority,
            tax_treatment=self.tax_treatment,
            source_lot_id=self.source_lot_id,
        )


SpendingOrder = Callable[[Lot], Any]
"""A sort key over lots: the lot with the smallest key is spent first."""


def draw(lots: Iterable[Lot], amount: int, at: datetime, order: SpendingOrder) -> tuple[LotMove, ...]:
    """
    Choose what to take from which lot.

    Args:
        lots:
            Of one or of several accounts.
        amount:
            At most this much, in minor units.
        at:
            Lots that are not spendable at this instant are passed over.
        order:
            Which lot is spent first.

    Returns:
        One move per lot drawn, in spending order. They sum to *amount*, or to
        everything spendable when that is less.
    """
    spendable = [(lot, free) for lot in lots if (free := lot.spendable(at)) > 0]
    if len(spendable) > 1:
        spendable.sort(key=lambda pair: order(pair[0]))
    moves = []
    for lot, free in spendable:
        if amount <= 0:
            break
        taken = min(free, amount)
        moves.append(LotMove(lot_id=lot.id, amount=taken, origin=lot.origin))
        amount -= taken
    return tuple(moves)
