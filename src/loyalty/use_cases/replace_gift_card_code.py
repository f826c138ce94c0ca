"""Give a gift card another code."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import NotSpendable
from loyalty.events import GiftCardCodeReplaced
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import changed_card, the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.new_card import IssuedGiftCard, with_code_again, with_next_code

__all__ = ["ReplaceGiftCardCode"]


@attrs.frozen(kw_only=True)
class ReplaceGiftCardCode(Command[IssuedGiftCard]):
    """
    Give a card a new code, for a code that was lost, seen by others, or sent to the wrong person.

    The old code is dead from then on, also where it was chosen or imported.
    Balance, history, claim, holds and status stay; a blocked card has its new
    code and stays blocked. Calling again with the same key shows the same new
    code again, as long as the shop has the secret it was made under.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is deactivated.

    Guarantees:
        Whatever pays by the old code is committed before the replacement, or
        refused (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = IssuedGiftCard

    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[IssuedGiftCard]:
        """Decide the new code of the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, self.gift_card_id)), self.code)
        if card.status is GiftCardStatus.DEACTIVATED:
            raise NotSpendable("a deactivated gift card gets no new code", reason=card.status.value)
        recoded, issued = with_next_code(context, card, card.account.instant(context.now))
        return Outcome(
            result=issued,
            event=GiftCardCodeReplaced(
                gift_card_id=card.id, version=issued.code_version, actor=self.actor, reason=self.reason
            ),
            changes=changed_card(card, recoded),
        )

    def replayed(self, result: IssuedGiftCard, context: Context) -> IssuedGiftCard:
        """Add the new code again."""
        return with_code_again(context, result)
