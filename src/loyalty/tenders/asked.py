"""What a caller says when stored value is to pay for an order: the tenders, their bounds, and the order's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import CurrencyMismatch, InvalidRequest
from loyalty.identifiers import GiftCardId
from loyalty.money import exponent_of, minor_units
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.storage import Wanted

__all__ = ["MOST_LINES", "GiftCardTender", "PaymentRequest", "ReadsCodes", "to_lines"]

MOST_LINES = 500
"""How many lines of an order may be named in one call."""

is_priority = fields.is_whole_number(-1000, 1000)


class ReadsCodes(Protocol):
    """Whoever knows the shop's keys and formats."""

    def digests(self, code: GiftCardCode) -> tuple[str, ...]:
        """Return what a code is stored as, under each key; also one that cannot be the shop's."""
        ...

    def require(self, *codes: GiftCardCode) -> None:
        """
        Check that each could be a code of the shop.

        Raises:
            loyalty.errors.MalformedCode: If one could not.
        """
        ...


@attrs.frozen(kw_only=True)
class GiftCardTender:
    """
    One gift card among the tenders of an order.

    Args:
        code, gift_card_id:
            Exactly one of the two names the card.
        at_most:
            The most it may pay; without it whatever it holds.
        priority:
            The lowest number pays first; store credit has 0 unless said otherwise.

    Raises:
        loyalty.errors.InvalidRequest: If the card is not named once, or a value is out of bounds.
    """

    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    at_most: Money | None = attrs.field(default=None, validator=fields.is_optional_amount)
    priority: int = attrs.field(default=0, validator=is_priority)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)


def _to_tenders(values: Iterable[GiftCardTender]) -> tuple[GiftCardTender, ...]:
    return fields.to_instances(values, GiftCardTender, fields.MOST_TENDERS)


def to_lines(values: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Freeze the lines of an order."""
    if values == ():
        return ()
    lines = fields.to_instances(values, OrderLine, MOST_LINES)
    if len({line.id for line in lines}) != len(lines):
        raise InvalidRequest("two lines of the order have the same id")
    return lines


@attrs.frozen(kw_only=True, slots=False)
class PaymentRequest:
    """
    The part that planning, holding and paying have in common.

    Cards are named by *codes*, by *gift_card_ids*, or as *tenders* with bounds
    of their own; the same card twice counts once, as it was named first. Store
    credit is the customer's in the currency of *amount_due*; it is used unless
    *use_store_credit* is false, and pays *store_credit_at_most* at the most.
    *lines* say what the order consists of, for the shop's redemption rules;
    what they leave of the amount due (shipping, say) any tender may pay.
    """

    amount_due: Money = attrs.field(validator=fields.is_amount)
    codes: tuple[GiftCardCode, ...] = attrs.field(default=(), converter=fields.to_codes)
    gift_card_ids: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    tenders: tuple[GiftCardTender, ...] = attrs.field(default=(), converter=_to_tenders, metadata=fields.LATER)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    use_store_credit: bool = attrs.field(default=True, validator=fields.is_flag)
    store_credit_at_most: Money | None = attrs.field(
        default=None, validator=fields.is_optional_amount, metadata=fields.LATER
    )
    store_credit_priority: int = attrs.field(default=0, validator=is_priority, metadata=fields.LATER)
    lines: tuple[OrderLine, ...] = attrs.field(default=(), converter=to_lines, metadata=fields.LATER)

    def __attrs_post_init__(self) -> None:
        """Check that there is something to pay with, and that all money is of one currency."""
        cards = len(self.codes) + len(self.gift_card_ids) + len(self.tenders)
        if not cards and not self.pays_with_credit:
            raise InvalidRequest("name at least one gift card, or a customer whose store credit is used")
        if cards > fields.MOST_TENDERS:
            raise InvalidRequest(f"at most {fields.MOST_TENDERS} gift cards may pay for one order")
        bounds = [tender.at_most for tender in self.tenders] + [self.store_credit_at_most]
        for money in [*filter(None, bounds), *(line.amount for line in self.lines)]:
            if (money.currency.code, exponent_of(money.currency)) != (self.currency, self.exponent):
                raise CurrencyMismatch(expected=self.currency, actual=money.currency.code)

    @property
    def currency(self) -> str:
        """The code of the one currency of all that is said."""
        return self.amount_due.currency.code

    @property
    def exponent(self) -> int:
        """How many decimals that currency has."""
        return exponent_of(self.amount_due.currency)

    @property
    def due(self) -> int:
        """What is to be paid, in minor units."""
        return minor_units(self.amount_due)

    @property
    def pays_with_credit(self) -> bool:
        """Whether the customer's store credit is one of the tenders."""
        return self.use_store_credit and self.customer_id is not None

    def cards(self) -> Iterator[GiftCardTender]:
        """Yield every card that was named, in the order of naming."""
        yield from (GiftCardTender(code=code) for code in self.codes)
        yield from (GiftCardTender(gift_card_id=card_id) for card_id in self.gift_card_ids)
        yield from self.tenders

    def wanted(self, reading: ReadsCodes) -> Wanted:
        """Return what to load: every tender that could exist, and what cannot be a code just the same."""
        codes = dict.fromkeys([tender.code for tender in self.cards() if tender.code is not None])
        digests = [digest for code in codes for digest in reading.digests(code)]
        ids = [tender.gift_card_id for tender in self.cards() if tender.gift_card_id is not None]
        own = ((str(self.customer_id), self.currency),) if self.pays_with_credit else ()
        return Wanted(
            digests=tuple(digests),
            codes=len(codes),
            gift_card_ids=tuple(dict.fromkeys([GiftCardId(card_id) for card_id in ids])),
            customers=own,
        )
