"""
A card that nobody has: something to work on where a code leads to no card.

A refusal must take as long whether there is a card behind the code or not, or
its time would tell a stranger what its words do not. So a storage that finds no
card reads this one as it would have read a real one, and drops the result. It
is never stored, never answered with, and its code does not exist.
"""

from __future__ import annotations

from typing import Final

from loyalty.clock import from_micros
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId, GiftCardId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotOrigin

__all__ = ["DECOY"]

_START: Final = from_micros(0)
_ID: Final = "00000000-0000-7000-8000-000000000000"

DECOY: Final = GiftCard(
    id=GiftCardId(_ID),
    account=Account(
        id=AccountId(_ID),
        currency="USD",
        exponent=2,
        posted=5000,
        sequence=1,
        version=1,
        opened_at=_START,
        recorded_at=_START,
        lots=(
            Lot(
                id=LotId(_ID),
                origin=LotOrigin.PURCHASED,
                amount=5000,
                remaining=5000,
                opened_at=_START,
                expires_at=_START,
            ),
        ),
    ),
    value=5000,
    origin=LotOrigin.PURCHASED,
    code_digest="0" * 64,
    code_key_id="0" * 16,
    last_four="0000",
    issued_at=_START,
    expires_at=_START,
    customer_id="nobody",
    claimed_at=_START,
    region="nowhere",
    order_id="none",
)
