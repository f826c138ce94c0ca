"""However a code is typed (case, spaces, dashes, look-alikes), it is that code, and no other code is."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import MalformedCode

KEYS: Final = CodeKeys.from_secret("correct horse battery staple")
LOOKS: Final = {"0": "0Oo", "1": "1IiLl"}

formats = st.sampled_from(
    [CodeFormat(), CodeFormat(prefix=""), CodeFormat(prefix="OIL", symbols=24), CodeFormat(allow_chosen=True)]
)
codes = st.builds(lambda format_, card: (format_, mint(KEYS, format_, card, 1)), formats, st.uuids().map(str))


@st.composite
def decorations(draw: st.DrawFn, code: str) -> str:
    """Return the code as somebody might type it."""
    typed = ""
    for symbol in code.replace("-", ""):
        looks = LOOKS.get(symbol, symbol + symbol.lower())
        typed += draw(st.text(" \t-", max_size=2)) + draw(st.sampled_from(looks))
    return typed + draw(st.text(" \t-", max_size=4))


@given(codes, st.data())
def test_decorations_are_the_same_code(case: tuple[CodeFormat, str], data: st.DataObject) -> None:
    """The decorated text is equal to the printed one, passes the format, and has the same digest."""
    format_, printed = case
    typed = GiftCardCode.of(data.draw(decorations(printed)))
    assert GiftCardCode.of(printed) == typed
    assert typed is format_.require(typed)
    assert KEYS.digest(GiftCardCode.of(printed)) == KEYS.digest(typed)


@given(codes)
def test_normal_form_is_its_own_normal_form(case: tuple[CodeFormat, str]) -> None:
    """Reading the normal form again changes nothing."""
    normal = GiftCardCode.of(case[1]).reveal()
    assert normal == GiftCardCode.of(normal).reveal()


@given(codes, codes)
def test_other_codes_are_other_codes(one: tuple[CodeFormat, str], other: tuple[CodeFormat, str]) -> None:
    """Two codes that were printed differently (beyond dashes and look-alikes of a prefix) stay different."""
    assume(one != other)
    assert GiftCardCode.of(one[1]) != GiftCardCode.of(other[1])


@given(codes, st.characters(min_codepoint=128), st.integers(0, 24))
def test_nothing_else_is_forgiven(case: tuple[CodeFormat, str], sign: str, place: int) -> None:
    """One sign outside ASCII, wherever it stands, and it is no code."""
    with pytest.raises(MalformedCode):
        GiftCardCode.of(case[1][:place] + sign + case[1][place:])


@given(st.text())
def test_any_text_is_a_code_or_malformed(text: str) -> None:
    """There is no third outcome, and what is read is ASCII letters and digits only."""
    try:
        normal = GiftCardCode.of(text).reveal()
    except MalformedCode:
        return
    assert normal.isascii()
    assert normal.isalnum()
    assert normal == normal.upper()
    assert not set("OIL") & set(normal)
