"""Minted codes: derived, repeatable, and spelled for print."""

from __future__ import annotations

import re
from typing import Final

import pytest

from loyalty.codes.alphabet import ALPHABET
from loyalty.codes.check_character import is_checked
from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import InvalidRequest

KEYS: Final = CodeKeys.from_secret("correct horse battery staple")
OTHER: Final = CodeKeys.from_secret("another secret, which is current", retired=["correct horse battery staple"])


def test_codes_are_the_same_for_ever() -> None:
    """These codes are on paper; if this test fails, a resend shows a code that does not work."""
    assert "GIFT-DF0X-SDM3-SE9M-RV8Q-7Q2S" == mint(KEYS, CodeFormat(), "card-1", 1)
    assert "GIFT-3T1M-1PW3-GB7A-1ZW8-0ZVS" == mint(KEYS, CodeFormat(), "card-1", 2)
    assert "DF0XSDM3-SE9MRV8Q-7Q2804WH-6B9KVF0Z-6GTNKZZR-1JAF0S90-6X1W" == mint(
        KEYS, CodeFormat(prefix="", symbols=52, group=8), "card-1", 1
    )


def test_looks_as_printed() -> None:
    """The default code is the prefix and five groups of four symbols."""
    assert re.fullmatch(f"GIFT(-[{ALPHABET}]{{4}}){{5}}", mint(KEYS, CodeFormat(), "card-1", 1))


@pytest.mark.parametrize("symbols", range(17, 53))
def test_every_size_passes_its_own_format(symbols: int) -> None:
    """Whatever the length, the check symbol fits and the format reads the code."""
    for prefix in ("", "GIFT", "LOYALTYUOIL1"):
        format_ = CodeFormat(prefix=prefix, symbols=symbols)
        code = GiftCardCode.of(mint(KEYS, format_, "card-1", 1))
        assert code is format_.require(code)
        assert is_checked(code.reveal()[-symbols:])


def test_symbols_are_the_bits_of_the_digest_in_order() -> None:
    """Read as one number, the random symbols are the first bits of the HMAC, each used once."""
    bits = int.from_bytes(KEYS.mint_digest(b"card-1\x001"), "big") >> (256 - 95)
    body = mint(KEYS, CodeFormat(prefix=""), "card-1", 1).replace("-", "")[:-1]
    assert bits == sum(ALPHABET.index(symbol) << 5 * place for place, symbol in enumerate(reversed(body)))


def test_another_card_version_or_key_is_another_code() -> None:
    """Each of the inputs counts, and none runs into the next."""
    inputs = [("card-1", 1), ("card-1", 2), ("card-1", 11), ("card-11", 1), ("card", 1), ("card-", 11)]
    codes = {mint(keys, CodeFormat(), *each) for keys in (KEYS, OTHER) for each in inputs}
    assert 2 * len(inputs) == len(codes)


def test_retired_key_shows_its_codes_again() -> None:
    """After a rotation a resend still shows the code that was printed."""
    assert mint(KEYS, CodeFormat(), "card-1", 1) == mint(OTHER, CodeFormat(), "card-1", 1, KEYS.current_id)
    with pytest.raises(InvalidRequest):
        mint(KEYS, CodeFormat(), "card-1", 1, OTHER.current_id)
