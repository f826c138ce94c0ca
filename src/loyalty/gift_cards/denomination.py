"""
What a gift card may be worth: fixed amounts, each a variant of the product, or any amount within a range.

What is on offer changes, and an order that was placed before the change is still
served: an offer is never changed or removed. It is retired at an instant, and
another one may begin there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Self

import attrs
from moneyed import Money

from loyalty.clock import require_utc
from loyalty.errors import CurrencyMismatch, InvalidRequest
from loyalty.identifiers import require_optional_text, require_text
from loyalty.money import exact_money, exponent_of, minor_units

__all__ = ["Denomination", "Offer", "OpenAmount"]

MOST_CURRENCIES = 200


def _variant(value: str) -> str:
    return require_text(value, "variant_id")


def _sku(value: str | None) -> str | None:
    return require_optional_text(value, "sku")


def _time(value: datetime | None) -> datetime | None:
    return None if value is None else require_utc(value, "the time")


def _moneys(values: Money | Iterable[Money]) -> tuple[Money, ...]:
    """Freeze one amount per currency, in the order of the currencies' codes."""
    given = [values] if isinstance(values, Money) else values
    if not isinstance(given, list | tuple) or len(given) > MOST_CURRENCIES:
        raise InvalidRequest(f"expected money, or a list or tuple of at most {MOST_CURRENCIES}")
    moneys = sorted(map(exact_money, given), key=lambda money: money.currency.code)
    if len({money.currency.code for money in moneys}) != len(moneys):
        raise InvalidRequest("expected one amount per currency")
    return tuple(moneys)


@attrs.frozen(kw_only=True)
class Offer:
    """
    Something that is on offer from an instant (included) to another (not included).

    None as the first is "ever since", None as the second "until it is retired".
    The library sets both.
    """

    offered_from: datetime | None = attrs.field(default=None, converter=_time)
    retired_at: datetime | None = attrs.field(default=None, converter=_time)

    def was_offered(self, at: datetime) -> bool:
        """Tell whether it was on offer at *at* (aware, UTC)."""
        is_early = self.offered_from is not None and at < self.offered_from
        return not is_early and (self.retired_at is None or at < self.retired_at)

    def retire(self, at: datetime) -> Self:
        """Return the offer, ending at *at*; one that has ended stays as it is."""
        return self if self.retired_at is not None else attrs.evolve(self, retired_at=at)

    def is_same_as(self, other: Offer) -> bool:
        """Tell whether *other* offers the same, whenever it does."""
        return attrs.evolve(self, offered_from=None, retired_at=None) == attrs.evolve(
            other, offered_from=None, retired_at=None
        )


@attrs.frozen(kw_only=True)
class Denomination(Offer):
    """
    A fixed amount: one variant of a gift card product, under the host's id for it.

    Args:
        variant_id, sku:
            The host's names for the variant; 1 to 200 characters. The SKU may be None.
        prices:
            What it costs: money, or one amount per currency. Positive and exact.
        face_values:
            What a card of it is worth, where that differs from the price: money, or
            one amount per currency. The shop gives the difference as a promotion.

    Raises:
        loyalty.errors.InvalidRequest: If a value is not as said, or there is no price.
        loyalty.errors.CurrencyMismatch: If a face value has no price in its currency.
    """

    variant_id: str = attrs.field(converter=_variant)
    sku: str | None = attrs.field(default=None, converter=_sku)
    prices: tuple[Money, ...] = attrs.field(converter=_moneys)
    face_values: tuple[Money, ...] = attrs.field(default=(), converter=_moneys)

    def __attrs_post_init__(self) -> None:
        """Give every currency that has a price a face value, and check that no other has."""
        if not self.prices:
            raise InvalidRequest("a denomination needs a price")
        differing = {money.currency.code: money for money in self.face_values}
        worth = tuple([differing.pop(price.currency.code, price) for price in self.prices])
        for money in differing.values():
            raise CurrencyMismatch("a face value needs a price in its currency", actual=money.currency.code)
        object.__setattr__(self, "face_values", worth)

    @property
    def name(self) -> str:
        """What tells it from the other offers of its product."""
        return self.variant_id

    def face_value(self, currency: str) -> Money | None:
        """Return what a card is worth in a currency, or None if it is not sold in it."""
        return next((money for money in self.face_values if money.currency.code == currency), None)


@attrs.frozen(kw_only=True)
class OpenAmount(Offer):
    """
    Any amount within a range, in one currency.

    Args:
        minimum, maximum:
            Both included; positive, exact, and of one currency.
        step:
            What the amounts are apart, counted from the minimum; None allows every one.

    Raises:
        loyalty.errors.InvalidRequest: If a value is not as said.
        loyalty.errors.CurrencyMismatch: If there are several currencies.
    """

    minimum: Money = attrs.field(converter=exact_money)
    maximum: Money = attrs.field(converter=exact_money)
    step: Money | None = attrs.field(default=None, converter=attrs.converters.optional(exact_money))

    def __attrs_post_init__(self) -> None:
        """Check that the three belong together."""
        for money in filter(None, (self.maximum, self.step)):
            if (money.currency.code, exponent_of(money.currency)) != (self.name, exponent_of(self.minimum.currency)):
                raise CurrencyMismatch(expected=self.name, actual=money.currency.code)
        if minor_units(self.minimum) > minor_units(self.maximum):
            raise InvalidRequest("the minimum of an open amount must not be above its maximum")

    @property
    def name(self) -> str:
        """What tells it from the other open amounts of its product: the code of its currency."""
        return self.minimum.currency.code

    def allows(self, amount: Money) -> bool:
        """Tell whether a card may be worth *amount*."""
        if (amount.currency.code, exponent_of(amount.currency)) != (self.name, exponent_of(self.minimum.currency)):
            return False
        lowest, wanted, highest = map(minor_units, (self.minimum, amount, self.maximum))
        step = 1 if self.step is None else minor_units(self.step)
        return lowest <= wanted <= highest and (wanted - lowest) % step == 0
