"""Hand over gifts whose time has come."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty.events import GiftCardSendingDue
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Context, Outcome, Sweep
from loyalty.use_cases.gift_access import GiftSending, changed_gift

__all__ = ["GiftsStarted", "StartDueGifts"]


@attrs.frozen(kw_only=True)
class GiftsStarted:
    """What a sweep handed over: ``sending`` is None and ``is_done`` true if nothing was due."""

    sending: GiftSending | None
    is_done: bool


@attrs.frozen(kw_only=True)
class StartDueGifts(Sweep[GiftsStarted]):
    """
    Hand the soonest due gift of an active card to the outbox, as the event ``GiftCardSendingDue``.

    One card at a time, so that each is retried, and given up, by itself. Safe to
    run anywhere, any number of times: a gift is handed over once. The card of a
    gift that is not active, because it is not paid for yet or was stopped, waits.
    """

    result_type: ClassVar[type] = GiftsStarted

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftsStarted]:
        """Decide on the locked card whether its gift is still to be sent."""
        due = uow.due_gifts(context.now, 1)
        if not due:
            return Outcome(result=GiftsStarted(sending=None, is_done=True), event=None, changes=Changes())
        (card,) = uow.lock(Wanted(gift_card_ids=(due[0].gift_card_id,))).gift_cards
        (gift,) = uow.gifts((card.id,))
        if card.status is not GiftCardStatus.ACTIVE or not gift.is_due(context.now):
            return Outcome(result=GiftsStarted(sending=None, is_done=False), event=None, changes=Changes())
        started = gift.started()
        return Outcome(
            result=GiftsStarted(sending=GiftSending.of(started), is_done=False),
            event=GiftCardSendingDue(gift_card_id=card.id, sending=started.sending),
            changes=changed_gift(card, gift, started),
        )
