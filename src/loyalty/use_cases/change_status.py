"""What the commands that stop a card, for now or for good, and let it go again share."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import NotSpendable
from loyalty.events import Event
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import GiftCardId
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import changed_card, the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["ChangeStatus"]


@attrs.frozen(kw_only=True)
class ChangeStatus(Command[GiftCardView]):
    """Move a card from some statuses (``leaves``) to another. Subclasses name them, and the event."""

    result_type: ClassVar[type] = GiftCardView
    status: ClassVar[GiftCardStatus]
    leaves: ClassVar[frozenset[GiftCardStatus]]

    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardView]:
        """Decide the move on the locked card."""
        found = uow.lock(wanted_card(context, self.code, self.gift_card_id))
        card = the_card(context, found, self.code)
        if card.status not in {self.status, *self.leaves}:
            raise NotSpendable(f"the gift card is {card.status}", reason=card.status.value)
        moved = card.move_to(self.status)
        return Outcome(
            result=GiftCardView.of(moved, card.account.instant(context.now)),
            event=self.event(card.id),
            changes=changed_card(card, moved) if moved is not card else Changes(),
            also_about=(card.account.id,),
        )

    def event(self, gift_card_id: GiftCardId) -> Event:
        """Return what to tell the outside."""
        raise NotImplementedError
