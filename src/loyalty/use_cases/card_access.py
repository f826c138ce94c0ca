"""Finding the one card a request speaks of, by its code or by its id."""

from __future__ import annotations

from loyalty.codes.code import GiftCardCode
from loyalty.errors import GiftCardNotFound
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import GiftCardId
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, Wanted
from loyalty.use_cases.command import Context

__all__ = ["changed_card", "the_card", "touched_card", "wanted_card"]


def wanted_card(context: Context, code: GiftCardCode | None, gift_card_id: str | None) -> Wanted:
    """Return what to load for a card; whether *code* can be a code at all is asked after it, by :func:`the_card`."""
    if code is not None:
        return Wanted(digests=context.digests(code), codes=1)
    return Wanted(gift_card_ids=() if gift_card_id is None else (GiftCardId(gift_card_id),))


def the_card(context: Context, found: Found, code: GiftCardCode | None) -> GiftCard:
    """
    Return the card that was found, by *code* if there is one.

    Raises:
        loyalty.errors.MalformedCode: If *code* cannot be a code of this shop.
        loyalty.errors.GiftCardNotFound: If there is none.
    """
    if code is not None:
        context.require(code)
    if not found.gift_cards:
        raise GiftCardNotFound
    return found.gift_cards[0]


def changed_card(before: GiftCard, after: GiftCard) -> Changes:
    """
    Return the change of a card's own facts.

    The account's version moves with it, so that nobody who read the card
    before can still write on what he read.
    """
    touched = before.account.touched()
    return Changes(gift_cards=(after.with_account(touched),), accounts=(AccountChange(before.account, touched),))


def touched_card(card: GiftCard) -> Changes:
    """Return the change of what goes with a card and is kept elsewhere: only its account's version moves."""
    return Changes(accounts=(AccountChange(card.account, card.account.touched()),))
