"""
What py-moneyed leaves open: exactness, sign, and fair splitting.

Inside the library an amount is an integer of minor units; :class:`moneyed.Money`
exists only at the door. This file is that door, both ways, and it is the one
place where anything is ever rounded (:func:`split`). Nothing here looks at the
ambient decimal context, so a host that lowers its precision or changes its
rounding mode cannot change what a gift card is worth.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from typing import Any, Final

from moneyed import Currency, CurrencyDoesNotExist, Money, get_currency

from loyalty.errors import InvalidAmount

__all__ = [
    "ALL",
    "LIMIT",
    "Everything",
    "exact_money",
    "exponent_of",
    "minor_units",
    "signed_minor_units",
    "split",
    "split_next",
    "to_money",
    "totals",
]

LIMIT: Final = 10**15
"""The largest movement, in minor units, the bound included."""

LARGEST_EXPONENT: Final = 18
"""More decimals than any currency in use has; a larger power of ten is a mistake."""

MOST_DIGITS: Final = 40
"""Digits before the point that a signed sum may have; checked before any arithmetic."""

_TOP: Final = len(str(LIMIT)) - 1

# Wide enough that shifting the decimal point never rounds; it traps nothing and
# belongs to nobody else, so the context of the host plays no part.
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_CODE: Final = re.compile("[A-Z0-9]{1,12}")
_NOT_CURRENCIES: Final = frozenset({"XXX", "XTS"})


class Everything(enum.Enum):
    """The type of :data:`ALL`, for annotations such as ``Money | Everything``."""

    ALL = "ALL"

    def __repr__(self) -> str:
        """Return the name by which hosts import it."""
        return "ALL"


ALL: Final = Everything.ALL
"""Everything there is: its own symbol, never 0, None or a negative number."""


def exponent_of(currency: Currency) -> int:
    """
    Return how many decimals the currency has.

    Currencies of the host's own making, such as points, are welcome: any upper
    case code of 1 to 12 letters and digits whose ``sub_unit`` is a power of
    ten. The two ISO codes that mean "no currency" and "for tests" are not.

    Args:
        currency:
            From py-moneyed: USD has 2, JPY 0, KWD 3, CLF 4.

    Raises:
        loyalty.errors.InvalidAmount: If it is not such a currency.

    Source:
        ISO 4217, through the table of py-moneyed.
    """
    if not isinstance(currency, Currency):
        raise InvalidAmount("the currency is not a moneyed.Currency")
    try:
        return _exponent(currency.code, currency.sub_unit)
    except (AttributeError, TypeError):
        raise InvalidAmount("the currency has no usable code or sub-unit") from None


@lru_cache(maxsize=1024, typed=True)
def _exponent(code: object, sub_unit: object) -> int:
    if type(code) is not str or _CODE.fullmatch(code) is None or code in _NOT_CURRENCIES:
        raise InvalidAmount("the currency code must be 1 to 12 upper case letters or digits, and a real currency")
    for exponent in range(LARGEST_EXPONENT + 1):
        if type(sub_unit) is int and sub_unit == 10**exponent:
            return exponent
    raise InvalidAmount("the sub-unit of the currency is not a power of ten")


def minor_units(money: object, name: str = "amount") -> int:
    """
    Return the amount of one movement in minor units.

    This is where bad amounts end: what passes is finite, exact in the
    currency's minor unit, above zero and at most :data:`LIMIT`. Trailing zeros
    do not matter; one decimal that is not zero and that the currency does not
    have is an error, never a rounding.

    Args:
        money:
            Whatever the caller was given; only :class:`moneyed.Money` passes.
        name:
            What the message calls the amount.

    Returns:
        An integer from 1 to :data:`LIMIT`.

    Raises:
        loyalty.errors.InvalidAmount: If it is anything else. The message does
            not repeat the amount.

    Guarantees:
        Exact under every ambient decimal context
        (``tests/properties/test_money_round_trips.py``).
    """
    amount = getattr(money, "amount", None)
    if type(amount) is Decimal and isinstance(money, Money) and amount.is_finite() and amount.adjusted() <= _TOP:
        shifted = amount.scaleb(exponent_of(money.currency), _EXACT)
        minor = int(shifted)
        if 0 < minor <= LIMIT and shifted == minor:
            return minor
    raise _refusal(money, name)


def exact_money(money: Money) -> Money:
    """
    Return money that :func:`minor_units` takes, as plain :class:`moneyed.Money` whatever class a host made of it.

    Raises:
        loyalty.errors.InvalidAmount: If it does not take it.
    """
    minor_units(money)
    return Money(money.amount, money.currency)


def signed_minor_units(money: object, name: str = "amount") -> int:
    """
    Return a balance, a sum or a difference in minor units.

    Unlike :func:`minor_units` it takes zero and negative amounts, and more
    than one movement may hold. It is for values that the library itself made;
    a movement that comes from a caller goes through :func:`minor_units`.

    Raises:
        loyalty.errors.InvalidAmount: If the amount is not finite, not exact in
            the minor unit, or longer than ``MOST_DIGITS`` digits.
    """
    amount = getattr(money, "amount", None)
    if type(amount) is Decimal and isinstance(money, Money) and amount.is_finite() and amount.adjusted() < MOST_DIGITS:
        shifted = amount.scaleb(exponent_of(money.currency), _EXACT)
        minor = int(shifted)
        if shifted == minor:
            return minor
    raise _refusal(money, name)


def _refusal(money: object, name: str) -> InvalidAmount:
    amount = getattr(money, "amount", None)
    if not isinstance(money, Money) or type(amount) is not Decimal:
        return InvalidAmount(f"{name} must be a moneyed.Money of a Decimal, not {type(money).__name__}")
    exponent = exponent_of(money.currency)
    if not amount.is_finite():
        return InvalidAmount(f"{name} must be a finite number")
    if amount <= 0:
        return InvalidAmount(f"{name} must be more than zero")
    if amount.adjusted() + exponent >= _TOP:
        return InvalidAmount(f"{name} is larger than 10^15 minor units, or not exact in them")
    return InvalidAmount(f"{name} has more than the {exponent} decimals of {money.currency.code}")


def to_money(minor: int, currency: str, exponent: int) -> Money:
    """
    Return minor units as money, the exact inverse of :func:`minor_units`.

    The exponent is the one recorded with the account. Should the table of
    py-moneyed say something else today, the money carries a currency with the
    recorded one, so that a changed table never re-scales stored value.

    Args:
        minor:
            Signed; zero and negative values are fine.
        currency:
            The code; one that py-moneyed does not know is fine.
        exponent:
            How many decimals the result has, exactly.

    Example:
        >>> to_money(2000, "USD", 2)
        Money('20.00', 'USD')
    """
    return Money(Decimal(minor).scaleb(-exponent, _EXACT), _currency(currency, exponent))


def totals(amounts: Iterable[tuple[str, int, int]]) -> tuple[Money, ...]:
    """
    Return the sum of amounts per currency, sorted by its code.

    Args:
        amounts:
            The code of the currency, its number of decimals, and minor units, signed.
    """
    sums: dict[tuple[str, int], int] = {}
    for currency, exponent, minor in amounts:
        sums[currency, exponent] = sums.get((currency, exponent), 0) + minor
    return tuple([to_money(minor, *currency) for currency, minor in sorted(sums.items())])


@lru_cache(maxsize=1024)
def _currency(code: str, exponent: int) -> Currency:
    sub_unit = 10**exponent
    try:
        known = get_currency(code)
    except CurrencyDoesNotExist:
        return Currency(code=code, sub_unit=sub_unit)
    if known.sub_unit == sub_unit:
        return known
    return Currency(code=code, numeric=known.numeric, sub_unit=sub_unit)


def split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """
    Divide an amount in proportion to weights: the one place that rounds.

    Largest remainder: every part gets its share rounded down, then the minor
    units left over go one each to the parts that lost most by rounding, the
    earlier part first among equals.

    Args:
        amount:
            Minor units, zero or more.
        weights:
            Zero or more each, with a sum above zero. A part of weight zero
            gets nothing.

    Returns:
        One part per weight, in the same order, each less than one minor unit
        from its exact share.

    Raises:
        loyalty.errors.InvalidAmount: If the amount or a weight is negative or
            not an integer, or if no weight is above zero.

    Guarantees:
        The parts always sum to the amount
        (``tests/properties/test_split_is_exact.py``).

    Example:
        >>> split(100, (1, 1, 1))
        (34, 33, 33)
    """
    _require_counts((amount,), "the amount to split")
    _require_counts(weights, "a weight")
    total = sum(weights)
    if total == 0:
        raise InvalidAmount("at least one weight must be more than zero")
    shares = [amount * weight // total for weight in weights]
    left_over = amount - sum(shares)
    if left_over:
        by_loss = sorted(range(len(shares)), key=lambda part: -(amount * weights[part] % total))
        for part in by_loss[:left_over]:
            shares[part] += 1
    return tuple(shares)


def split_next(amount: int, caps: Sequence[int], allotted: Sequence[int]) -> tuple[int, ...]:
    """
    Divide one more partial refund over the parts of what was paid.

    It is cumulative: what matters is where each part should stand after all
    refunds so far, not this refund alone. So no series of small refunds can
    drift, and the refund that takes the rest closes every part at its cap.

    Args:
        amount:
            Minor units of this refund, zero or more.
        caps:
            What each part may get back in total.
        allotted:
            What each part got back before.

    Returns:
        What each part gets now, never negative, never above what its cap
        leaves, together exactly the amount.

    Raises:
        loyalty.errors.InvalidAmount: If more is asked for than the caps leave,
            if a part already stands above its cap, or if the lengths differ.

    Guarantees:
        Any series of partial refunds ends where one full refund ends, and on
        the way no part stands a whole minor unit above its exact share, or
        more than one for each other part below it
        (``tests/properties/test_partial_refunds_close_at_zero.py``).

    Example:
        >>> split_next(1, (2, 1), (0, 0)), split_next(2, (2, 1), (1, 0))
        ((1, 0), (1, 1))
    """
    _require_counts((amount,), "the amount to split")
    _require_counts(caps, "a cap")
    _require_counts(allotted, "an allotted part")
    if len(caps) != len(allotted) or any(given > cap for given, cap in zip(allotted, caps, strict=True)):
        raise InvalidAmount("every part needs a cap that is not below what it was allotted")
    so_far, whole = sum(allotted) + amount, sum(caps)
    if so_far > whole:
        raise InvalidAmount("the amount is larger than what the caps leave")
    if amount == 0:
        return (0,) * len(caps)
    shortfalls = [max(0, so_far * cap - given * whole) for cap, given in zip(caps, allotted, strict=True)]
    return split(amount, shortfalls)


def _require_counts(values: Sequence[Any], name: str) -> None:
    for value in values:
        if type(value) is not int or value < 0:
            raise InvalidAmount(f"{name} must be an integer, zero or more")
