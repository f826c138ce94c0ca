"""
Which tax rate a gift card carries, and how much tax is in what cards paid.

The library computes no tax of an order: stored value is a means of payment and
never changes a price. It keeps what was decided when a card was sold, and says
exactly how much of a payment was taxed then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import attrs
from moneyed import Money

from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest
from loyalty.identifiers import require_text
from loyalty.money import exponent_of, minor_units, split, to_money

__all__ = ["CardPayment", "PrepaidTax", "Region", "percentage", "prepaid_tax", "resolve_tax_rate"]

MOST_DECIMALS_OF_A_RATE = 6


def percentage(value: object) -> Decimal:
    """
    Return a percentage from 0 to 100 with at most six decimals.

    Raises:
        loyalty.errors.InvalidAmount: If it is anything else.
    """
    rate = _decimal(value)
    if rate.is_finite() and int(rate.as_tuple().exponent) >= -MOST_DECIMALS_OF_A_RATE and 0 <= rate <= 100:  # noqa: PLR2004  # per cent
        return Decimal(f"{abs(rate):f}") if rate else Decimal(0)
    raise InvalidAmount("a tax rate must be a percentage from 0 to 100 with at most six decimals")


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and value.isascii() and value.replace(".", "", 1).isdigit() and len(value) < 20:  # noqa: PLR2004  # a rate is short
        return Decimal(value)
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return Decimal(value)
    raise InvalidAmount("a tax rate must be a Decimal, a whole number or a plain decimal text")


def _plain_id(value: str) -> str:
    return require_text(value, "the id")


@attrs.frozen(kw_only=True)
class Region:
    """
    Where a gift card is sold, as the host knows it.

    ``tax_rate`` is the region's own, a percentage; zero is a rate and None is none.
    """

    id: str = attrs.field(converter=_plain_id)
    taxes_gift_cards: bool
    tax_rate: Decimal | None = attrs.field(default=None, converter=attrs.converters.optional(percentage))

    def __attrs_post_init__(self) -> None:
        """Check the one fact that nothing else can be taken for."""
        if not isinstance(self.taxes_gift_cards, bool):
            raise InvalidRequest("taxes_gift_cards must be True or False")


def resolve_tax_rate(region: Region, merchant_rate: Decimal | None) -> Decimal | None:
    """
    Return the rate that a card sold in *region* carries.

    None if the region does not tax gift cards, else the rate the merchant set
    (zero is a rate), else the region's rate, else None.
    """
    if not region.taxes_gift_cards:
        return None
    return region.tax_rate if merchant_rate is None else merchant_rate


@attrs.frozen(kw_only=True)
class CardPayment:
    """What one gift card paid for an order, tax included, and the rate it carries; None is untaxed."""

    gift_card_id: str = attrs.field(converter=_plain_id)
    amount: Money
    tax_rate: Decimal | None = attrs.field(default=None, converter=attrs.converters.optional(percentage))

    def __attrs_post_init__(self) -> None:
        """Check the amount."""
        minor_units(self.amount)

    @property
    def exact_tax(self) -> Fraction:
        """The tax in the amount, in minor units, not rounded."""
        rate = Fraction(0) if self.tax_rate is None else Fraction(self.tax_rate)
        return minor_units(self.amount) * rate / (100 + rate)


@attrs.frozen(kw_only=True)
class PrepaidTax:
    """The tax that is contained in what one gift card paid; zero for an untaxed one."""

    gift_card_id: str
    amount: Money
    tax_rate: Decimal | None
    tax: Money


def prepaid_tax(payments: Sequence[CardPayment]) -> tuple[PrepaidTax, ...]:
    """
    Return how much tax is in what each card paid for one order, untaxed cards included.

    The sum is rounded once, half a minor unit up, and then split over the cards
    exactly, so the parts sum to it however many cards paid.

    Args:
        payments:
            Of one currency; none gives none.

    Raises:
        loyalty.errors.InvalidRequest: If *payments* is not a list or tuple of ``CardPayment``.
        loyalty.errors.CurrencyMismatch: If there are several currencies.

    Guarantees:
        Exact, and at one rate the same sum however a payment is divided among
        cards (``tests/properties/test_prepaid_tax_is_exact.py``).

    Example:
        >>> paid = [CardPayment(gift_card_id="a", amount=Money("11.90", "EUR"), tax_rate=Decimal(19))]
        >>> prepaid_tax(paid)[0].tax
        Money('1.90', 'EUR')
    """
    if not isinstance(payments, list | tuple) or not all(isinstance(one, CardPayment) for one in payments):
        raise InvalidRequest("payments must be a list or tuple of CardPayment")
    for one in payments[1:]:
        if one.amount.currency != payments[0].amount.currency:
            raise CurrencyMismatch(expected=payments[0].amount.currency.code, actual=one.amount.currency.code)
    taxes = _split_taxes([payment.exact_tax for payment in payments], [minor_units(one.amount) for one in payments])
    return tuple(
        PrepaidTax(
            gift_card_id=payment.gift_card_id,
            amount=payment.amount,
            tax_rate=payment.tax_rate,
            tax=to_money(tax, payment.amount.currency.code, exponent_of(payment.amount.currency)),
        )
        for payment, tax in zip(payments, taxes, strict=True)
    )


def _split_taxes(exact: list[Fraction], amounts: list[int]) -> tuple[int, ...]:
    whole, total = sum(amounts), sum(exact, Fraction(0))
    if total == 0:
        return (0,) * len(exact)
    # Tax and the rest are two parts of what was paid; splitting it into them is what rounds the tax.
    tax, _ = split(whole, (total.numerator, whole * total.denominator - total.numerator))
    common = math.lcm(*(one.denominator for one in exact))
    return split(tax, [int(one * common) for one in exact])
