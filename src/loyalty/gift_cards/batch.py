"""Batches: many alike cards that are issued together, and whose codes are handed out once."""

from __future__ import annotations

from datetime import datetime

import attrs
from moneyed import Money

from loyalty.codes.format import CodeFormat
from loyalty.identifiers import BatchId
from loyalty.money import to_money

__all__ = ["GiftCardBatch", "GiftCardBatchView"]


@attrs.frozen(kw_only=True)
class GiftCardBatch:
    """
    The record of a batch. Its cards are numbered from 1 and issued in that order.

    0 ≤ ``revealed`` ≤ ``issued`` ≤ ``count``: so many cards exist, and of so many
    the codes were handed out. ``value`` is the face value of each card in minor
    units. ``code_key_id`` and ``code_format`` say how all the codes are derived,
    whatever keys and formats the shop changes to meanwhile; they are no secret.
    ``version`` counts the changes of this record, from 1.
    """

    id: BatchId
    name: str | None
    count: int
    issued: int
    revealed: int = 0
    value: int
    currency: str
    exponent: int
    expires_at: datetime | None
    code_key_id: str
    code_format: CodeFormat
    opened_at: datetime
    version: int = 1

    @property
    def is_issued(self) -> bool:
        """Whether all of its cards exist."""
        return self.issued == self.count

    def issuing(self, cards: int) -> GiftCardBatch:
        """Return the batch with so many more cards issued."""
        return attrs.evolve(self, issued=self.issued + cards, version=self.version + 1)

    def revealing(self, cards: int) -> GiftCardBatch:
        """Return the batch with the codes of so many more cards handed out."""
        return attrs.evolve(self, revealed=self.revealed + cards, version=self.version + 1)


@attrs.frozen(kw_only=True)
class GiftCardBatchView:
    """
    A batch as a host sees it.

    Of ``count`` cards with ``value`` each, ``issued`` exist, and of ``revealed``
    of them the codes were handed out. ``opened_at`` and ``expires_at`` are aware, UTC.
    """

    id: BatchId
    name: str | None
    count: int
    issued: int
    revealed: int
    value: Money
    expires_at: datetime | None
    opened_at: datetime

    @classmethod
    def of(cls, batch: GiftCardBatch) -> GiftCardBatchView:
        """Return *batch* without what only the library needs."""
        return cls(
            id=batch.id,
            name=batch.name,
            count=batch.count,
            issued=batch.issued,
            revealed=batch.revealed,
            value=to_money(batch.value, batch.currency, batch.exponent),
            expires_at=batch.expires_at,
            opened_at=batch.opened_at,
        )
