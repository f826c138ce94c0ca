"""One card of another system, as a row of an import."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.attempts.watch import CHOSEN
from loyalty.codes.code import GiftCardCode
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest
from loyalty.ledger.lot import LotOrigin
from loyalty.money import exponent_of, signed_minor_units

__all__ = ["GiftCardRow", "UnreadableRow", "is_position"]

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_KEY_ID: Final = re.compile("[0-9a-f]{16}")
_LAST_FOUR: Final = re.compile("[0-9A-Z]{1,4}")

MOST_ROWS: Final = 100_000

is_position = fields.is_whole_number(1, 10**9, optional=True)
"""Accept None, or where a row stands in its file."""


def _matches(pattern: re.Pattern[str], what: str) -> Any:  # a validator of attrs
    def check(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not (type(value) is str and pattern.fullmatch(value)):
            raise InvalidRequest(f"{field.name} must be {what}")

    return check


def _is_opening(_instance: object, field: attrs.Attribute[Any], value: Money | None) -> None:
    """Accept None, or money that is finite, exact and not negative."""
    if value is not None and signed_minor_units(value, field.name) < 0:
        raise InvalidAmount(f"{field.name} must not be negative")


@attrs.frozen(kw_only=True)
class GiftCardRow:
    """
    A card as another system has it.

    *source_id* is its id there. *value* is the face value, positive; *balance* is
    what is left on it, from zero to the face value, all of it if left out. Its
    code is given as *code*, or, if the other system hands out none, as the
    *code_digest* that this shop would store (64 hex digits), with the id of the
    key behind it (*code_key_id*) and the *last_four* symbols of the code.
    *expires_at* is aware and UTC, the first instant at which it is no longer
    spendable. *origin* is what its value counts as: migration, unless the other
    system knows that it was purchased or given. *number* is where it stands in
    its file; without it rows are counted from 1.

    Raises:
        loyalty.errors.InvalidRequest: If a field is not as said, or if there is
            neither a code nor a digest, or both.
        loyalty.errors.InvalidAmount: If an amount is out of its bounds or not exact.
        loyalty.errors.CurrencyMismatch: If balance and value are in different currencies.
        loyalty.errors.InvalidTime: If *expires_at* is naive or not UTC.
        loyalty.errors.MalformedCode: If the code has symbols that no code has.
    """

    source_id: str = attrs.field(validator=fields.is_text)
    value: Money = attrs.field(validator=fields.is_amount)
    balance: Money | None = attrs.field(default=None, validator=_is_opening)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code, metadata=CHOSEN)
    code_digest: str | None = attrs.field(
        default=None, repr=False, validator=_matches(_DIGEST, "64 hexadecimal digits in lower case")
    )
    code_key_id: str | None = attrs.field(
        default=None, validator=_matches(_KEY_ID, "16 hexadecimal digits in lower case")
    )
    last_four: str | None = attrs.field(
        default=None, validator=_matches(_LAST_FOUR, "at most four letters and digits in upper case")
    )
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    region: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    tax_rate: Decimal | None = attrs.field(default=None, converter=fields.to_percentage)
    origin: LotOrigin = attrs.field(default=LotOrigin.MIGRATION, validator=fields.is_one_of(LotOrigin))
    note: str | None = attrs.field(default=None, validator=fields.is_note)
    tags: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    number: int | None = attrs.field(default=None, validator=is_position)

    def __attrs_post_init__(self) -> None:
        """Check that the code is given once, and that there is not more on the card than it was worth."""
        fields.require_one_of(code=self.code, code_digest=self.code_digest)
        fields.require_together(code_digest=self.code_digest, code_key_id=self.code_key_id, last_four=self.last_four)
        if self.opening.currency != self.value.currency:
            raise CurrencyMismatch(
                "balance and value must be in one currency",
                expected=self.value.currency.code,
                actual=self.opening.currency.code,
            )
        if self.opening > self.value:
            raise InvalidAmount("the balance must not be more than the value")

    @property
    def opening(self) -> Money:
        """What is left on the card."""
        return self.value if self.balance is None else self.balance

    @property
    def minor(self) -> tuple[str, int, int]:
        """What is left, as currency, exponent and minor units."""
        opening = self.opening
        return opening.currency.code, exponent_of(opening.currency), signed_minor_units(opening)


@attrs.frozen(kw_only=True)
class UnreadableRow:
    """
    A row of a file that could not be read as a card, and why.

    ``code`` is the stable code of the error, ``message`` a sentence for staff,
    without what stood in the row.
    """

    number: int | None = attrs.field(default=None, validator=is_position)
    source_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    reason: str = attrs.field(default="unreadable", validator=fields.is_text)
    message: str = attrs.field(default="the row could not be read", validator=fields.is_note)
