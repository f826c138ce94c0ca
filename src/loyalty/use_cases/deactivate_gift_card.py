"""Stop a gift card for good."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import Event, GiftCardDeactivated
from loyalty.gift_cards.card import LEGAL_MOVES, GiftCardStatus
from loyalty.identifiers import GiftCardId
from loyalty.use_cases.change_status import ChangeStatus

__all__ = ["DeactivateGiftCard"]


@attrs.frozen(kw_only=True)
class DeactivateGiftCard(ChangeStatus):
    """
    Stop a card for good: nothing is ever spent from it again, and no command brings it back.

    No value moves. What is on the card stays owed, and a refund still reaches
    it, until staff lower it by ``AdjustValue``, pay it out by
    ``CashOutGiftCard``, or it expires. What an order holds of it cannot be
    captured any more; the hold ends by ``VoidHold`` or by its time. To give
    the bearer another code, use ``ReplaceGiftCardCode`` instead; to stop a card
    for now, ``BlockGiftCard``. Deactivating a deactivated card changes nothing.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
    """

    status: ClassVar[GiftCardStatus] = GiftCardStatus.DEACTIVATED
    leaves: ClassVar[frozenset[GiftCardStatus]] = frozenset(
        {status for status, moves in LEGAL_MOVES.items() if GiftCardStatus.DEACTIVATED in moves}
    )

    def event(self, gift_card_id: GiftCardId) -> Event:
        """Return what to tell the outside."""
        return GiftCardDeactivated(gift_card_id=gift_card_id, reason=self.reason)
