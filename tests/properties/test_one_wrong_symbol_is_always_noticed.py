"""A generated code with one wrong symbol is never taken for a code, and 99.7 % of swapped neighbors are noticed."""

from __future__ import annotations

from itertools import combinations, product
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from loyalty.codes.alphabet import ALPHABET
from loyalty.codes.check_character import check_symbol, is_checked
from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import MalformedCode

KEYS: Final = CodeKeys.from_secret("correct horse battery staple")
FORMAT: Final = CodeFormat()
CODES: Final = [GiftCardCode.of(mint(KEYS, FORMAT, f"card-{number}", 1)).reveal() for number in range(40)]


def is_noticed(text: str) -> bool:
    """Say whether the format refuses the text."""
    try:
        FORMAT.require(GiftCardCode.of(text))
    except MalformedCode:
        return True
    return False


def test_every_wrong_symbol_at_every_place_of_many_codes() -> None:
    """Exhaustive over 40 codes: each of 24 places with each of the other symbols, the prefix included."""
    unnoticed = [
        (code, place, wrong)
        for code in CODES
        for place in range(len(code))
        for wrong in ALPHABET + "U"
        if wrong != code[place] and not is_noticed(code[:place] + wrong + code[place + 1 :])
    ]
    assert [] == unnoticed


def test_every_wrong_symbol_after_every_beginning() -> None:
    """
    Exhaustive for codes of every kind, not only for examples.

    The check goes through the code with one of 32 states. From each of them,
    two different symbols lead to two different states, and equal symbols keep
    different states apart; so a difference that came in never goes away.
    """
    beginnings = {check_symbol(first): first for first in ALPHABET}
    assert len(ALPHABET) == len(beginnings)
    for first in beginnings.values():
        assert len(ALPHABET) == len({check_symbol(first + symbol) for symbol in ALPHABET})
    for symbol in ALPHABET:
        assert len(ALPHABET) == len({check_symbol(first + symbol) for first in beginnings.values()})


@given(st.text(ALPHABET, min_size=16, max_size=51), st.data())
def test_one_wrong_symbol_in_any_body(body: str, data: st.DataObject) -> None:
    """The check symbol no longer fits, whichever of the symbols was mistyped, itself included."""
    whole = body + check_symbol(body)
    place = data.draw(st.integers(0, len(whole) - 1))
    wrong = data.draw(st.sampled_from(ALPHABET).filter(lambda symbol: symbol != whole[place]))
    assert is_checked(whole)
    assert not is_checked(whole[:place] + wrong + whole[place + 1 :])


def test_share_of_swapped_neighbors_that_is_noticed() -> None:
    """
    Of all swaps of two different neighbors, in all states of the check, 32 of 15,872 pass: 99.8 % are noticed.

    There are 32 states, 496 pairs of symbols, and exactly one passing swap in
    each state.
    """
    pairs = list(combinations(ALPHABET, 2))
    passing = [
        (first, one, other)
        for first, (one, other) in product(ALPHABET, pairs)
        if check_symbol(first + one + other) == check_symbol(first + other + one)
    ]
    assert (15_872, 32) == (len(ALPHABET) * len(pairs), len(passing))
    assert [1] * 32 == [sum(first == each for each, _, _ in passing) for first in ALPHABET]


def test_swapped_neighbors_of_minted_codes() -> None:
    """In minted codes, the check symbol and the prefix included, at least 99 % of swaps are noticed."""
    swaps = [
        code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        for code in CODES
        for place in range(len(code) - 1)
        if code[place] != code[place + 1]
    ]
    assert sum(map(is_noticed, swaps)) / len(swaps) > 0.99
