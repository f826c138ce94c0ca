"""A gift card code as a value that never shows itself."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import Final, NoReturn, final

from loyalty.codes.alphabet import LOOK_ALIKES, SEPARATORS
from loyalty.errors import MalformedCode

__all__ = ["LONGEST_INPUT", "GiftCardCode", "masked", "normalized"]

LONGEST_INPUT: Final = 100
"""Characters that may be typed, separators included; anything longer is no code."""

MOST_SHOWN: Final = 4

_SPELLING: Final = str.maketrans(
    {
        **dict(zip(ascii_lowercase, ascii_uppercase, strict=True)),
        **LOOK_ALIKES,
        **{letter.lower(): digit for letter, digit in LOOK_ALIKES.items()},
        **dict.fromkeys(SEPARATORS),
    }
)


@final
class GiftCardCode:
    """
    A code that somebody typed, scanned or was given: the secret itself.

    However it was decorated, it is kept in one normal form, and two codes are
    equal if that is. It shows at most its last four symbols; the whole comes
    out of :meth:`reveal` only. It is no attrs class on purpose: tools that walk
    through the fields of such classes would carry the secret along.

    Whether a code could be one of ours is another question; see
    :class:`loyalty.codes.format.CodeFormat`.
    """

    __slots__ = ("_text",)

    _text: str

    def __init__(self, text: object) -> None:
        """Normalize and keep the text; see :meth:`of`."""
        object.__setattr__(self, "_text", normalized(text))

    @classmethod
    def of(cls, value: object) -> GiftCardCode:
        """
        Return what was typed as a code.

        Spaces, tabs, dashes and lower case are forgiven, and look-alikes are
        read as the digit they resemble. Everything else that is not an ASCII
        letter or digit is refused and never repaired, because what merely looks
        like a letter (a Cyrillic A, a full-width A, a dotless i) is a mistake
        or an attack.

        Args:
            value:
                A code, or a text of at most :data:`LONGEST_INPUT` characters.

        Raises:
            loyalty.errors.MalformedCode: If it is anything else. The message
                never contains the input.

        Guarantees:
            Every decoration of a code is that code
            (``tests/properties/test_every_decoration_of_a_code_is_that_code.py``).
        """
        return value if isinstance(value, GiftCardCode) else cls(value)

    def reveal(self) -> str:
        """Return the secret: the normal form, without separators."""
        return self._text

    @property
    def last_four(self) -> str:
        """
        Return the end of the code, which may be stored and shown.

        Four symbols, and never more than a third of the code.
        """
        shown = min(MOST_SHOWN, len(self._text) // 3)
        return self._text[len(self._text) - shown :]

    def __eq__(self, other: object) -> bool:
        """Say whether both mean the same code."""
        return self._text == other._text if isinstance(other, GiftCardCode) else NotImplemented

    def __hash__(self) -> int:
        """Return a hash of the normal form."""
        return hash(self._text)

    def __repr__(self) -> str:
        """Return a masked text."""
        return f"GiftCardCode(…{self.last_four})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[type[GiftCardCode], tuple[str]]:
        """Say how to pickle it; the pickle contains the secret."""
        return (GiftCardCode, (self._text,))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a code does not change."""
        raise AttributeError("a gift card code does not change")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse: a code does not change."""
        raise AttributeError("a gift card code does not change")


def normalized(value: object) -> str:
    """
    Return the one form in which a code is compared and digested.

    Raises:
        loyalty.errors.MalformedCode: See :meth:`GiftCardCode.of`.
    """
    if not isinstance(value, str):
        raise MalformedCode("a gift card code must be text")
    if not 0 < len(value) <= LONGEST_INPUT:
        raise MalformedCode("the text is empty or too long to be a gift card code")
    # ASCII first: only then does upper-casing stay within ASCII.
    if value.isascii() and (text := str.translate(value, _SPELLING)).isalnum():
        return text
    raise MalformedCode("a gift card code has only letters and digits, with spaces or dashes between")


def masked(last_four: str) -> str:
    """Return how a card is shown to people, such as ``••••-7KQ2``."""
    return f"••••-{last_four}"
