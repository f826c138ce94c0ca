"""What became of a batch."""

from __future__ import annotations

import attrs

from loyalty import fields
from loyalty.errors import GiftCardBatchNotFound
from loyalty.gift_cards.batch import GiftCardBatchView
from loyalty.identifiers import BatchId
from loyalty.ports.storage import Reader
from loyalty.reports.query import Query, QueryContext

__all__ = ["GetGiftCardBatch"]


@attrs.frozen(kw_only=True)
class GetGiftCardBatch(Query[GiftCardBatchView]):
    """
    Return a batch by its *id*: how many cards are issued, and of how many the codes were handed out.

    Raises:
        loyalty.errors.GiftCardBatchNotFound: If there is no such batch.
    """

    id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> GiftCardBatchView:  # noqa: ARG002  # no time in it
        """Answer from the books."""
        batch = reader.batch(BatchId(self.id))
        if batch is None:
            raise GiftCardBatchNotFound
        return GiftCardBatchView.of(batch)
