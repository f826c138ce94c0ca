"""What is on a card: for staff, for the public, and around an order."""

from __future__ import annotations

from datetime import datetime

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import GiftCardNotFound
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import AccountId, GiftCardId, TransferId
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.storage import Found, Reader, TransferFilter, Wanted
from loyalty.reports.query import Query, QueryContext

__all__ = [
    "Balance",
    "CardOrders",
    "CardsOfOrder",
    "FindGiftCard",
    "GetBalance",
    "GetGiftCard",
    "OrderCards",
    "OrderSpending",
    "OrdersOfCard",
]


@attrs.frozen(kw_only=True)
class GetGiftCard(Query[GiftCardView]):
    """
    Return everything about a card, for staff, in whatever state it is.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
    """

    id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> GiftCardView:
        """Answer from the books."""
        card = _the_card(reader.find(Wanted(gift_card_ids=(GiftCardId(self.id),))))
        return GiftCardView.of(card, card.account.instant(context.now))


@attrs.frozen(kw_only=True)
class FindGiftCard(Query[GiftCardView]):
    """
    Return everything about the card of a code, for staff, in whatever state it is.

    It tells a blocked, an expired or somebody else's card from one that is not
    there, so it is not for shoppers; they ask :class:`GetBalance`.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
    """

    code: GiftCardCode = attrs.field(converter=fields.to_code)

    def answer(self, reader: Reader, context: QueryContext) -> GiftCardView:
        """Answer from the books."""
        found = reader.find(Wanted(digests=context.digests(self.code), codes=1))
        context.require(self.code)
        card = _the_card(found)
        return GiftCardView.of(card, card.account.instant(context.now))


@attrs.frozen(kw_only=True)
class Balance:
    """
    What a shopper may know about a card: no notes, no history, no other customer.

    ``expires_at`` is when the available value ends, or the first part of it.
    """

    posted: Money
    held: Money
    available: Money
    expires_at: datetime | None
    masked_code: str


@attrs.frozen(kw_only=True)
class GetBalance(Query[Balance]):
    """
    Return the balance of a card to whoever could spend it now; the public query.

    It answers exactly where a redemption by the same caller would be heard, so
    it tells a stranger nothing more: all its errors share one public message.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.ClaimedByAnother: If it is claimed, and not by *customer_id*.
        loyalty.errors.NotSpendable: If it is pending, blocked, deactivated or expired.
    """

    code: GiftCardCode = attrs.field(converter=fields.to_code)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def answer(self, reader: Reader, context: QueryContext) -> Balance:
        """Answer from the books."""
        found = reader.find(Wanted(digests=context.digests(self.code), codes=1))
        context.require(self.code)
        card = _the_card(found)
        at = card.account.instant(context.now)
        card.require_spendable(self.customer_id, at)
        account = card.account.standing(at)
        return Balance(
            posted=account.money(account.posted),
            held=account.money(account.held),
            available=account.money(account.available(at)),
            expires_at=card.ends_at(at),
            masked_code=card.masked_code,
        )


@attrs.frozen(kw_only=True)
class OrderSpending:
    """What one card or account paid for one order, and what of it was given back: refunded or reversed."""

    order_id: str
    account_id: AccountId
    gift_card_id: GiftCardId | None
    redemption_ids: tuple[TransferId, ...]
    redeemed: Money
    refunded: Money


@attrs.frozen(kw_only=True)
class OrderCards:
    """The cards bought in an order, and what paid for it, kept apart."""

    order_id: str
    bought: tuple[GiftCardView, ...]
    spent: tuple[OrderSpending, ...]


@attrs.frozen(kw_only=True)
class CardsOfOrder(Query[OrderCards]):
    """Return the cards that were bought in an order, and the cards and credit that paid for it."""

    order_id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> OrderCards:
        """Answer from the books; an unknown order has no cards."""
        bought = reader.find(Wanted(bought_in=(self.order_id,))).gift_cards
        redemptions = tuple(reader.transfers(TransferFilter(order_id=self.order_id, kind=TransferKind.REDEMPTION)))
        return OrderCards(
            order_id=self.order_id,
            bought=tuple(GiftCardView.of(card, card.account.instant(context.now)) for card in bought),
            spent=_spending(reader, redemptions),
        )


@attrs.frozen(kw_only=True)
class CardOrders:
    """The order a card was bought in, if any, and the orders it paid for."""

    gift_card_id: GiftCardId
    bought_in: str | None
    spent_on: tuple[OrderSpending, ...]


@attrs.frozen(kw_only=True)
class OrdersOfCard(Query[CardOrders]):
    """
    Return the orders of a card: bought in, and spent on.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
    """

    gift_card_id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> CardOrders:  # noqa: ARG002  # asked of every query
        """Answer from the books."""
        card = _the_card(reader.find(Wanted(gift_card_ids=(GiftCardId(self.gift_card_id),))))
        spent = TransferFilter(account_id=card.account.id, kind=TransferKind.REDEMPTION)
        return CardOrders(
            gift_card_id=card.id, bought_in=card.order_id, spent_on=_spending(reader, tuple(reader.transfers(spent)))
        )


def _the_card(found: Found) -> GiftCard:
    if not found.gift_cards:
        raise GiftCardNotFound
    return found.gift_cards[0]


def _spending(reader: Reader, redemptions: tuple[Transfer, ...]) -> tuple[OrderSpending, ...]:
    """Group redemptions by order and account, in the order in which they were first made."""
    if not redemptions:
        return ()
    groups: dict[tuple[str, AccountId], list[Transfer]] = {}
    for redemption in redemptions:
        at = (str(redemption.order_id), AccountId(str(redemption.debit.account_id)))
        groups.setdefault(at, []).append(redemption)
    ids = tuple(redemption.id for redemption in redemptions)
    refunds = reader.transfers(TransferFilter(refunds=ids, standing=True))
    refunded: dict[str, int] = {}
    for refund in refunds:
        refunded[str(refund.refunds)] = refunded.get(str(refund.refunds), 0) + refund.amount
    accounts = tuple(dict.fromkeys(account_id for _, account_id in groups))
    found = reader.find(Wanted(account_ids=accounts))
    cards = {card.account.id: card.id for card in found.gift_cards}
    money = {account.id: account.money for account in found.accounts()}
    return tuple(
        OrderSpending(
            order_id=order_id,
            account_id=account_id,
            gift_card_id=cards.get(account_id),
            redemption_ids=tuple(transfer.id for transfer in group),
            redeemed=money[account_id](sum(transfer.amount for transfer in group)),
            refunded=money[account_id](sum(refunded.get(transfer.id, 0) for transfer in group)),
        )
        for (order_id, account_id), group in groups.items()
    )
