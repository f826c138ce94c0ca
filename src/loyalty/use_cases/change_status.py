"""What the commands that stop a card, and let it go again, share."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.events import Event
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import GiftCardId
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty import fields
from loyalty.use_cases.card_access import changed_card, the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["ChangeStatus"]


@attrs.frozen(kw_only=True)
class ChangeStatus(Command[GiftCardView]):
    """Move a card to another status. Subclasses name the status and the event."""

    result_type: ClassVar[type] = GiftCardView
    status: ClassVar[GiftCardStatus]

    gift_card_id: GiftCardId | None = fields.optional_text()
    code: str | GiftCardCode | None = fields.optional_code()

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardView]:
        """Decide the move on the locked card."""
        card = the_card(uow.lock(wanted_card(context, self.code, self.gift_card_id)))
        moved = card.move_to(self.status)
        return Outcome(
            result=GiftCardView.of(moved, card.account.instant(context.now)),
            event=self.event(card.id),
            changes=changed_card(card, moved) if moved is not card else Changes(),
        )

    def event(self, gift_card_id: GiftCardId) -> Event:
        """Return what to tell the outside."""
        raise NotImplementedError
