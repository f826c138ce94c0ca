"""
What lists of cards and of accounts share: where a page begins, what narrows them, and what they sum to.

A list is read page by page. A page begins after a place, which is a sort key
and an id: whatever is added meanwhile, nothing is skipped or repeated, and the
last page is found as fast as the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase

import attrs
from moneyed import Money

from loyalty.errors import CurrencyMismatch, InvalidAmount
from loyalty.ledger.account import Account
from loyalty.money import exponent_of, signed_minor_units

__all__ = ["AmountRange", "CurrencySums", "Place", "TextSearch", "sums_of"]

Place = tuple[str | int | None, str]
"""A sort key and what tells equal ones apart. None comes after every other key."""

_ASCII = dict(zip(ascii_uppercase, ascii_lowercase, strict=True))


@attrs.frozen(kw_only=True)
class AmountRange:
    """Amounts of one currency, with its decimals, in minor units; both bounds are included, None is no bound."""

    currency: str
    exponent: int
    lowest: int | None = None
    highest: int | None = None

    @classmethod
    def between(cls, lowest: Money | None, highest: Money | None) -> AmountRange | None:
        """
        Return the range between two amounts; None if neither is given.

        Raises:
            loyalty.errors.CurrencyMismatch: If they are of two currencies.
            loyalty.errors.InvalidAmount: If the highest is below the lowest.
        """
        given = [money for money in (lowest, highest) if money is not None]
        if not given:
            return None
        currency, exponent = given[0].currency.code, exponent_of(given[0].currency)
        low, high = [None if money is None else signed_minor_units(money) for money in (lowest, highest)]
        if any((money.currency.code, exponent_of(money.currency)) != (currency, exponent) for money in given):
            raise CurrencyMismatch(expected=currency, actual=given[-1].currency.code)
        if low is not None and high is not None and high < low:
            raise InvalidAmount("a range must not end below where it begins")
        return cls(currency=currency, exponent=exponent, lowest=low, highest=high)

    def holds(self, account: Account, minor: int) -> bool:
        """Tell whether *minor* units of this account are in the range."""
        return (
            (account.currency, account.exponent) == (self.currency, self.exponent)
            and (self.lowest is None or minor >= self.lowest)
            and (self.highest is None or minor <= self.highest)
        )


@attrs.frozen
class TextSearch:
    """
    A text to be found inside others, whatever the case of its letters.

    Databases know the cases of the letters of ASCII only, at least all of them
    alike. So what else is in the text says which other letters are made alike.
    """

    text: str

    @property
    def lowered(self) -> str:
        """What is looked for: the text with all letters that can be in lower case."""
        return "".join([_lower(symbol) for symbol in self.text])

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Letters beyond ASCII that are in the text, first as they are in upper case and then in lower case."""
        others = dict.fromkeys([symbol for symbol in self.lowered if not symbol.isascii()])
        cases = [(symbol.upper(), symbol) for symbol in others]
        return tuple([(upper, lower) for upper, lower in cases if len(upper) == 1 and upper != lower == _lower(upper)])

    def finds(self, texts: Iterable[str | None]) -> bool:
        """Tell whether it is in one of the texts."""
        cases = str.maketrans({**_ASCII, **dict(self.pairs)})
        return any(self.lowered in text.translate(cases) for text in texts if text is not None)


def _lower(symbol: str) -> str:
    """Return a letter in lower case, if the two cases are one letter each and lead to each other."""
    lower = symbol.lower()
    return lower if len(lower) == 1 and lower.upper() == symbol else symbol


@attrs.frozen(kw_only=True)
class CurrencySums:
    """
    What a whole list sums to in one currency, in minor units.

    ``value`` sums the face values, and is zero for store credit.
    """

    currency: str
    exponent: int
    count: int = 0
    value: int = 0
    posted: int = 0
    available: int = 0


def sums_of(parts: Iterable[CurrencySums]) -> tuple[CurrencySums, ...]:
    """Add up what is of the same currency, with the same decimals; in their order."""
    sums: dict[tuple[str, int], CurrencySums] = {}
    for part in parts:
        key = (part.currency, part.exponent)
        known = sums.get(key, CurrencySums(currency=part.currency, exponent=part.exponent))
        sums[key] = attrs.evolve(
            known,
            count=known.count + part.count,
            value=known.value + part.value,
            posted=known.posted + part.posted,
            available=known.available + part.available,
        )
    return tuple([sums[key] for key in sorted(sums)])
