"""Turn the lines of an order into gift cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import (
    AlreadyReversed,
    CurrencyMismatch,
    GiftCardProductNotFound,
    IdempotencyConflict,
    LimitExceeded,
)
from loyalty.events import GiftCardsIssuedForOrder
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.order import MOST_CARDS, GiftCardLine, GiftCardOrder
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.ledger.lot import LotOrigin
from loyalty.money import exponent_of, minor_units, signed_minor_units, split
from loyalty.policies.tax import Region, resolve_tax_rate
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.derived_code import shown_again
from loyalty.use_cases.loading import LoadedCard, load, sold_in
from loyalty.use_cases.new_card import IssuedGiftCard, NewCard, with_code_again

__all__ = ["IssueGiftCardsForOrder", "OrderGiftCards"]

Unit = tuple[str, int]


@attrs.frozen(kw_only=True)
class OrderGiftCards:
    """
    The cards of the lines that were named, in their order and by unit, each with its code.

    ``issued`` is how many of them are new. A code is empty if it cannot be derived
    again because it was made under a format or key that the shop no longer has.
    """

    order_id: str
    gift_cards: tuple[IssuedGiftCard, ...]
    issued: int


@attrs.frozen(kw_only=True)
class IssueGiftCardsForOrder(Command[OrderGiftCards]):
    """
    Issue one gift card for each unit of an order's gift card lines.

    Each unit of each line becomes one card, ever: whatever the key, however often
    and in whatever order this arrives, only what is missing is issued. A card is
    pending, and worth nothing yet, until ``ActivateGiftCards``; of an order that
    is paid it is active at once, and then *active_from* may put off the day from which
    it can be spent. It is worth the face value that was on sale when the
    order was placed; what was paid for a line is split exactly over its units.
    What is added to an order that was paid before waits for its own payment. A card
    with a recipient is sent once it is active, and not before its time.

    Raises:
        loyalty.errors.GiftCardProductNotFound: If there is no such product.
        loyalty.errors.AmountNotOffered: If it was not on sale when the order was placed.
        loyalty.errors.CurrencyMismatch: If the order's cards are in another currency, or
            the currency's decimals have changed.
        loyalty.errors.IdempotencyConflict: If a unit was issued before, of another
            product or worth something else.
        loyalty.errors.AlreadyReversed: If cards are missing, but the whole sale was reversed.
        loyalty.errors.LimitExceeded: If the order would sell more than 500 cards.

    Guarantees:
        Delivered one to five times, shuffled and raced, an order has as many cards as
        units (``tests/pains/test_products_and_purchases.py``).
    """

    result_type: ClassVar[type] = OrderGiftCards

    order: GiftCardOrder = attrs.field(validator=fields.is_one_of(GiftCardOrder))
    active_from: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[OrderGiftCards]:
        """Decide the missing cards, while everybody who has to do with the order's cards waits."""
        sale = uow.lock_sale(self.order.order_id)
        known = sold_in(uow.lock(Wanted(bought_in=(sale.order_id,))) if sale.version else Found())
        products = self._products(uow)
        missing = [card for line in self.order.lines for card in self._missing(context, line, products, known)]
        self._require_room(sale, len(known), len(missing))
        loaded = self._loaded(context, products, known, missing) if self.order.is_paid else ()
        return self._outcome(context, sale, known, missing, loaded)

    def replayed(self, result: OrderGiftCards, context: Context) -> OrderGiftCards:
        """Add the codes again."""
        cards = [with_code_again(context, card) if card.code_key_id else card for card in result.gift_cards]
        return attrs.evolve(result, gift_cards=tuple(cards))

    # --- what is missing ----------------------------------------------------

    def _products(self, uow: UnitOfWork) -> Mapping[str, GiftCardProduct]:
        lines = self.order.lines
        ids = tuple(dict.fromkeys(line.product_id for line in lines))
        variants = tuple(dict.fromkeys(line.variant_id for line in lines if line.variant_id is not None))
        products = {product.id: product for product in uow.products(ids, variants=variants)}
        if len(products) != len(ids):
            raise GiftCardProductNotFound
        return products

    def _missing(
        self,
        context: Context,
        line: GiftCardLine,
        products: Mapping[str, GiftCardProduct],
        known: Mapping[Unit, GiftCard],
    ) -> Iterator[GiftCard]:
        """Yield a pending card for each unit of a line that has none, after a look at those that have."""
        product = products[line.product_id]
        value = product.worth(line.wanted, self.order.currency, self.order.placed_at)
        _require_decimals(value, line.paid)
        for card in known.values():
            card.account.require_currency(value)
            if card.line_id == line.line_id:
                self._require_same(card, product, value)
        units = [unit for unit in line.units() if unit not in known]
        spent = sum(card.price or 0 for card in known.values() if card.line_id == line.line_id)
        prices = split(max(0, signed_minor_units(line.paid) - spent), [1] * len(units)) if units else ()
        for (line_id, unit), price in zip(units, prices, strict=True):
            yield attrs.evolve(
                self._new(product, value).make_pending(context),
                product_id=product.id,
                line_id=line_id,
                unit=unit,
                buyer_id=self.order.buyer_id,
                price=price,
            )

    def _new(self, product: GiftCardProduct, value: Money) -> NewCard:
        region, rate = self._taxation(product)
        return NewCard(
            value=value,
            origin=LotOrigin.PURCHASED,
            region=region,
            tax_rate=rate,
            tax_treatment=product.tax_treatment,
            order_id=self.order.order_id,
            note=self.note,
            metadata=self.metadata,
        )

    def _taxation(self, product: GiftCardProduct) -> tuple[str | None, Decimal | None]:
        """Return the region's id and the rate: the merchant's for the order comes before the one for the product."""
        region, set_rate = self.order.region, self.order.tax_rate
        rate = product.tax_rate if set_rate is None else set_rate
        return (region.id, resolve_tax_rate(region, rate)) if isinstance(region, Region) else (region, rate)

    def _require_same(self, card: GiftCard, product: GiftCardProduct, value: Money) -> None:
        if (card.product_id, card.value) != (product.id, minor_units(value)):
            raise IdempotencyConflict(
                f"unit {card.unit} of line {card.line_id} was issued before with other content", self.idempotency_key
            )

    def _require_room(self, sale: GiftCardSale, known: int, missing: int) -> None:
        if missing and sale.reversed_at is not None:
            raise AlreadyReversed("the sale was reversed; nothing more is issued for this order")
        if known + missing > MOST_CARDS:
            raise LimitExceeded(f"an order sells at most {MOST_CARDS} gift cards", limit="gift_cards_per_order")

    def _loaded(
        self,
        context: Context,
        products: Mapping[str, GiftCardProduct],
        known: Mapping[Unit, GiftCard],
        missing: list[GiftCard],
    ) -> tuple[LoadedCard, ...]:
        """Return the cards of the paid lines that have no value yet, with it."""
        named = {unit for line in self.order.lines for unit in line.units()}
        pending = [card for unit, card in known.items() if unit in named and card.status is GiftCardStatus.PENDING]
        terms = {product.id: product.term for product in products.values()}
        return tuple(
            load(self, context, card, terms[str(card.product_id)], self.active_from) for card in (*pending, *missing)
        )

    def _gifts(self, context: Context, new: tuple[GiftCard, ...]) -> Iterator[Gift]:
        """Yield how the new cards are sent; those without a recipient are not."""
        recipients = {line.line_id: line.recipients for line in self.order.lines}
        for card in new:
            line_id, unit = _unit(card)
            if unit <= len(recipients[line_id]):
                yield Gift.to(recipients[line_id][unit - 1], card.id, context.now)

    # --- what is answered and written ---------------------------------------

    def _outcome(
        self,
        context: Context,
        sale: GiftCardSale,
        known: Mapping[Unit, GiftCard],
        missing: list[GiftCard],
        loaded: tuple[LoadedCard, ...],
    ) -> Outcome[OrderGiftCards]:
        after = {card.after.id: card.after for card in loaded}
        new = tuple(after.get(card.id, card) for card in missing)
        changed = tuple(card for card in loaded if card.before.id not in {card.id for card in missing})
        every = {_unit(card): card for card in (*known.values(), *new, *(one.after for one in changed))}
        paid = sale.paid(context.now) if self.order.is_paid else sale
        return Outcome(
            result=OrderGiftCards(
                order_id=self.order.order_id,
                gift_cards=tuple(
                    shown_again(context, every[unit]) for line in self.order.lines for unit in line.units()
                ),
                issued=len(new),
            ),
            event=GiftCardsIssuedForOrder(
                order_id=self.order.order_id,
                gift_card_ids=tuple(card.id for card in new),
                activated_ids=tuple(one.after.id for one in loaded),
            ),
            changes=Changes(
                new_gift_cards=new,
                gift_cards=tuple(one.after for one in changed),
                accounts=tuple(AccountChange(one.before.account, one.after.account) for one in changed),
                new_gifts=tuple(self._gifts(context, new)),
                sales=(paid,) if new or paid is not sale else (),
                transfers=tuple(transfer for one in loaded for transfer in one.transfers),
            ),
            decisions=tuple(dict.fromkeys(decision for one in loaded for decision in one.decisions)),
        )


def _unit(card: GiftCard) -> Unit:
    return str(card.line_id), int(card.unit or 0)


def _require_decimals(value: Money, paid: Money) -> None:
    if exponent_of(value.currency) != exponent_of(paid.currency):
        raise CurrencyMismatch("the currency's decimals have changed", paid.currency.code, value.currency.code)
