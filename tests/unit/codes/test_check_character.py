"""The check symbol on known texts; its law is a property of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from loyalty.codes.alphabet import ALPHABET
from loyalty.codes.check_character import check_symbol, is_checked


def independent_check_symbol(symbols: str) -> str:
    """Follow ISO/IEC 7064, hybrid systems, word for word: P(1) = M, S = P + a, P = 2 * S mod (M + 1)."""
    size = len(ALPHABET)
    product = size
    for symbol in symbols:
        total = (product + ALPHABET.index(symbol)) % size or size
        product = total * 2 % (size + 1)
    return ALPHABET[(1 - product) % size]


@pytest.mark.parametrize("symbols", ["0", "Z", "7KQ2", "0123456789ABCDEFGHJ", ALPHABET, "Z" * 51])
def test_agrees_with_the_standard(symbols: str) -> None:
    """The library computes what the text of the standard says."""
    assert independent_check_symbol(symbols) == check_symbol(symbols)
    assert is_checked(symbols + check_symbol(symbols))


def test_exactly_one_check_symbol_fits() -> None:
    """Of the 32 possible last symbols one is right."""
    fitting = [symbol for symbol in ALPHABET if is_checked("7KQ2" + symbol)]
    assert [check_symbol("7KQ2")] == fitting


@pytest.mark.parametrize("text", ["7KQ2U", "7kq2", "7KQ2-", "", "Ü", " "])
def test_other_symbols_never_fit(text: str) -> None:
    """What is not of the alphabet is not checked, and raises nothing."""
    assert not is_checked(text)


def test_library_is_loaded_only_when_needed() -> None:
    """Importing the rooms of codes does not load python-stdnum, and with it ssl and pydoc."""
    program = "import sys, loyalty.codes.mint; print(sorted({'stdnum', 'pydoc'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert "[]" == result.stdout.strip()
