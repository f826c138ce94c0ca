"""
The last symbol of a code, which finds typing mistakes before any look-up.

One check symbol after ISO/IEC 7064, hybrid system, in the form python-stdnum
offers for any alphabet: with 32 symbols it is MOD 33,32. Every single wrong
symbol is noticed; the share of neighbors swapped that is noticed is measured in
``tests/properties/test_one_wrong_symbol_is_always_noticed.py``.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

from loyalty.codes.alphabet import ALPHABET

__all__ = ["check_symbol", "is_checked"]


def check_symbol(symbols: str) -> str:
    """Return the symbol to write behind *symbols*, all of which are of the alphabet."""
    return str(_hybrid_system().calc_check_digit(symbols, ALPHABET))


def is_checked(symbols: str) -> bool:
    """Say whether all symbols are of the alphabet and the last one fits the others."""
    return bool(_hybrid_system().is_valid(symbols, ALPHABET))


@cache
def _hybrid_system() -> ModuleType:
    from stdnum.iso7064 import mod_37_36  # noqa: PLC0415 - stdnum loads ssl and pydoc, a third of our import time

    return mod_37_36
