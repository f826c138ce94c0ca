"""The symbols of a code."""

from __future__ import annotations

from loyalty.codes.alphabet import ALPHABET, BITS_PER_SYMBOL, LOOK_ALIKES, SEPARATORS


def test_each_symbol_carries_five_bits() -> None:
    """There are exactly as many different symbols as five bits can tell apart."""
    assert 2**BITS_PER_SYMBOL == len(ALPHABET) == len(set(ALPHABET))


def test_no_symbol_is_a_look_alike_or_a_separator() -> None:
    """What is forgiven or skipped is never a symbol itself, and is read as one that is."""
    assert set() == set(ALPHABET) & (set(LOOK_ALIKES) | set(SEPARATORS) | {"U"})
    assert set() == set(LOOK_ALIKES.values()) - set(ALPHABET)
