"""What of a card was paid for, and could be paid out in money."""

from __future__ import annotations

from datetime import datetime

from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.lot import LotMove, LotOrigin
from loyalty.policies.cash_out import Remainder

__all__ = ["paid_moves", "remainder_of"]


def remainder_of(card: GiftCard, jurisdiction: str | None, at: datetime) -> Remainder:
    """
    Return what a cash-out policy is asked with; without *jurisdiction*, by the law of the card's region.

    Paid value counts whether it is held or not and whether it has begun, so that
    nobody makes a remainder small by placing a hold.
    """
    account = card.account
    return Remainder(
        jurisdiction=jurisdiction or card.region,
        currency=account.currency,
        exponent=account.exponent,
        paid=sum([lot.remaining for lot in account.lots if lot.origin is LotOrigin.PURCHASED and lot.lives(at)]),
        face=card.value,
        is_reloaded=card.loaded_at is not None,
        at=at,
    )


def paid_moves(card: GiftCard, at: datetime) -> tuple[LotMove, ...]:
    """Return the moves of all paid value that could be spent at *at*."""
    return tuple(
        LotMove(lot_id=lot.id, amount=lot.spendable(at), origin=lot.origin)
        for lot in card.account.standing(at).lots
        if lot.origin is LotOrigin.PURCHASED and lot.spendable(at) > 0
    )
