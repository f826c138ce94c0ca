"""Stop a gift card for now."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import Event, GiftCardBlocked
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.identifiers import GiftCardId
from loyalty.use_cases.change_status import ChangeStatus

__all__ = ["BlockGiftCard"]


@attrs.frozen(kw_only=True)
class BlockGiftCard(ChangeStatus):
    """
    Stop a card, reversibly: nothing can be spent from it; refunds still reach it.

    Blocking a blocked card changes nothing.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is deactivated, which is final, or pending.
    """

    status: ClassVar[GiftCardStatus] = GiftCardStatus.BLOCKED
    leaves: ClassVar[frozenset[GiftCardStatus]] = frozenset({GiftCardStatus.ACTIVE})

    def event(self, gift_card_id: GiftCardId) -> Event:
        """Return what to tell the outside."""
        return GiftCardBlocked(gift_card_id=gift_card_id, reason=self.reason)
