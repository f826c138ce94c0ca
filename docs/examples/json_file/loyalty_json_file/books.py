"""Everything that is stored, as one value that never changes, and as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import attrs
from cattrs import Converter
from cattrs.errors import BaseValidationError
from moneyed import Money

from loyalty import GiftCardProduct
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import Metadata
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.money import exponent_of, signed_minor_units, to_money
from loyalty.ports.changes import RefundedOrder
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["Books", "UnreadableBooks"]

FORMAT: Final = 1
"""Of the file. Whoever changes what is written counts it up, and reads the older ones too."""


class UnreadableBooks(Exception):
    """The file does not hold books of the format that this version knows."""


@attrs.frozen(kw_only=True)
class Books:
    """
    All records, each under its id. Whoever changes them makes new ones.

    Cards and store credit accounts stand under the ids of their ledger accounts,
    and carry every lot they ever had. Transfers, receipts and the outbox stand in
    the order in which they were written.
    """

    gift_cards: dict[str, GiftCard] = attrs.Factory(dict)
    store_credit_accounts: dict[str, StoreCreditAccount] = attrs.Factory(dict)
    holds: dict[str, Hold] = attrs.Factory(dict)
    gifts: dict[str, Gift] = attrs.Factory(dict)
    products: dict[str, GiftCardProduct] = attrs.Factory(dict)
    sales: dict[str, GiftCardSale] = attrs.Factory(dict)
    refunded_orders: dict[str, RefundedOrder] = attrs.Factory(dict)
    batches: dict[str, GiftCardBatch] = attrs.Factory(dict)
    imported_cards: tuple[ImportedCard, ...] = ()
    transfers: dict[str, Transfer] = attrs.Factory(dict)
    receipts: dict[str, Receipt] = attrs.Factory(dict)
    outbox: dict[str, OutboxEntry] = attrs.Factory(dict)

    def to_json(self) -> bytes:
        """Return them as the bytes of the file."""
        plain = {"format": FORMAT, "books": _CONVERTER.unstructure(self)}
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Books:
        """
        Return the books that a file holds; an empty file holds empty ones.

        Raises:
            UnreadableBooks: If it holds anything else. Nothing is guessed: this is money.
        """
        try:
            plain = json.loads(raw) if raw else {"format": FORMAT, "books": {}}
            if plain["format"] != FORMAT:
                message = f"the books are of format {plain['format']}, and only {FORMAT} is known"
                raise UnreadableBooks(message)
            books: Books = _CONVERTER.structure(plain["books"], cls)
        except (BaseValidationError, KeyError, TypeError, ValueError) as error:
            message = "the file does not hold the books of a shop"
            raise UnreadableBooks(message) from error
        return books


def _converter() -> Converter:
    """Return what turns records into plain values, and back, exactly."""
    # A field that is not known was written by a newer version; to drop it would be to lose what it says.
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    # Never as a float, and with its decimals: a shop may have a currency of its own.
    converter.register_unstructure_hook(Money, _plain_money)
    converter.register_structure_hook(Money, lambda plain, _: to_money(*plain))
    # A mapping by its looks, and by its nature a text.
    converter.register_unstructure_hook(Metadata, attrgetter("json"))
    converter.register_structure_hook(Metadata, lambda text, _: Metadata(json=text))
    return converter


def _plain_money(money: Money) -> list[Any]:
    return [signed_minor_units(money), money.currency.code, exponent_of(money.currency)]


_CONVERTER: Final = _converter()
