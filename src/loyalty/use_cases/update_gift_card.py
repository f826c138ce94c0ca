"""Change what staff note about a gift card."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import ChangedMeanwhile
from loyalty.events import GiftCardUpdated
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import Metadata
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import changed_card, the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["UpdateGiftCard"]


@attrs.frozen(kw_only=True)
class UpdateGiftCard(Command[GiftCardView]):
    """
    Set the free facts of a card: note, tags and metadata. Nothing else of a card is free.

    All three are given, as they are to be from now on; None takes a note or
    metadata away. *edition* is that of the card they were decided on, so two
    people who edit the same card at once cannot overwrite each other. Every
    change has the next edition, also one that says the same again. A card may
    be updated whatever its status.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.ChangedMeanwhile: If the card has another edition by now.

    Guarantees:
        Of many who update one edition at once, one wins (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = GiftCardView

    gift_card_id: str = attrs.field(validator=fields.is_text)
    edition: int = attrs.field(validator=fields.is_whole_number(1, 2**31 - 1))
    note: str | None = attrs.field(validator=fields.is_note)
    tags: tuple[str, ...] = attrs.field(converter=fields.to_texts)
    metadata: Metadata | None = attrs.field(converter=fields.to_metadata)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardView]:
        """Decide the change on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, None, self.gift_card_id)), None)
        if card.edition != self.edition:
            raise ChangedMeanwhile(given=self.edition, current=card.edition)
        updated = attrs.evolve(card, note=self.note, tags=self.tags, metadata=self.metadata, edition=card.edition + 1)
        return Outcome(
            result=GiftCardView.of(updated, card.account.instant(context.now)),
            event=GiftCardUpdated(gift_card_id=card.id, edition=updated.edition, actor=self.actor),
            changes=changed_card(card, updated),
        )
