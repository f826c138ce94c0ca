"""Give a gift card to somebody else."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import GiftRecipientChanged
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.ports.changes import Changes, GiftChange
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import changed_card, the_card, touched_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.gift_access import GiftSending, require_sendable
from loyalty.use_cases.new_card import with_next_code

__all__ = ["ChangeGiftRecipient"]


@attrs.frozen(kw_only=True)
class ChangeGiftRecipient(Command[GiftSending]):
    """
    Send a card to another recipient, or to one at all, at the time that the new one says.

    Where it was already on its way to somebody, that person may have the code,
    so the card gets a new one in the same moment and the earlier is dead, unless
    *keep_code* says that this is not wanted: for a new message to the same person.
    An earlier sending that is still being tried is dropped.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is blocked or deactivated.
    """

    result_type: ClassVar[type] = GiftSending

    gift_card_id: str = attrs.field(validator=fields.is_text)
    recipient: Recipient = attrs.field(validator=fields.is_instance(Recipient))
    keep_code: bool = attrs.field(default=False, validator=fields.is_flag)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftSending]:
        """Decide on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, None, self.gift_card_id)), None)
        require_sendable(card)
        before = next(iter(uow.gifts((card.id,))), None)
        if before is None:
            gift = Gift.to(self.recipient, card.id, context.now)
            changes = attrs.evolve(touched_card(card), new_gifts=(gift,))
            return self._outcome(card, gift, changes, is_code_replaced=False)
        gift = before.given_to(self.recipient, context.now)
        is_code_replaced = before.sending > 0 and not self.keep_code
        changes = _recoded(context, card) if is_code_replaced else touched_card(card)
        changes = attrs.evolve(changes, gifts=(GiftChange(before, gift),))
        return self._outcome(card, gift, changes, is_code_replaced=is_code_replaced)

    def _outcome(self, card: GiftCard, gift: Gift, changes: Changes, *, is_code_replaced: bool) -> Outcome[GiftSending]:
        return Outcome(
            result=GiftSending.of(gift),
            event=GiftRecipientChanged(
                gift_card_id=card.id, send_at=gift.send_at, is_earlier_mail_void=is_code_replaced
            ),
            changes=changes,
        )


def _recoded(context: Context, card: GiftCard) -> Changes:
    """Return the change of the card's code to its next one; only the mail will show it."""
    recoded, _ = with_next_code(context, card, card.account.instant(context.now))
    return changed_card(card, recoded)
