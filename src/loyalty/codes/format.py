"""How the codes of a shop are written, and which texts cannot be one of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs

from loyalty.codes.alphabet import BITS_PER_SYMBOL
from loyalty.codes.check_character import is_checked
from loyalty.codes.code import LONGEST_INPUT, GiftCardCode, normalized
from loyalty.errors import InvalidRequest, MalformedCode

__all__ = ["CodeFormat"]

FEWEST_RANDOM_BITS: Final = 80
MOST_RANDOM_BITS: Final = 256
SHORTEST_CHOSEN: Final = 8
SHORTEST_GROUP: Final = 2

_PREFIX: Final = re.compile("[A-Z0-9]{0,12}")
# GS1 General Specifications: the four lengths of an article number (GTIN), EAN-13 among them.
_BARCODE_LENGTHS: Final = frozenset({8, 12, 13, 14})


@attrs.frozen(kw_only=True)
class CodeFormat:
    """
    The shape of a shop's codes: ``GIFT-XXXX-XXXX-XXXX-XXXX-XXXX``.

    Args:
        prefix:
            What every generated code begins with: up to 12 upper case letters
            and digits, or nothing.
        symbols:
            Symbols after the prefix: the random ones and one check symbol.
            At least 80 random bits, which is 17; at most 52.
        group:
            How many symbols are printed between dashes, at least 2.
        allow_chosen:
            Whether the shop may choose or import codes. They have no check
            symbol, and where the prefix is empty nothing tells them from
            generated ones, so typing mistakes then reach the look-up.
        chosen_minimum_length:
            The fewest letters and digits of a chosen code, at least 8.
        retired:
            Formats in which codes were made before, and are still taken. A
            shop that changes how its codes look names the earlier ones here.

    Raises:
        loyalty.errors.InvalidRequest: If a part is out of these bounds.
    """

    prefix: str = attrs.field(default="GIFT")
    symbols: int = attrs.field(default=20)
    group: int = attrs.field(default=4)
    allow_chosen: bool = attrs.field(default=False)
    chosen_minimum_length: int = attrs.field(default=12)
    retired: tuple[CodeFormat, ...] = attrs.field(default=())

    @prefix.validator
    def _require_prefix(self, _: object, value: object) -> None:
        if not isinstance(value, str) or _PREFIX.fullmatch(value) is None:
            raise InvalidRequest("the prefix of codes must be 0 to 12 upper case ASCII letters or digits")

    @symbols.validator
    def _require_enough_bits(self, _: object, value: object) -> None:
        if type(value) is not int or not FEWEST_RANDOM_BITS <= (value - 1) * BITS_PER_SYMBOL <= MOST_RANDOM_BITS:
            raise InvalidRequest("codes must have 17 to 52 symbols: at least 80 random bits and a check symbol")

    @group.validator
    def _require_group(self, _: object, value: object) -> None:
        if type(value) is not int or value < SHORTEST_GROUP:
            raise InvalidRequest("the groups of codes must have at least 2 symbols")

    @allow_chosen.validator
    def _require_flag(self, _: object, value: object) -> None:
        if type(value) is not bool:
            raise InvalidRequest("allow_chosen must be True or False")

    @chosen_minimum_length.validator
    def _require_floor(self, _: object, value: object) -> None:
        if type(value) is not int or not SHORTEST_CHOSEN <= value <= LONGEST_INPUT:
            raise InvalidRequest("chosen codes must have at least 8 letters and digits")

    @retired.validator
    def _require_formats(self, _: object, value: object) -> None:
        if not isinstance(value, tuple) or not all(isinstance(one, CodeFormat) for one in value):
            raise InvalidRequest("retired must be a tuple of code formats")

    @property
    def random_bits(self) -> int:
        """Return how hard a generated code is to guess."""
        return (self.symbols - 1) * BITS_PER_SYMBOL

    def require(self, code: GiftCardCode) -> GiftCardCode:
        """
        Return the code, if it could be one of this shop's.

        This needs no look-up. It never says yes to the bare number of an
        article, such as an EAN-13, whatever the settings.

        Raises:
            loyalty.errors.MalformedCode: If the prefix, the length, the
                alphabet or the check symbol is wrong, and it cannot be a
                chosen code either.

        Guarantees:
            One wrong symbol is always noticed in a generated code
            (``tests/properties/test_one_wrong_symbol_is_always_noticed.py``).
            No EAN-13 parses (``tests/properties/test_ean13_never_parses.py``).
        """
        text = code.reveal()
        # All formats are asked, also after one said yes: how long it takes does not tell which.
        taken = [one.takes(text) for one in (self, *self.retired)]
        if any(taken):
            return code
        raise MalformedCode("the text cannot be a gift card code: its length, alphabet, prefix or check symbol")

    def require_chosen(self, code: GiftCardCode) -> GiftCardCode:
        """
        Return the code, if the shop may issue a card under it.

        Raises:
            loyalty.errors.InvalidRequest: If chosen codes are not allowed.
            loyalty.errors.MalformedCode: If it is too short, begins like a
                generated one, or is the number of an article.
        """
        if not self.allow_chosen:
            raise InvalidRequest("chosen codes are not allowed; the code format can allow them")
        if not self._is_chosen(code.reveal()):
            raise MalformedCode(
                f"a chosen code needs at least {self.chosen_minimum_length} letters and digits, must not begin like "
                "a generated one, and must not be the number of an article"
            )
        return code

    def spell(self, body: str) -> str:
        """Return the symbols of a code as they are printed: with the prefix, in groups."""
        groups = [body[start : start + self.group] for start in range(0, len(body), self.group)]
        return "-".join([self.prefix, *groups] if self.prefix else groups)

    def takes(self, text: str) -> bool:
        """Tell whether a text in normal form could be a code of this format; retired ones aside."""
        return self._is_generated(text) or (self.allow_chosen and self._is_chosen(text))

    def _is_generated(self, text: str) -> bool:
        prefix = _normalized_prefix(self.prefix)
        body = text[len(prefix) :]
        # Checked whatever its length, and as a text of the right one: a refusal takes the same time for every reason.
        fits = is_checked(body[: self.symbols].ljust(self.symbols, "0"))
        return fits and len(body) == self.symbols and text.startswith(prefix)

    def _is_chosen(self, text: str) -> bool:
        if len(text) < self.chosen_minimum_length or _is_barcode(text):
            return False
        return not self.prefix or not text.startswith(_normalized_prefix(self.prefix))


@lru_cache(maxsize=64)
def _normalized_prefix(prefix: str) -> str:
    return normalized(prefix) if prefix else ""


def _is_barcode(text: str) -> bool:
    return len(text) in _BARCODE_LENGTHS and text.isdigit()
