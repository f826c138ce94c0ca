"""
An order in which gift cards are bought, as the host's shop knows it.

The host says what was ordered and what was paid; what the cards are worth is
decided by the product that was on sale then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

import attrs
from moneyed import Money

from loyalty.clock import require_utc
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest
from loyalty.gift_cards.gift import Recipient
from loyalty.identifiers import require_optional_text, require_text
from loyalty.money import LIMIT, exact_money, exponent_of, signed_minor_units
from loyalty.policies.tax import Region, percentage

__all__ = ["MOST_CARDS", "GiftCardLine", "GiftCardOrder"]

MOST_LINES = 100
"""How many lines of an order may sell gift cards."""

MOST_CARDS = 500
"""How many gift cards one order may sell; for more there are batches."""


def _text(value: str) -> str:
    return require_text(value, "an id of the order")


def _optional_text(value: str | None) -> str | None:
    return require_optional_text(value, "an id of the order")


def _time(value: datetime) -> datetime:
    return require_utc(value, "placed_at")


def _paid(value: Money) -> Money:
    """Accept money that is exact and not negative: with a coupon for all of it, a line costs nothing."""
    if not 0 <= signed_minor_units(value, "paid") <= LIMIT:
        raise InvalidAmount("paid must not be negative, nor above 10^15 minor units")
    exponent_of(value.currency)
    return Money(value.amount, value.currency)


def _recipients(values: Iterable[Recipient]) -> tuple[Recipient, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, Recipient) for value in values):
        raise InvalidRequest("recipients must be a list or tuple of Recipient")
    return tuple(values)


@attrs.frozen(kw_only=True)
class GiftCardLine:
    """
    One line of an order, which becomes one gift card per unit.

    Args:
        line_id:
            The host's name for the line, unique in its order.
        product_id:
            The gift card product.
        variant_id, amount:
            Exactly one of them: which denomination, or which open amount each card is of.
        quantity:
            How many cards, from 1 to 500.
        paid:
            What was paid for the whole line, after discounts. Zero or more; it is
            split exactly over the units. What the cards are worth beyond it is a gift of
            the shop.

        recipients:
            Who gets the cards, the first of them the first unit's; at most one per
            unit. The cards of the units that are left are the buyer's to give.

    Raises:
        loyalty.errors.InvalidRequest: If a value is not as said.
        loyalty.errors.CurrencyMismatch: If *amount* and *paid* are in different currencies.
    """

    line_id: str = attrs.field(converter=_text)
    product_id: str = attrs.field(converter=_text)
    variant_id: str | None = attrs.field(default=None, converter=_optional_text)
    amount: Money | None = attrs.field(default=None, converter=attrs.converters.optional(exact_money))
    quantity: int = attrs.field(default=1)
    paid: Money = attrs.field(converter=_paid)
    recipients: tuple[Recipient, ...] = attrs.field(default=(), converter=_recipients)

    def __attrs_post_init__(self) -> None:
        """Check what belongs together."""
        if type(self.quantity) is not int or not 1 <= self.quantity <= MOST_CARDS:
            raise InvalidRequest(f"the quantity must be a whole number from 1 to {MOST_CARDS}")
        if len(self.recipients) > self.quantity:
            raise InvalidRequest("a line has at most one recipient per unit")
        if (self.variant_id is None) == (self.amount is None):
            raise InvalidRequest("give exactly one of variant_id, amount")
        if self.amount is not None:
            _require_same(self.amount, self.paid)

    @property
    def wanted(self) -> str | Money:
        """What each unit is of: a variant, or an open amount."""
        return self.amount if self.variant_id is None and self.amount is not None else str(self.variant_id)

    def units(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each unit: the line, and its number from 1."""
        for unit in range(1, self.quantity + 1):
            yield self.line_id, unit


def _require_same(money: Money, other: Money) -> None:
    ours, theirs = money.currency, other.currency
    if (ours.code, exponent_of(ours)) != (theirs.code, exponent_of(theirs)):
        raise CurrencyMismatch("an order is in one currency", expected=theirs.code, actual=ours.code)


def _lines(values: Iterable[GiftCardLine]) -> tuple[GiftCardLine, ...]:
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= MOST_LINES:
        raise InvalidRequest(f"an order has a list or tuple of 1 to {MOST_LINES} lines")
    if not all(isinstance(line, GiftCardLine) for line in values):
        raise InvalidRequest("expected values of GiftCardLine")
    return tuple(values)


@attrs.frozen(kw_only=True)
class GiftCardOrder:
    """
    The part of an order that sells gift cards.

    Args:
        order_id:
            The host's name for the order.
        placed_at:
            When it was placed; aware, UTC. What was on sale then is sold.
        lines:
            1 to 100 lines with at most 500 units in all, paid in one currency.
        buyer_id:
            Who bought, as the host knows the customer; the cards are not theirs but
            the bearers'.
        region:
            Where it was sold: the region's id, or a ``Region``, which then decides
            whether the cards carry a tax rate, and which.
        tax_rate:
            The percentage that the merchant set for this order; None for what the
            product says. Zero is a rate.
        is_paid:
            Whether it is paid, so that the cards are active at once.

    Raises:
        loyalty.errors.InvalidRequest: If a value is not as said, or a line is named twice.
        loyalty.errors.CurrencyMismatch: If there are several currencies.
    """

    order_id: str = attrs.field(converter=_text)
    placed_at: datetime = attrs.field(converter=_time)
    lines: tuple[GiftCardLine, ...] = attrs.field(converter=_lines)
    buyer_id: str | None = attrs.field(default=None, converter=_optional_text)
    region: Region | str | None = attrs.field(default=None)
    tax_rate: Decimal | None = attrs.field(default=None, converter=attrs.converters.optional(percentage))
    is_paid: bool = attrs.field(default=False)

    def __attrs_post_init__(self) -> None:
        """Check what belongs together."""
        if not isinstance(self.region, Region):
            object.__setattr__(self, "region", _optional_text(self.region))
        if type(self.is_paid) is not bool:
            raise InvalidRequest("is_paid must be True or False")
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise InvalidRequest("a line is named once")
        for line in self.lines:
            _require_same(line.paid, self.lines[0].paid)
        if sum(line.quantity for line in self.lines) > MOST_CARDS:
            raise InvalidRequest(f"an order sells at most {MOST_CARDS} gift cards")

    @property
    def currency(self) -> str:
        """The code of the currency in which the order is paid."""
        return self.lines[0].paid.currency.code
