"""Showing the code of a card again: codes are derived, and what is derived is compared with what is stored."""

from __future__ import annotations

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import InvalidRequest
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.use_cases.command import Context
from loyalty.use_cases.new_card import IssuedGiftCard

__all__ = ["shown_again"]


def shown_again(context: Context, card: GiftCard) -> IssuedGiftCard:
    """
    Return *card* with its code.

    The code and its key id are empty if it cannot be derived: it was chosen or
    imported, or the shop no longer has the key or the format that it was made with.
    """
    view = GiftCardView.of(card, card.account.instant(context.now))
    for known in (context.code_format, *context.code_format.retired):
        code_format = attrs.evolve(known, retired=())
        code = _derived(context, card, code_format)
        if code is not None:
            return IssuedGiftCard(
                gift_card=view,
                code_key_id=card.code_key_id,
                code_format=code_format,
                code_version=card.code_version,
                code=code,
            )
    return IssuedGiftCard(gift_card=view, code_key_id="", code_format=attrs.evolve(context.code_format, retired=()))


def _derived(context: Context, card: GiftCard, code_format: CodeFormat) -> str | None:
    """Return the code that this format gives, if it is the one of the card."""
    try:
        text = mint(context.code_keys, code_format, card.id, card.code_version, card.code_key_id)
    except InvalidRequest:  # a key that is no longer on the ring
        return None
    return text if card.code_digest in context.code_keys.digests(GiftCardCode.of(text)) else None
