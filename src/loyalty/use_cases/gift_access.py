"""What the commands about the sending of a card share: finding the gift, and what they answer."""

from __future__ import annotations

from datetime import datetime

import attrs

from loyalty.errors import GiftNotFound, NotSpendable
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.gift import Gift, GiftStatus
from loyalty.identifiers import GiftCardId
from loyalty.ports.changes import Changes, GiftChange
from loyalty.ports.storage import Reader
from loyalty.use_cases.card_access import touched_card

__all__ = ["GiftSending", "changed_gift", "require_sendable", "the_gift"]


@attrs.frozen(kw_only=True)
class GiftSending:
    """
    How the sending of a card stands: nothing of it is about a person.

    ``send_at`` is aware and UTC. ``sending`` counts the times it was started.
    """

    gift_card_id: GiftCardId
    send_at: datetime
    status: GiftStatus
    sending: int

    @classmethod
    def of(cls, gift: Gift) -> GiftSending:
        """Return how *gift* stands."""
        return cls(gift_card_id=gift.gift_card_id, send_at=gift.send_at, status=gift.status, sending=gift.sending)


def the_gift(reader: Reader, card: GiftCard) -> Gift:
    """
    Return to whom a card is sent.

    Raises:
        loyalty.errors.GiftNotFound: If nobody said so, or the recipient was erased.
    """
    gifts = reader.gifts((card.id,))
    if not gifts or gifts[0].address is None:
        raise GiftNotFound
    return gifts[0]


def require_sendable(card: GiftCard) -> None:
    """
    Check that a card may still be given to somebody: one that waits to be paid for may, one that was stopped may not.

    Raises:
        loyalty.errors.NotSpendable: If it is blocked or deactivated.
    """
    if card.status in {GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED}:
        raise NotSpendable(f"the gift card is {card.status}", reason=card.status.value)


def changed_gift(card: GiftCard, before: Gift, after: Gift) -> Changes:
    """Return the change of to whom a card is sent, or how that stands; the card's version moves with it."""
    return attrs.evolve(touched_card(card), gifts=(GiftChange(before, after),))
