"""Show the full code of a gift card again."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import CodeNotKnown
from loyalty.events import GiftCardCodeRevealed
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.derived_code import shown_again
from loyalty.use_cases.new_card import IssuedGiftCard, with_code_again

__all__ = ["RevealGiftCardCode"]


@attrs.frozen(kw_only=True)
class RevealGiftCardCode(Command[IssuedGiftCard]):
    """
    Show the full code of a card to *actor*, and record that.

    A generated code is derived again from the card's id; nobody keeps it. One
    that was chosen or imported is known to whoever has it and to nobody else;
    ``ReplaceGiftCardCode`` gives such a card a code that can be shown. The same
    key shows the same code again, also after it was replaced.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.CodeNotKnown: If the code was chosen or imported, or the key or
            the format that it was made under is not among the shop's any more.

    Guarantees:
        No code is shown without a record of who saw it
        (``tests/use_cases/test_reveal_gift_card_code.py``).
    """

    result_type: ClassVar[type] = IssuedGiftCard

    gift_card_id: str = attrs.field(validator=fields.is_text)
    actor: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[IssuedGiftCard]:
        """Derive the code and check it against what is stored of it."""
        card = the_card(context, uow.find(wanted_card(context, None, self.gift_card_id)), None)
        issued = shown_again(context, card)
        if not issued.code:
            raise CodeNotKnown
        event = GiftCardCodeRevealed(
            gift_card_id=card.id, version=card.code_version, actor=self.actor, reason=self.reason
        )
        return Outcome(result=issued, event=event, changes=Changes(), also_about=(card.account.id,))

    def replayed(self, result: IssuedGiftCard, context: Context) -> IssuedGiftCard:
        """Add the code again."""
        return with_code_again(context, result)
