"""Send a gift card at another time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import AlreadySent, InvalidTime
from loyalty.events import GiftRescheduled
from loyalty.gift_cards.gift import GiftStatus, time_to_send
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.gift_access import GiftSending, changed_gift, require_sendable, the_gift

__all__ = ["RescheduleGift"]


@attrs.frozen(kw_only=True)
class RescheduleGift(Command[GiftSending]):
    """
    Send a card at another time than was said, as long as it has not been sent.

    *send_at* and *time_zone* are as for a ``Recipient``: a local time in the zone,
    or without one a time that is aware and in UTC. A time in the past is now.

    Raises:
        loyalty.errors.InvalidTime: If there is no such zone, or *send_at* is not of the kind said.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is blocked or deactivated.
        loyalty.errors.GiftNotFound: If it has no recipient, or he was erased.
        loyalty.errors.AlreadySent: If its sending was started; ``ResendGiftCard`` sends it again.
    """

    result_type: ClassVar[type] = GiftSending

    gift_card_id: str = attrs.field(validator=fields.is_text)
    send_at: datetime
    time_zone: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Give the time its zone, so that it means one instant wherever it is read."""
        send_at = time_to_send(self.send_at, self.time_zone)
        if send_at is None:
            raise InvalidTime("send_at must be a datetime")
        object.__setattr__(self, "send_at", send_at)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftSending]:
        """Decide the time on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, None, self.gift_card_id)), None)
        require_sendable(card)
        gift = the_gift(uow, card)
        if gift.status is not GiftStatus.WAITING:
            raise AlreadySent
        local = None if self.time_zone is None else self.send_at.replace(tzinfo=None).isoformat()
        moved = gift.due_at(self.send_at.astimezone(UTC), local, self.time_zone)
        return Outcome(
            result=GiftSending.of(moved),
            event=GiftRescheduled(gift_card_id=card.id, send_at=moved.send_at),
            changes=changed_gift(card, gift, moved),
        )
