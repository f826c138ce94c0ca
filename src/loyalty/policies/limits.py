"""
How much stored value may pay: per gift card, per order, per customer and day.

A limit caps what is planned and reserved; the rest of the order stays due. A
command that takes an exact amount is refused above it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from moneyed import Money

from loyalty.errors import InvalidRequest
from loyalty.money import minor_units
from loyalty.policies.decision import policy

__all__ = ["NO_CAPS", "Caps", "Limits", "SpendingLimits", "no_limits"]


@attrs.frozen(kw_only=True)
class Caps:
    """
    The largest amounts in one currency, in minor units; None is no limit.

    ``per_card`` and ``per_order`` bound what pays for one order;
    ``per_customer_and_day`` bounds what a customer's store credit and claimed
    cards pay in one day (UTC), held value included. Holds and payments over
    several tenders of one customer wait for each other, so for them it is
    strict; two exact payments from two of his accounts at the same instant may
    both be allowed.
    """

    per_card: int | None = None
    per_order: int | None = None
    per_customer_and_day: int | None = None


NO_CAPS = Caps()

Limits = Callable[[str], Caps]
"""Answers the caps in a currency, named by its code."""


@policy("1")
def no_limits(currency: str) -> Caps:  # noqa: ARG001  # the same in every currency
    """Limit nothing."""
    return NO_CAPS


def _amounts(values: object) -> tuple[Money, ...]:
    amounts = (values,) if isinstance(values, Money) else values
    if not isinstance(amounts, tuple | list):
        raise InvalidRequest("a limit must be Money, or a tuple of one Money per currency")
    for amount in amounts:
        minor_units(amount, "a limit")
    if len({amount.currency.code for amount in amounts}) != len(amounts):
        raise InvalidRequest("a limit names a currency twice")
    return tuple(amounts)


@attrs.frozen(kw_only=True)
class SpendingLimits:
    """
    Limits that a shop states in money, one amount per currency.

    A currency that is not named has no limit. Change *version* whenever an
    amount changes; it is recorded with every decision.

    Example:
        >>> limits = SpendingLimits(per_order=Money("500.00", "USD"), version="2026-11")
        >>> limits("USD").per_order, limits("EUR").per_order
        (50000, None)
    """

    per_card: tuple[Money, ...] = attrs.field(default=(), converter=_amounts)
    per_order: tuple[Money, ...] = attrs.field(default=(), converter=_amounts)
    per_customer_and_day: tuple[Money, ...] = attrs.field(default=(), converter=_amounts)
    version: str = "1"

    def __call__(self, currency: str) -> Caps:
        """Return the caps in a currency."""
        return Caps(
            per_card=_in(self.per_card, currency),
            per_order=_in(self.per_order, currency),
            per_customer_and_day=_in(self.per_customer_and_day, currency),
        )


def _in(amounts: tuple[Money, ...], currency: str) -> int | None:
    return next((minor_units(amount) for amount in amounts if amount.currency.code == currency), None)
