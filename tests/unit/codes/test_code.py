"""A code as a value: what is read as one, and how little it shows."""

from __future__ import annotations

import copy
import pickle

import pytest

from loyalty.codes.code import LONGEST_INPUT, GiftCardCode, masked
from loyalty.errors import MalformedCode


class TextOfTheHost(str):
    """A text of another class, with ideas of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return anything but the content."""
        return "something else"


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("GIFT-7KQ2", "G1FT7KQ2"),
        ("  gift 7kq2\t", "G1FT7KQ2"),
        ("OoIiLl", "001111"),
        ("u-U", "UU"),
        ("-" * 99 + "A", "A"),
        (TextOfTheHost("gift"), "G1FT"),
        ("None", "N0NE"),
    ],
)
def test_reads_what_people_type(typed: str, normal: str) -> None:
    """Case, spaces, tabs and dashes mean nothing, and look-alikes are one symbol."""
    code = GiftCardCode.of(typed)
    assert (normal, str) == (code.reveal(), type(code.reveal()))


def test_of_a_code_is_that_code() -> None:
    """A code passes through unchanged."""
    code = GiftCardCode.of("GIFT-7KQ2")
    assert code is GiftCardCode.of(code)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-- \t--",
        "A" * (LONGEST_INPUT + 1),
        "A" * 10_000_000,
        "ABC\x00",
        "ABC\n",
        "\rABC",
        "ABC\u00a0DEF",
        "ABC\u200bDEF",
        "ABC\u2011DEF",
        "ABC\u2013DEF",
        "\u202eABC",
        "\ufeffABC",
        "\uff21BC",
        "\u0410BC",
        "\u0391BC",
        "\u0131BC",
        "gro\u00df",
        "\ufb01BC",
        "A\u0301BC",
        "\u212aBC",
        "\u0663\u0663\u0663",
        "\u00b2\u00b3",
        "ABC\ud800",
        "' OR 1=1 --",
        "%",
        "_",
        "AB_CD",
        "';DROP TABLE cards;--",
        "{0}",
        "%s%s",
        "ABC.DEF",
        "ABC/DEF",
        None,
        5,
        1.5,
        True,
        b"GIFT-7KQ2",
        ["GIFT-7KQ2"],
        object(),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_refuses_everything_else(value: object) -> None:
    """What is not an ASCII letter, digit or separator is never repaired."""
    with pytest.raises(MalformedCode):
        GiftCardCode.of(value)


def test_equal_codes_are_equal_however_typed() -> None:
    """Equality and hash see the normal form only; a text is never equal to a code."""
    one, other = GiftCardCode.of("GIFT-7KQ2"), GiftCardCode.of("g1ft 7kq2")
    assert {one} == {one, other}
    assert one != GiftCardCode.of("GIFT-7KQ3")
    assert one != "G1FT7KQ2"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("GIFT-7KQ2-9ABC", "GiftCardCode(…9ABC)"),
        ("ABCDEFGH", "GiftCardCode(…GH)"),
        ("ABC", "GiftCardCode(…C)"),
        ("AB", "GiftCardCode(…)"),
    ],
)
def test_shows_at_most_the_last_four(typed: str, shown: str) -> None:
    """A long code shows four symbols, a short one at most a third of itself."""
    code = GiftCardCode.of(typed)
    assert (shown, shown, shown) == (repr(code), str(code), f"{code}")
    assert shown == f"GiftCardCode(…{code.last_four})"


def test_masked() -> None:
    """People see dots and the end of the code."""
    assert "••••-7KQ2" == masked("7KQ2")


def test_survives_pickling_and_copying() -> None:
    """A task queue may carry a code."""
    code = GiftCardCode.of("GIFT-7KQ2")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert code == pickle.loads(pickle.dumps(code, protocol))
    assert (code, code) == (copy.copy(code), copy.deepcopy(code))


def test_does_not_change() -> None:
    """Nothing about a code can be set, added or removed."""
    code = GiftCardCode.of("GIFT-7KQ2")
    with pytest.raises(AttributeError):
        code._text = "other"
    with pytest.raises(AttributeError):
        code.note = "other"
    with pytest.raises(AttributeError):
        del code._text
    assert not hasattr(code, "__dict__")
