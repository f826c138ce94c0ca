"""What is money, what is not, and how it is divided."""

from __future__ import annotations

import pickle
from decimal import Context, Decimal, localcontext
from typing import Final

import moneyed
import pytest
from moneyed import Currency, Money

from loyalty.errors import InvalidAmount
from loyalty.money import (
    ALL,
    LIMIT,
    Everything,
    exponent_of,
    minor_units,
    signed_minor_units,
    split,
    split_next,
    to_money,
    totals,
)

POINTS: Final = Currency(code="PTS", sub_unit=1)


class MoneyOfTheHost(Money):
    """What django-money does: a subclass."""


class DecimalOfTheHost(Decimal):
    """A Decimal that may have changed its arithmetic."""


# --- currencies -------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "exponent"),
    [
        ("JPY", 0),
        ("KRW", 0),
        ("USD", 2),
        ("HUF", 2),
        ("DEM", 2),
        ("KWD", 3),
        ("BHD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
    ],
)
def test_exponent_of_iso_currency(code: str, exponent: int) -> None:
    """The decimals of a currency come from its sub-unit."""
    assert exponent == exponent_of(moneyed.get_currency(code))


def test_every_registered_currency_has_an_exponent_or_is_no_currency() -> None:
    """Of the whole table of py-moneyed only the two codes without a currency are refused."""
    refused = set()
    for currency in moneyed.CURRENCIES.values():
        try:
            exponent_of(currency)
        except InvalidAmount:
            refused.add(currency.code)
    assert {"XXX", "XTS"} == refused


def test_exponent_of_points() -> None:
    """A currency of the host's own making is welcome."""
    assert (0, 18) == (exponent_of(POINTS), exponent_of(Currency(code="ETH123456789", sub_unit=10**18)))


@pytest.mark.parametrize(
    "currency",
    [
        "USD",
        None,
        2,
        Currency(code="", sub_unit=1),
        Currency(code="usd", sub_unit=100),
        Currency(code="US$", sub_unit=100),
        Currency(code="USD\n", sub_unit=100),
        Currency(code="ABCDEFGHIJKLM", sub_unit=1),
        Currency(code="ÄÖÜ", sub_unit=1),
        Currency(code="٣٣٣", sub_unit=1),
        Currency(code=None, sub_unit=1),  # type: ignore[arg-type]
        Currency(code=["USD"], sub_unit=100),  # type: ignore[arg-type]
        Currency(code="PTS", sub_unit=0),
        Currency(code="PTS", sub_unit=-100),
        Currency(code="PTS", sub_unit=5),
        Currency(code="PTS", sub_unit=50),
        Currency(code="PTS", sub_unit=True),
        Currency(code="PTS", sub_unit=100.0),  # type: ignore[arg-type]
        Currency(code="PTS", sub_unit="100"),  # type: ignore[arg-type]
        Currency(code="PTS", sub_unit=10**19),
        Currency(code="PTS", sub_unit=10**6000),
        Currency(code="PTS", sub_unit=None),  # type: ignore[arg-type]
        moneyed.XXX,
        moneyed.XTS,
    ],
    ids=lambda value: type(value).__name__,
)
def test_exponent_of_refuses_what_is_no_currency(currency: Currency) -> None:
    """A wrong type, code or sub-unit is a typed error."""
    with pytest.raises(InvalidAmount):
        exponent_of(currency)


def test_cached_exponent_does_not_hide_another_type() -> None:
    """A sub-unit that merely equals a good one is refused even after the good one was seen."""
    exponent_of(Currency(code="PTX", sub_unit=1))
    with pytest.raises(InvalidAmount):
        exponent_of(Currency(code="PTX", sub_unit=True))


# --- amounts in -------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "minor"),
    [
        (Money("0.01", "USD"), 1),
        (Money("50", "USD"), 5000),
        (Money("50.00000", "USD"), 5000),
        (Money("1E+2", "USD"), 10_000),
        (Money("7", "JPY"), 7),
        (Money("0.001", "KWD"), 1),
        (Money("0.0001", "CLF"), 1),
        (Money("12", POINTS), 12),
        (Money("9999999999999.99", "USD"), LIMIT - 1),
        (Money("10000000000000.00", "USD"), LIMIT),
        (Money("1000000000000000", "JPY"), LIMIT),
        (MoneyOfTheHost("1.50", "USD"), 150),
        (Money(Decimal("1." + "0" * 100_000), "USD"), 100),
    ],
)
def test_minor_units(money: Money, minor: int) -> None:
    """An amount that is exact in the minor unit passes, however it is written."""
    assert minor == minor_units(money)


@pytest.mark.parametrize(
    "amount",
    [
        "NaN",
        "sNaN",
        "-sNaN123",
        "Infinity",
        "-Infinity",
        "0",
        "-0",
        "0.00",
        "0E+999999",
        "0E-999999",
        "-1",
        "-0.01",
        "1.239",
        "0.001",
        "1e-1000000",
        "-1e1000000",
        "1e1000000",
        "1e999999999999999999",
        "1e-1999999999999999997",
        "9007199254740993e30",
        "10000000000000.01",
        "10000000000000.001",
        "1." + "0" * 5000 + "1",
        "1" + "0" * 5000,
        str(10**30),
    ],
    ids=lambda text: str(text)[:24],
)
def test_minor_units_refuses_bad_amounts(amount: str) -> None:
    """Not finite, zero, negative, too fine or too large: a typed error that names the field."""
    with pytest.raises(InvalidAmount, match=r"^value ") as caught:
        minor_units(Money(Decimal(amount), "USD"), "value")
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.5", "JPY"), ("0.5", "KRW"), ("0.0001", "KWD"), ("0.00001", "CLF"), ("1.000001", "USD")]
)
def test_minor_units_refuses_one_decimal_too_many(amount: str, currency: str) -> None:
    """More decimals than the currency has is an error, never a rounding."""
    with pytest.raises(InvalidAmount, match="decimals"):
        minor_units(Money(amount, currency))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 5, 1.5, float("nan"), Decimal(5), "5.00", "", b"5", ALL, object(), [Money(1, "USD")], Money],
    ids=lambda value: type(value).__name__,
)
def test_minor_units_refuses_what_is_not_money(value: object) -> None:
    """Only money is money; nothing is guessed from numbers or texts."""
    with pytest.raises(InvalidAmount):
        minor_units(value)
    with pytest.raises(InvalidAmount):
        signed_minor_units(value)


def test_minor_units_refuses_money_that_was_tampered_with() -> None:
    """Money without an amount, with a float, or with a Decimal of another class is refused."""
    empty = Money.__new__(Money)
    changed = Money("1", "USD")
    object.__setattr__(changed, "amount", 1.5)
    without_currency = Money("1", "USD")
    object.__setattr__(without_currency, "currency", None)
    for money in (empty, changed, without_currency, Money(DecimalOfTheHost("1"), "USD")):
        with pytest.raises(InvalidAmount):
            minor_units(money)


def test_minor_units_refuses_currencies_without_money() -> None:
    """XXX means that there is no currency; XTS is for tests of banks."""
    for currency in (moneyed.XXX, moneyed.XTS):
        with pytest.raises(InvalidAmount):
            minor_units(Money("1", currency))


def test_huge_exponent_is_refused_without_computing_it() -> None:
    """A number of a billion digits costs nothing, because it is never written out."""
    for _ in range(1000):
        with pytest.raises(InvalidAmount):
            minor_units(Money(Decimal("1e1000000000"), "USD"))


def test_ambient_context_plays_no_part() -> None:
    """With a precision of one digit and every trap set, amounts pass unharmed."""
    hostile = Context(prec=1, Emax=1, Emin=-1, traps=list(Context().flags))
    with localcontext(hostile):
        assert 123_456_789 == minor_units(Money("1234567.89", "USD"))
        assert Decimal("1234567.89") == to_money(123_456_789, "USD", 2).amount
        with pytest.raises(InvalidAmount):
            minor_units(Money("1234567.891", "USD"))


# --- sums -------------------------------------------------------------------


def test_signed_minor_units() -> None:
    """A sum may be zero, negative, or larger than one movement."""
    amounts = ("0.00", "-12.34", "99999999999999999999.99")
    assert (0, -1234, 10**22 - 1) == tuple(signed_minor_units(Money(amount, "USD")) for amount in amounts)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "-Infinity", "-0.001", "1e40", "-1e1000000000", "0E+1000000"])
def test_signed_minor_units_refuses_bad_amounts(amount: str) -> None:
    """A sum is as finite and exact as everything else."""
    with pytest.raises(InvalidAmount):
        signed_minor_units(Money(Decimal(amount), "USD"))


# --- amounts out ------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "exponent", "shown"),
    [
        (2000, "USD", 2, "Money('20.00', 'USD')"),
        (0, "USD", 2, "Money('0.00', 'USD')"),
        (-5, "USD", 2, "Money('-0.05', 'USD')"),
        (7, "JPY", 0, "Money('7', 'JPY')"),
        (1, "KWD", 3, "Money('0.001', 'KWD')"),
        (1, "CLF", 4, "Money('0.0001', 'CLF')"),
        (12, "PTS", 0, "Money('12', 'PTS')"),
        (10**30, "USD", 2, "Money('10000000000000000000000000000.00', 'USD')"),
    ],
)
def test_to_money(minor: int, currency: str, exponent: int, shown: str) -> None:
    """The result has exactly as many decimals as the exponent says."""
    assert shown == repr(to_money(minor, currency, exponent))


def test_to_money_uses_the_registered_currency() -> None:
    """A known currency is py-moneyed's own object."""
    assert moneyed.USD is to_money(1, "USD", 2).currency


def test_to_money_keeps_the_recorded_exponent() -> None:
    """If the table changed since, stored money is not re-scaled, and comes back as it was."""
    money = to_money(1234, "HUF", 0)
    assert ("Money('1234', 'HUF')", 1234) == (repr(money), minor_units(money))


# --- everything -------------------------------------------------------------


def test_all_is_its_own_symbol() -> None:
    """ALL survives pickling as the same object, and is equal to no number."""
    assert "ALL" == repr(ALL)
    assert ALL is pickle.loads(pickle.dumps(ALL))
    assert [Everything.ALL] == list(Everything)
    assert [] == [other for other in (0, None, -1, "", "ALL", False) if other == ALL]


# --- splitting --------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (101, (1, 1, 1), (34, 34, 33)),
        (103, (100, 100), (52, 51)),
        (0, (3, 4), (0, 0)),
        (5, (0, 7, 0), (0, 5, 0)),
        (1, (1, 3), (0, 1)),
        (7, (1,), (7,)),
        (10**15, (10**15, 1), (10**15 - 1, 1)),
        (3, [2, 2], (2, 1)),
    ],
)
def test_split(amount: int, weights: tuple[int, ...], parts: tuple[int, ...]) -> None:
    """The largest remainder gets the next unit, the earlier part first among equals."""
    assert parts == split(amount, weights)


@pytest.mark.parametrize(
    ("amount", "weights"),
    [
        (-1, (1,)),
        (1, ()),
        (1, (0, 0)),
        (1, (1, -1)),
        (1, (1, 1.5)),
        (1.0, (1,)),
        (True, (1,)),
        (1, (True,)),
        ("1", (1,)),
    ],
)
def test_split_refuses_what_cannot_be_divided(amount: int, weights: tuple[int, ...]) -> None:
    """Only whole amounts, over weights of which one is above zero."""
    with pytest.raises(InvalidAmount):
        split(amount, weights)


def test_split_next_closes_every_part() -> None:
    """The refund that takes the rest leaves nothing open anywhere."""
    caps, allotted = (52, 51, 0), (0, 0, 0)
    for amount in (1, 50, 52):
        parts = split_next(amount, caps, allotted)
        allotted = (allotted[0] + parts[0], allotted[1] + parts[1], allotted[2] + parts[2])
    assert caps == allotted


def test_split_next_takes_from_the_part_that_is_behind() -> None:
    """A part that got more than its share before waits until the others caught up."""
    assert ((0, 5), (0, 0), ()) == (
        split_next(5, (10, 10), (5, 0)),
        split_next(0, (1, 2), (1, 0)),
        split_next(0, (), ()),
    )


@pytest.mark.parametrize(
    ("amount", "caps", "allotted"),
    [
        (-1, (5,), (0,)),
        (6, (5,), (0,)),
        (1, (5,), (5,)),
        (1, (5, 5), (0,)),
        (1, (5, 5), (6, 0)),
        (1, (5, -5), (0, 0)),
        (1, (5,), (-1,)),
        (1, (), ()),
        (1.5, (5,), (0,)),
    ],
)
def test_split_next_refuses_more_than_is_left(amount: int, caps: tuple[int, ...], allotted: tuple[int, ...]) -> None:
    """No part is ever refunded above its cap."""
    with pytest.raises(InvalidAmount):
        split_next(amount, caps, allotted)


def test_totals_are_sums_per_currency() -> None:
    """Signed amounts add up per currency and its decimals, sorted by the code."""
    amounts = [("USD", 2, 150), ("JPY", 0, 7), ("USD", 2, -50), ("USD", 3, 1)]
    assert (Money(7, "JPY"), Money("1.00", "USD")) == totals(amounts)[:2]
    assert [7, Decimal("1.00"), Decimal("0.001")] == [money.amount for money in totals(amounts)]
    assert () == totals([])
