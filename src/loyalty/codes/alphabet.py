"""
Which symbols a code is made of, and which others are forgiven.

32 symbols, so that each carries five bits exactly; none looks like another.
The letters I, L and O are read as the digits they resemble, and U is left out,
because without it random text is less likely to spell something.

Source: Douglas Crockford, "Base 32", https://www.crockford.com/base32.html
"""

from __future__ import annotations

from typing import Final

__all__ = ["ALPHABET", "BITS_PER_SYMBOL", "LOOK_ALIKES", "SEPARATORS"]

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The symbols in order of their value."""

BITS_PER_SYMBOL: Final = 5
"""How hard one random symbol is to guess."""

LOOK_ALIKES: Final = {"O": "0", "I": "1", "L": "1"}
"""What people read, and what was printed."""

SEPARATORS: Final = " \t-"
"""What people put between groups; it means nothing."""
