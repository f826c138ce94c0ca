"""To whom a gift card is sent, and how that stands."""

from __future__ import annotations

from datetime import datetime

import attrs

from loyalty import fields
from loyalty.errors import GiftCardNotFound, GiftNotFound
from loyalty.gift_cards.gift import GiftStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import GiftCardId
from loyalty.ports.storage import Reader, Wanted
from loyalty.reports.query import Query, QueryContext

__all__ = ["GetGift", "GiftView"]


@attrs.frozen(kw_only=True)
class GiftView:
    """
    A card's recipient, for staff and for whoever sends the card.

    ``send_at`` is aware and UTC; ``local_time`` and ``time_zone`` are how it was
    said, where it was said so. ``sending`` counts the times it was started, and
    ``code_version`` the codes that the card has had. An erased recipient has no
    address.
    """

    gift_card: GiftCardView
    code_version: int
    address: str | None
    name: str | None
    message: str | None
    sender: str | None
    send_at: datetime
    local_time: str | None
    time_zone: str | None
    status: GiftStatus
    sending: int


@attrs.frozen(kw_only=True)
class GetGift(Query[GiftView]):
    """
    Return to whom a card is sent.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.GiftNotFound: If nobody said to whom.
    """

    gift_card_id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> GiftView:
        """Answer from the books."""
        card_id = GiftCardId(self.gift_card_id)
        cards, gifts = reader.find(Wanted(gift_card_ids=(card_id,))).gift_cards, reader.gifts((card_id,))
        if not cards:
            raise GiftCardNotFound
        if not gifts:
            raise GiftNotFound
        (card,), (gift,) = cards, gifts
        return GiftView(
            gift_card=GiftCardView.of(card, card.account.instant(context.now)),
            code_version=card.code_version,
            address=gift.address,
            name=gift.name,
            message=gift.message,
            sender=gift.sender,
            send_at=gift.send_at,
            local_time=gift.local_time,
            time_zone=gift.time_zone,
            status=gift.status,
            sending=gift.sending,
        )
