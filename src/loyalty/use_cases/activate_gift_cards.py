"""Give the cards of an order their value, once it is paid."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import GiftCardsActivated
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.gift_cards.term import Term
from loyalty.gift_cards.view import GiftCardView
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.loading import LoadedCard, load, sold_in

__all__ = ["ActivateGiftCards", "Activation"]


@attrs.frozen(kw_only=True)
class Activation:
    """All cards that were sold in an order, by line and unit; ``activated`` is how many of them this call activated."""

    order_id: str
    gift_cards: tuple[GiftCardView, ...]
    activated: int


@attrs.frozen(kw_only=True)
class ActivateGiftCards(Command[Activation]):
    """
    Activate the pending cards of an order that is paid now.

    Each is loaded with its face value: what was paid for it comes from sales, the
    rest is a promotion of the shop. Its term begins. Cards that are active
    already, or whose sale was reversed, stay as they are, so repeating it is
    harmless. *active_from* (aware, UTC) puts off the day from which the value can be
    spent, to see off buyers with stolen cards; one in the past does not.

    Raises:
        loyalty.errors.OrderNotFound: If no card was issued for the order yet; trying
            again later can help.
    """

    result_type: ClassVar[type] = Activation

    order_id: str = attrs.field(validator=fields.is_text)
    active_from: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Activation]:
        """Decide the loads on the locked cards."""
        sale = uow.lock_sale(self.order_id)
        sale.require_known()
        cards = sold_in(uow.lock(Wanted(bought_in=(self.order_id,))))
        pending = [card for card in cards.values() if card.status is GiftCardStatus.PENDING]
        terms = _terms(uow, pending)
        loaded = tuple(load(self, context, card, terms[str(card.product_id)], self.active_from) for card in pending)
        return self._outcome(context, sale, tuple(cards.values()), loaded)

    def _outcome(
        self, context: Context, sale: GiftCardSale, cards: tuple[GiftCard, ...], loaded: tuple[LoadedCard, ...]
    ) -> Outcome[Activation]:
        after = {one.after.id: one.after for one in loaded}
        paid = sale.paid(context.now)
        return Outcome(
            result=Activation(
                order_id=self.order_id,
                gift_cards=tuple(
                    GiftCardView.of(after.get(card.id, card), card.account.instant(context.now)) for card in cards
                ),
                activated=len(loaded),
            ),
            event=GiftCardsActivated(order_id=self.order_id, gift_card_ids=tuple(one.after.id for one in loaded)),
            changes=Changes(
                gift_cards=tuple(one.after for one in loaded),
                accounts=tuple(AccountChange(one.before.account, one.after.account) for one in loaded),
                sales=(paid,) if loaded or paid is not sale else (),
                transfers=tuple(transfer for one in loaded for transfer in one.transfers),
            ),
            decisions=tuple(dict.fromkeys(decision for one in loaded for decision in one.decisions)),
        )


def _terms(uow: UnitOfWork, cards: list[GiftCard]) -> dict[str, Term | None]:
    """Return the terms of the cards' products; a product's term never changes."""
    ids = tuple(dict.fromkeys(str(card.product_id) for card in cards))
    return {product.id: product.term for product in uow.products(ids, variants=())}
