"""Minted codes do not repeat, every symbol is as likely as any other, and no position tells another."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Final

import pytest

from loyalty.codes.alphabet import ALPHABET
from loyalty.codes.check_character import check_symbol
from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COUNT: Final = 20_000
RANDOM_SYMBOLS: Final = 19

# Chi-square, with limits that a fair source exceeds about once in a million tables.
# The inputs are fixed, so this test never flickers.
LIMIT_PER_POSITION: Final = 83.0  # 31 degrees of freedom
LIMIT_PER_PAIR: Final = 1_250.0  # 1,023 degrees of freedom


def chi_square(counts: Counter[str], cells: int, total: int) -> float:
    """Return how far the counts are from all cells being equally likely."""
    expected = total / cells
    seen = sum((count - expected) ** 2 / expected for count in counts.values())
    return seen + (cells - len(counts)) * expected


def complaints(codes: Sequence[str]) -> set[str]:
    """Return what is wrong with these bodies of codes: nothing, if they could have been thrown with fair dice."""
    found = set()
    if len(set(codes)) < len(codes):
        found.add("repeats")
    columns = ["".join(symbols) for symbols in zip(*codes, strict=True)]
    if any(chi_square(Counter(column), 32, len(codes)) > LIMIT_PER_POSITION for column in columns):
        found.add("position")
    for one, other in combinations(columns[:RANDOM_SYMBOLS], 2):
        pairs = Counter(map("".join, zip(one, other, strict=True)))
        if chi_square(pairs, 32 * 32, len(codes)) > LIMIT_PER_PAIR:
            found.add("pair")
            break
    return found


def bodies(make: Callable[[str], str]) -> list[str]:
    """Return the codes of many cards, without prefix and dashes."""
    return [make(f"card-{number}") for number in range(COUNT)]


def minted(card_id: str) -> str:
    """Return a code as the library makes it."""
    keys = CodeKeys.from_secret("correct horse battery staple")
    return GiftCardCode.of(mint(keys, CodeFormat(prefix=""), card_id, 1)).reveal()


def with_reused_bytes(card_id: str) -> str:
    """Return a code as a well-known shop system made it: too few bytes, used over and over, one per symbol."""
    drawn = hashlib.sha256(card_id.encode()).digest()[: -(-RANDOM_SYMBOLS * 5 // 8)]
    symbols = "".join(ALPHABET[drawn[place % len(drawn)] % 32] for place in range(RANDOM_SYMBOLS))
    return symbols + check_symbol(symbols)


def with_overlapping_bits(card_id: str) -> str:
    """Return a code whose neighbors share one bit."""
    number = int.from_bytes(hashlib.sha256(card_id.encode()).digest(), "big")
    symbols = "".join(ALPHABET[number >> 4 * place & 31] for place in range(RANDOM_SYMBOLS))
    return symbols + check_symbol(symbols)


def with_a_crooked_die(card_id: str) -> str:
    """Return a code that takes decimal digits of two for one of 32 symbols."""
    number = int.from_bytes(hashlib.sha256(card_id.encode()).digest(), "big")
    symbols = "".join(ALPHABET[number // 100**place % 100 % 32] for place in range(RANDOM_SYMBOLS))
    return symbols + check_symbol(symbols)


def with_few_bits(card_id: str) -> str:
    """Return a code with 24 random bits behind it, well mixed."""
    seed = hashlib.sha256(card_id.encode()).digest()[:3]
    return with_distinct_bits(hashlib.sha256(seed).digest())


def with_distinct_bits(digest: bytes) -> str:
    """Return a code of five bits per symbol, as it should be."""
    number = int.from_bytes(digest, "big")
    symbols = "".join(ALPHABET[number >> 5 * place & 31] for place in range(RANDOM_SYMBOLS))
    return symbols + check_symbol(symbols)


def test_minted_codes_are_as_random_as_they_look() -> None:
    """Twenty thousand codes give no reason to complain."""
    assert set() == complaints(bodies(minted))


@pytest.mark.parametrize(
    ("mutant", "complaint"),
    [
        (with_reused_bytes, "pair"),
        (with_overlapping_bits, "pair"),
        (with_a_crooked_die, "position"),
        (with_few_bits, "repeats"),
    ],
)
def test_worse_ways_to_mint_are_noticed(mutant: Callable[[str], str], complaint: str) -> None:
    """The same check fails for ways to mint that other systems used."""
    assert complaint in complaints(bodies(mutant))
