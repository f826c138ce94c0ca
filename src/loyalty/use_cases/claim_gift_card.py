"""Bind a gift card to one customer."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.events import GiftCardClaimed
from loyalty.gift_cards.view import GiftCardView
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import changed_card, the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["ClaimGiftCard"]


@attrs.frozen(kw_only=True)
class ClaimGiftCard(Command[GiftCardView]):
    """
    Bind a bearer card to a customer, who alone may then spend it, without the code.

    Moves no value. Happens once; the same customer again is answered again and
    changes nothing.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.AlreadyClaimed: If another customer claimed it.
        loyalty.errors.NotSpendable: If it is pending, blocked, deactivated or expired.
    """

    result_type: ClassVar[type] = GiftCardView

    code: GiftCardCode = attrs.field(converter=fields.to_code)
    customer_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardView]:
        """Decide the claim on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, None)), self.code)
        at = card.account.instant(context.now)
        claimed = card.claim(self.customer_id, at)
        return Outcome(
            result=GiftCardView.of(claimed, at),
            event=GiftCardClaimed(gift_card_id=card.id, customer_id=self.customer_id, first_time=claimed is not card),
            changes=changed_card(card, claimed) if claimed is not card else Changes(),
            also_about=(card.account.id,),
        )
