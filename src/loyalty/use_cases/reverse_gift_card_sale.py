"""Undo a sale of gift cards: cancelled, refunded, or charged back."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import OrderNotFound
from loyalty.events import GiftCardSaleReversed
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.sale import GiftCardSale, ReversalCause
from loyalty.identifiers import GiftCardId
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import TransferFilter, UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.loading import sold_in
from loyalty.use_cases.unloading import UnloadedCard, unload

__all__ = ["CardReversal", "ReverseGiftCardSale", "SaleReversal"]


@attrs.frozen(kw_only=True)
class CardReversal:
    """
    What became of one card, after all reversals of its sale so far.

    ``clawed_back``, ``spent`` and ``held`` sum to the face value of a card that had
    its value. ``spent`` is whatever left the card: for orders, to store credit, as
    expired value. All three are zero for a card that never had its value.
    """

    gift_card_id: GiftCardId
    line_id: str
    unit: int
    status: GiftCardStatus
    value: Money
    clawed_back: Money
    spent: Money
    held: Money


@attrs.frozen(kw_only=True)
class SaleReversal:
    """
    What became of the cards, by line and unit.

    ``clawed_back`` is what this call took back, ``lost`` what it wrote off: value
    that was spent, less what came back of it.
    """

    order_id: str
    cards: tuple[CardReversal, ...]
    clawed_back: Money
    lost: Money


@attrs.frozen(kw_only=True)
class ReverseGiftCardSale(Command[SaleReversal]):
    """
    Undo the sale of an order's gift cards, or of some of them.

    Without *line_ids* and *gift_card_ids* the whole sale is undone, and nothing
    more is ever issued for the order. Nobody can spend from the cards any more,
    and everything that is unspent is taken back to where it came from: sales, and
    the shop's promotions. What was spent is written off as a loss against the same.
    A pending card is deactivated. A card with nothing left on it is deactivated, too;
    one on which an open hold still reserves value, or on which there is value from
    elsewhere, is blocked. Calling again with another key takes back what has become
    free, or has come back by a refund, since.

    *cause* says why: the order was cancelled or refunded, or the payment was
    charged back. It stands as the reason with the transfers unless there is another.

    Raises:
        loyalty.errors.OrderNotFound: If no card was issued for the order, or the
            line, yet; trying again later can help.

    Guarantees:
        Clawed back, spent and held sum to the face value of each card, also in a race
        with redemptions (``tests/storages/test_races.py``), and nothing is ever
        negative (``tests/pains/test_products_and_purchases.py``).
    """

    result_type: ClassVar[type] = SaleReversal

    order_id: str = attrs.field(validator=fields.is_text)
    cause: ReversalCause = attrs.field(validator=fields.is_one_of(ReversalCause))
    line_ids: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    gift_card_ids: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[SaleReversal]:
        """Decide what is taken back on the locked cards."""
        sale = uow.lock_sale(self.order_id)
        sale.require_known()
        cards = self._meant(sold_in(uow.lock(Wanted(bought_in=(self.order_id,)))).values())
        # Read under the locks: whoever changes these transfers' standing holds one of them.
        history = tuple(uow.transfers(TransferFilter(order_id=self.order_id, standing=True)))
        said = self if self.reason is not None else attrs.evolve(self, reason=self.cause.value)
        unloaded = tuple(unload(said, uow, context, card, history) for card in cards)
        return self._outcome(context, sale, unloaded)

    def _meant(self, sold: Collection[GiftCard]) -> list[GiftCard]:
        """Return the cards that are meant, in the order of their lines and units."""
        lines, ids = set(self.line_ids), set(self.gift_card_ids)
        if not (lines or ids):
            return list(sold)
        meant = [card for card in sold if card.line_id in lines or card.id in ids]
        known_lines, known_ids = {card.line_id for card in meant}, {str(card.id) for card in meant}
        if lines - known_lines or ids - known_ids:
            raise OrderNotFound("no gift card was issued for this line of the order yet")
        return meant

    def _outcome(
        self, context: Context, sale: GiftCardSale, unloaded: tuple[UnloadedCard, ...]
    ) -> Outcome[SaleReversal]:
        is_whole = not (self.line_ids or self.gift_card_ids)
        undone = sale.undone(context.now) if is_whole else sale
        changed = [one for one in unloaded if one.after is not one.before]
        money = unloaded[0].before.account.money
        clawed_back, lost = (sum(part) for part in zip(*[(one.taken, one.lost) for one in unloaded], strict=True))
        transfers: list[Transfer] = [transfer for one in unloaded for transfer in one.transfers]
        result = SaleReversal(
            order_id=self.order_id,
            cards=tuple(_told(one) for one in unloaded),
            clawed_back=money(clawed_back),
            lost=money(lost),
        )
        return Outcome(
            result=result,
            event=GiftCardSaleReversed(
                order_id=self.order_id,
                cause=self.cause.value,
                gift_card_ids=tuple(one.before.id for one in unloaded),
                clawed_back=result.clawed_back,
                lost=result.lost,
            ),
            changes=Changes(
                gift_cards=tuple(one.after for one in changed if one.after.status is not one.before.status),
                accounts=tuple(AccountChange(one.before.account, one.after.account) for one in changed),
                sales=(undone,) if changed or undone is not sale else (),
                transfers=tuple(transfers),
            ),
        )


def _told(one: UnloadedCard) -> CardReversal:
    card, money = one.after, one.after.account.money
    return CardReversal(
        gift_card_id=card.id,
        line_id=str(card.line_id),
        unit=int(card.unit or 0),
        status=card.status,
        value=money(card.value),
        clawed_back=money(one.clawed_back),
        spent=money(one.spent),
        held=money(one.held),
    )
