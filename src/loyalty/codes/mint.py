"""
New codes, derived from the card's id under a key of their own.

Whoever holds the secret can show a code again, for a replayed command or a
letter that was lost; whoever holds only the database cannot. So no code has to
be stored anywhere.
"""

from __future__ import annotations

from loyalty.codes.alphabet import ALPHABET, BITS_PER_SYMBOL
from loyalty.codes.check_character import check_symbol
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat

__all__ = ["mint"]


def mint(keys: CodeKeys, format: CodeFormat, card_id: str, version: int, key_id: str | None = None) -> str:  # noqa: A002 - the word callers use
    """
    Return the code of a card, spelled for print.

    The same arguments give the same code for ever. Each symbol comes from five
    bits of the HMAC that no other symbol is made of.

    Args:
        keys:
            The key ring of the shop.
        format:
            How its codes are written. Another prefix, length or grouping is
            another text, so it must be the format of the time of issue.
        card_id:
            The id of the card; without NUL.
        version:
            Counts the codes of this card: a replaced code gets the next one.
        key_id:
            The key it was first minted with; the current one if left out.

    Raises:
        loyalty.errors.InvalidRequest: If no key has this id.

    Guarantees:
        Codes do not repeat, and no symbol tells another
        (``tests/properties/test_codes_do_not_repeat.py``).

    Source:
        RFC 2104 (HMAC); NIST SP 800-108 (a key derived from an identifier).
    """
    digest = keys.mint_digest(f"{card_id}\x00{version}".encode(), key_id)
    symbols = _symbols(digest, format.symbols - 1)
    return format.spell(symbols + check_symbol(symbols))


def _symbols(digest: bytes, count: int) -> str:
    number = int.from_bytes(digest, "big") >> len(digest) * 8 - count * BITS_PER_SYMBOL
    places = range((count - 1) * BITS_PER_SYMBOL, -1, -BITS_PER_SYMBOL)
    return "".join([ALPHABET[number >> place & 31] for place in places])
