"""Send a gift card to its recipient once more."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import GiftCardSendingDue
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.gift_access import GiftSending, changed_gift, the_gift

__all__ = ["ResendGiftCard"]


@attrs.frozen(kw_only=True)
class ResendGiftCard(Command[GiftSending]):
    """
    Send a card to its recipient now: once more, or instead of at its time.

    An earlier sending that is still being tried is dropped, so the recipient
    does not get two mails for it. Where the mail went to a wrong person,
    ``ChangeGiftRecipient`` gives the card another code first.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is pending, blocked or deactivated.
        loyalty.errors.GiftNotFound: If it has no recipient, or he was erased.
    """

    result_type: ClassVar[type] = GiftSending

    gift_card_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftSending]:
        """Decide the sending on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, None, self.gift_card_id)), None)
        card.require_active()
        gift = the_gift(uow, card)
        started = gift.started()
        return Outcome(
            result=GiftSending.of(started),
            event=GiftCardSendingDue(gift_card_id=card.id, sending=started.sending),
            changes=changed_gift(card, gift, started),
        )
