"""Selling gift cards in tests: a product, orders of it, and what becomes of their cards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moneyed import Money

from loyalty import (
    ActivateGiftCards,
    Activation,
    CardsOfOrder,
    DefineGiftCardProduct,
    Denomination,
    GiftCardLine,
    GiftCardOrder,
    GiftCardProduct,
    GiftCardView,
    IssueGiftCardsForOrder,
    OpenAmount,
    OrderGiftCards,
    ReversalCause,
    ReverseGiftCardSale,
    SaleReversal,
)
from tests.use_cases.shop import NOW, Shop, usd

__all__ = ["activate", "bought", "define", "issue", "line", "order", "reverse"]

EUR = "EUR"


def define(shop: Shop, product_id: str = "card", **given: Any) -> GiftCardProduct:
    """Define a product: 10.00 in two currencies, 25.00 for 20.00, 10.00 for 12.00, and 5.00 to 500.00."""
    given.setdefault(
        "denominations",
        [
            Denomination(variant_id="10", prices=(usd("10.00"), Money("9.00", EUR))),
            Denomination(variant_id="25", prices=usd("20.00"), face_values=usd("25.00")),
            Denomination(variant_id="dear", prices=usd("12.00"), face_values=usd("10.00")),
        ],
    )
    given.setdefault("open_amounts", [OpenAmount(minimum=usd("5.00"), maximum=usd("500.00"))])
    return shop.execute(
        DefineGiftCardProduct(product_id=product_id, title="Gift card", idempotency_key=shop.key(), **given)
    )


def line(line_id: str = "a", variant_id: str | None = "10", paid: str | Money = "10.00", **given: Any) -> GiftCardLine:
    """Return a line of an order."""
    money = usd(paid) if isinstance(paid, str) else paid
    given.setdefault("product_id", "card")
    return GiftCardLine(line_id=line_id, variant_id=variant_id, paid=money, **given)


def order(*lines: GiftCardLine, order_id: str = "1001", **given: Any) -> GiftCardOrder:
    """Return an order of these lines, or of one card of 10.00."""
    given.setdefault("placed_at", NOW)
    return GiftCardOrder(order_id=order_id, lines=lines or (line(),), **given)


def issue(shop: Shop, *lines: GiftCardLine, key: str | None = None, **given: Any) -> OrderGiftCards:
    """Issue the cards of such an order."""
    command: dict[str, Any] = {name: given.pop(name) for name in ("note", "metadata", "active_from") if name in given}
    return shop.execute(
        IssueGiftCardsForOrder(order=order(*lines, **given), idempotency_key=key or shop.key(), **command)
    )


def activate(
    shop: Shop, order_id: str = "1001", *, key: str | None = None, active_from: datetime | None = None
) -> Activation:
    """Activate its cards."""
    return shop.execute(
        ActivateGiftCards(order_id=order_id, active_from=active_from, idempotency_key=key or shop.key())
    )


def reverse(shop: Shop, order_id: str = "1001", *, key: str | None = None, **given: Any) -> SaleReversal:
    """Undo its sale."""
    given.setdefault("cause", ReversalCause.REFUND)
    return shop.execute(ReverseGiftCardSale(order_id=order_id, idempotency_key=key or shop.key(), **given))


def bought(shop: Shop, order_id: str = "1001") -> list[GiftCardView]:
    """Return the cards of an order by line and unit."""
    cards = shop.ask(CardsOfOrder(order_id=order_id)).bought
    return sorted(cards, key=lambda card: (card.line_id or "", card.unit or 0))
