"""Makers of lots, accounts and cards for the tests of the rules: plain values, nothing stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId, GiftCardId, HoldId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Reservation
from loyalty.ledger.lot import Lot, LotMove, LotOrigin
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["DAY", "MICROSECOND", "NOW", "account_of", "card_of", "credit_of", "lot_of", "move_of", "reservation_of"]

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)


def lot_of(remaining: int = 1000, id_: str = "lot-1", **given: Any) -> Lot:
    """Return a lot with so much in it, full unless an amount is given."""
    return Lot(
        **{
            "id": LotId(id_),
            "origin": LotOrigin.PURCHASED,
            "amount": remaining,
            "remaining": remaining,
            "opened_at": NOW,
            **given,
        }
    )


def move_of(lot: Lot, amount: int) -> LotMove:
    """Return the move of a part of a lot."""
    return LotMove(lot_id=lot.id, amount=amount, origin=lot.origin)


def reservation_of(*moves: LotMove, hold_id: str = "hold-1", lapses_at: datetime = NOW + DAY) -> Reservation:
    """Return what a hold reserves on an account."""
    return Reservation(hold_id=HoldId(hold_id), lapses_at=lapses_at, moves=moves)


def account_of(*lots: Lot, **given: Any) -> Account:
    """Return an account in dollars that holds these lots, after one transfer for each."""
    return Account(
        **{
            "id": AccountId("account-1"),
            "currency": "USD",
            "exponent": 2,
            "posted": sum(lot.remaining for lot in lots),
            "held": sum(lot.held for lot in lots),
            "sequence": len(lots),
            "version": len(lots),
            "opened_at": NOW,
            "recorded_at": NOW,
            "lots": lots,
            **given,
        }
    )


def card_of(*lots: Lot, **given: Any) -> GiftCard:
    """Return an active card with these lots; its value is what they were opened with."""
    return GiftCard(
        **{
            "id": GiftCardId("card-1"),
            "account": account_of(*lots),
            "value": sum(lot.amount for lot in lots),
            "origin": LotOrigin.PURCHASED,
            "code_digest": "d" * 64,
            "code_key_id": "k" * 16,
            "last_four": "7KQ2",
            "issued_at": NOW,
            **given,
        }
    )


def credit_of(*lots: Lot, **given: Any) -> StoreCreditAccount:
    """Return Ada's open account with these lots."""
    return StoreCreditAccount(**{"customer_id": "ada", "account": account_of(*lots), **given})
