"""What of a card is to be paid out in money, if its bearer asks."""

from __future__ import annotations

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import GiftCardNotFound
from loyalty.gift_cards.remainder import paid_moves, remainder_of
from loyalty.identifiers import GiftCardId
from loyalty.policies.cash_out import CashOutRule, us_cash_out
from loyalty.ports.storage import Reader, Wanted
from loyalty.reports.query import Query, QueryContext

__all__ = ["CashOutDue", "DueCashOut"]


@attrs.frozen(kw_only=True)
class DueCashOut:
    """
    What is due in money for a card, if its bearer asks now.

    ``paid`` is the value that was paid for and has not ended, ``amount`` what of it
    could be paid out now: zero unless ``rule``, by the shop's policy, makes it
    due. ``known_law`` is the rule of ``us_cash_out`` that does, whether or not
    the shop follows it; None does not mean that there is no law.
    """

    amount: Money
    paid: Money
    jurisdiction: str | None
    rule: CashOutRule | None
    known_law: CashOutRule | None


@attrs.frozen(kw_only=True)
class CashOutDue(Query[DueCashOut]):
    """
    Return what ``CashOutGiftCard`` would pay out, for staff, if nobody stopped the card.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
    """

    gift_card_id: str = attrs.field(validator=fields.is_text)
    jurisdiction: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def answer(self, reader: Reader, context: QueryContext) -> DueCashOut:
        """Answer from the books."""
        found = reader.find(Wanted(gift_card_ids=(GiftCardId(self.gift_card_id),))).gift_cards
        if not found:
            raise GiftCardNotFound
        (card,) = found
        at = card.account.instant(context.now)
        remainder, free = remainder_of(card, self.jurisdiction, at), sum([one.amount for one in paid_moves(card, at)])
        rule = context.policies.cash_out(remainder) if free else None
        return DueCashOut(
            amount=card.account.money(0 if rule is None else free),
            paid=card.account.money(remainder.paid),
            jurisdiction=remainder.jurisdiction,
            rule=rule,
            known_law=us_cash_out(remainder) if free else None,
        )
