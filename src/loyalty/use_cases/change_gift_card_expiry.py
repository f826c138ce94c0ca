"""Change when the value on a gift card ends."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidTime, NotSpendable, TermTooShort
from loyalty.events import GiftCardExpiryChanged
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.policies.decision import Decision
from loyalty.policies.expiry import later
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["ChangeGiftCardExpiry"]


@attrs.frozen(kw_only=True)
class ChangeGiftCardExpiry(Command[GiftCardView]):
    """
    Let the card, and all value that lives on it, end at *expires_at*, sooner or later than before.

    For staff, so *actor* and *reason* are required. *expires_at* (aware, UTC) is
    the first instant at which the value is no longer spendable; None is never.
    The shop's expiry policy is asked as if the value had been asked to end then
    when the card was last loaded; an end before its answer is refused. Value
    that has ended stays so: ``ReinstateGiftCard`` brings it back. What orders
    hold stays held. Pending and blocked cards are changed too.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is deactivated, or if its term is over
            and nothing on it lives.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future, or some
            value on the card would not have begun by then.
        loyalty.errors.TermTooShort: If the shop's policy lets value on the card live longer.
    """

    result_type: ClassVar[type] = GiftCardView

    expires_at: datetime | None = attrs.field(converter=fields.to_utc)
    actor: str = attrs.field(validator=fields.is_text)
    reason: str = attrs.field(validator=fields.is_text)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardView]:
        """Decide the new term of the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, self.gift_card_id)), self.code)
        at = card.account.instant(context.now)
        _require_changeable(card, at)
        self._require_possible(card, at)
        decided = self._require_lawful(context, card, at)
        after = card.account.ending({lot.id: self.expires_at for lot in card.account.lots if lot.lives(at)}, at)
        changed = attrs.evolve(card, expires_at=self.expires_at, account=after)
        return Outcome(
            result=GiftCardView.of(changed, at),
            event=GiftCardExpiryChanged(
                gift_card_id=card.id,
                before=card.expires_at,
                after=self.expires_at,
                actor=self.actor,
                reason=self.reason,
            ),
            changes=Changes(gift_cards=(changed,), accounts=(AccountChange(card.account, after),)),
            decisions=(decided,),
        )

    def _require_possible(self, card: GiftCard, at: datetime) -> None:
        """Check that the end lies ahead, and that no value would end before it begins."""
        begins = [lot.not_before for lot in card.account.lots if lot.lives(at) and lot.not_before is not None]
        if self.expires_at is not None and self.expires_at <= max([at, *begins]):
            raise InvalidTime("value must end in the future, and after it begins")

    def _require_lawful(self, context: Context, card: GiftCard, at: datetime) -> Decision:
        """Check that no value on the card would end before the shop's policy allows."""
        origins = {lot.origin for lot in card.account.lots if lot.lives(at)} or {card.origin}
        loaded_at = card.loaded_at or card.issued_at
        for origin in sorted(origins):
            least, decided = context.expiry(origin, self.expires_at, loaded_at)
            if later(least, self.expires_at) != self.expires_at:
                raise TermTooShort(earliest=least)
        return decided


def _require_changeable(card: GiftCard, at: datetime) -> None:
    if card.status is GiftCardStatus.DEACTIVATED:
        raise NotSpendable("a deactivated gift card gets no new term", reason=card.status.value)
    if card.has_ended(at):
        raise NotSpendable("the gift card has expired; reinstate it", reason="expired")
