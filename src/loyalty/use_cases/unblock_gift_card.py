"""Let a blocked gift card be spent again."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import Event, GiftCardUnblocked
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.identifiers import GiftCardId
from loyalty.use_cases.change_status import ChangeStatus

__all__ = ["UnblockGiftCard"]


@attrs.frozen(kw_only=True)
class UnblockGiftCard(ChangeStatus):
    """
    Lift a block. Unblocking an active card changes nothing.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is deactivated, which is final, or
            pending: a card that waits for its payment is not unblocked.
    """

    status: ClassVar[GiftCardStatus] = GiftCardStatus.ACTIVE
    leaves: ClassVar[frozenset[GiftCardStatus]] = frozenset({GiftCardStatus.BLOCKED})

    def event(self, gift_card_id: GiftCardId) -> Event:
        """Return what to tell the outside."""
        return GiftCardUnblocked(gift_card_id=gift_card_id, reason=self.reason)
