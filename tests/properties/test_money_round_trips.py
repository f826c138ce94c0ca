"""Minor units become money and come back unchanged, for every currency and under every ambient decimal context."""

from __future__ import annotations

import decimal
from decimal import Context, Decimal, localcontext
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from loyalty.errors import InvalidAmount
from loyalty.money import LIMIT, exponent_of, minor_units, signed_minor_units, to_money

CURRENCIES: Final = [("JPY", 0), ("PTS", 0), ("USD", 2), ("KWD", 3), ("CLF", 4), ("ETH", 18), ("HUF", 0), ("USD", 3)]
"""Of each class of exponents, and two whose exponent differs from today's table."""

ROUNDINGS: Final = (
    decimal.ROUND_UP,
    decimal.ROUND_DOWN,
    decimal.ROUND_CEILING,
    decimal.ROUND_FLOOR,
    decimal.ROUND_HALF_UP,
    decimal.ROUND_HALF_EVEN,
    decimal.ROUND_05UP,
)

contexts = st.builds(
    Context,
    prec=st.integers(1, 9),
    rounding=st.sampled_from(ROUNDINGS),
    Emin=st.integers(-9, 0),
    Emax=st.integers(0, 9),
    clamp=st.integers(0, 1),
    traps=st.lists(st.sampled_from(list(Context().flags)), unique=True),
)


@given(contexts, st.sampled_from(CURRENCIES), st.integers(1, LIMIT))
def test_movements_round_trip(context: Context, currency: tuple[str, int], minor: int) -> None:
    """The way out and back in is the identity over the full range."""
    with localcontext(context):
        money = to_money(minor, *currency)
        back = minor_units(money)
    assert (minor, currency[1]) == (back, exponent_of(money.currency))


@given(contexts, st.sampled_from(CURRENCIES), st.integers(-(10**20), 10**20))
def test_sums_round_trip(context: Context, currency: tuple[str, int], minor: int) -> None:
    """So it is for zero, for negative values, and for sums of many movements."""
    with localcontext(context):
        back = signed_minor_units(to_money(minor, *currency))
    assert minor == back


@given(contexts, st.sampled_from(CURRENCIES), st.integers(-(10**20), 10**20))
def test_money_has_exactly_its_decimals(context: Context, currency: tuple[str, int], minor: int) -> None:
    """Twenty dollars are 20.00, never 20 or 2E+1."""
    with localcontext(context):
        amount = to_money(minor, *currency).amount
    assert -currency[1] == amount.as_tuple().exponent
    assert Decimal(minor) == amount.scaleb(currency[1], Context(prec=50))


@given(contexts, st.sampled_from(CURRENCIES), st.integers(1, LIMIT - 1), st.integers(1, 9))
def test_a_tenth_of_a_minor_unit_is_refused(
    context: Context, currency: tuple[str, int], minor: int, digit: int
) -> None:
    """One digit more than the currency has is an error under every rounding mode."""
    code, exponent = currency
    amount = Decimal(f"{minor}{digit}E-{exponent + 1}")
    with localcontext(context), pytest.raises(InvalidAmount):
        minor_units(Money(amount, to_money(1, code, exponent).currency))


@given(contexts, st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(-100, 100, places=2))
def test_what_passes_is_exact(context: Context, amount: Decimal) -> None:
    """Of all decimals there are, those that pass are worth what they say, and the others raise a typed error."""
    with localcontext(context):
        try:
            minor = minor_units(Money(amount, "USD"))
        except InvalidAmount:
            return
    assert 0 < minor <= LIMIT
    assert amount == Decimal(minor) / 100
