"""Every way in which a code can be wrong, each with a shop in which it is."""

from __future__ import annotations

from typing import Any, Final

import attrs

from loyalty import BlockGiftCard, CodeFormat, CodeKeys, IssuedGiftCard
from loyalty.codes.code import GiftCardCode
from loyalty.codes.mint import mint
from loyalty.errors import ClaimedByAnother, GiftCardNotFound, LoyaltyError, MalformedCode, NotSpendable
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.ports.storage import Storage
from tests.use_cases.shop import DAY, KEYS, Shop

__all__ = ["CHARGED", "WRONG", "WrongCodes"]

WRONG: Final[dict[str, type[LoyaltyError]]] = {
    "unknown": GiftCardNotFound,
    "malformed: the check symbol": MalformedCode,
    "malformed: the length": MalformedCode,
    "malformed: the prefix": MalformedCode,
    "malformed: the alphabet": MalformedCode,
    "somebody else's": ClaimedByAnother,
    "blocked": NotSpendable,
    "pending": NotSpendable,
    "deactivated": NotSpendable,
    "expired": NotSpendable,
}
"""What is wrong, and the error that says so to staff."""

CHARGED: Final = [name for name, error in WRONG.items() if error is not MalformedCode]

_OTHERS: Final = CodeKeys.from_secret("the secret of another shop, which is none of ours")


@attrs.frozen
class WrongCodes:
    """A shop in which each of these codes is wrong for the customer "ada", and some that are right."""

    shop: Shop
    codes: dict[str, str]
    right: tuple[str, ...]

    @classmethod
    def made(cls, storage: Storage | None = None) -> WrongCodes:
        """Issue cards, in memory or on a storage, and bring them into the states that make their codes wrong."""
        shop = Shop()
        if storage is not None:
            other: Any = storage
            shop.storage = other
            shop.loyalty = shop.with_keys(KEYS)
        cards = {name: shop.issue(customer_id="bob" if name == "somebody else's" else None) for name in CHARGED[1:]}
        cards["expired"] = shop.issue(expires_at=shop.clock() + DAY)
        shop.execute(BlockGiftCard(gift_card_id=cards["blocked"].gift_card.id, idempotency_key=shop.key()))
        shop.set_card_status(cards["pending"], GiftCardStatus.PENDING)
        shop.set_card_status(cards["deactivated"], GiftCardStatus.DEACTIVATED)
        right = tuple(_typed(shop.issue()) for _ in range(3))
        shop.clock.advance(2 * DAY)
        codes = _unissued() | {name: _typed(issued) for name, issued in cards.items()}
        return cls(shop, {name: codes[name] for name in WRONG}, right)


def _unissued() -> dict[str, str]:
    """Return codes of the right shape that another shop issued, and what mistypes one of them."""
    unknown = GiftCardCode.of(mint(_OTHERS, CodeFormat(), "a card of another shop", 1)).reveal()
    end = "0" if unknown[-1] != "0" else "1"
    return {
        "unknown": unknown,
        "malformed: the check symbol": unknown[:-1] + end,
        "malformed: the length": unknown[:-1],
        "malformed: the prefix": "GUFT" + unknown[4:],
        "malformed: the alphabet": unknown[:10] + "U" + unknown[11:],
    }


def _typed(issued: IssuedGiftCard) -> str:
    return GiftCardCode.of(issued.code).reveal()
