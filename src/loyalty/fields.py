"""Fields of commands and queries that check themselves when constructed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
import moneyed
from moneyed import Currency

from loyalty.clock import require_utc
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidAmount, InvalidRequest
from loyalty.identifiers import Metadata, freeze_metadata, require_key, require_text
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL, exponent_of, minor_units

__all__ = [
    "amount",
    "amount_or_all",
    "choice",
    "code",
    "codes",
    "codes_once",
    "currency",
    "flag",
    "key",
    "metadata",
    "note",
    "optional_code",
    "optional_currency",
    "optional_text",
    "percentage",
    "reference",
    "require_one_of",
    "require_together",
    "text",
    "texts",
    "utc",
    "whole_number",
]

Attribute = attrs.Attribute  # type: ignore[type-arg]  # its parameter is the field's type: any


def _check_key(_instance: object, _attribute: Attribute, value: object) -> None:
    require_key(value)


def _check_text(_instance: object, attribute: Attribute, value: object) -> None:
    require_text(value, attribute.name)


def _check_optional_text(_instance: object, attribute: Attribute, value: object) -> None:
    if value is not None:
        require_text(value, attribute.name)


def _check_note(_instance: object, attribute: Attribute, value: object) -> None:
    if value is not None:
        require_text(value, attribute.name, 2000, multiline=True)


def _check_amount(_instance: object, attribute: Attribute, value: object) -> None:
    minor_units(value, attribute.name)


def _check_amount_or_all(_instance: object, attribute: Attribute, value: object) -> None:
    if value is not ALL:
        minor_units(value, attribute.name)


def _check_flag(_instance: object, attribute: Attribute, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{attribute.name} must be True or False")


def _check_reference(_instance: object, attribute: Attribute, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Reference):
        raise InvalidRequest(f"{attribute.name} must be a Reference")
    require_text(value.type, "reference type", 50)
    require_text(value.id, "reference id")


def _frozen_texts(value: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple) or len(value) > 100:
        raise InvalidRequest("expected a short sequence of texts")
    return tuple([require_text(part, "text") for part in value])


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else require_utc(value, "the time")


def _optional_code(value: str | GiftCardCode | None) -> GiftCardCode | None:
    return None if value is None else GiftCardCode.of(value)


def _code(value: str | GiftCardCode) -> GiftCardCode:
    return GiftCardCode.of(value)


def codes_once(values: tuple[str | GiftCardCode, ...]) -> tuple[GiftCardCode, ...]:
    """Return the codes in their order, each once."""
    if isinstance(values, str) or not isinstance(values, list | tuple):
        raise InvalidRequest("codes must be a sequence of codes")
    if len(values) > MOST_TENDERS:
        raise InvalidRequest(f"at most {MOST_TENDERS} codes may pay for one order")
    return tuple(dict.fromkeys(GiftCardCode.of(value) for value in values))


MOST_TENDERS = 50
"""How many gift cards may pay for one order in one call."""


def _metadata(value: Mapping[str, object] | None) -> Metadata | None:
    return None if value is None else freeze_metadata(value)


def _percentage(value: Decimal | int | str | None) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise InvalidAmount("a tax rate must be a Decimal, a whole number or a decimal text")
    if isinstance(value, str) and not (value.isascii() and value.replace(".", "", 1).isdigit()):
        raise InvalidAmount("a tax rate must be a plain decimal number")
    try:
        rate = Decimal(value)
    except InvalidOperation:
        raise InvalidAmount("a tax rate must be a plain decimal number") from None
    if not rate.is_finite() or not 0 <= rate <= 100 or rate.as_tuple().exponent < -6:  # type: ignore[operator]  # finite: an int
        raise InvalidAmount("a tax rate must be a percentage from 0 to 100 with at most six decimals")
    return rate


def _currency(value: str | Currency) -> str:
    name = value.code if isinstance(value, Currency) else value
    if not isinstance(name, str) or len(name) > 12 or not name.isascii():
        raise InvalidRequest("a currency must be a code such as 'USD'")
    try:
        known = value if isinstance(value, Currency) else moneyed.get_currency(name)
    except moneyed.CurrencyDoesNotExist:
        raise InvalidRequest("there is no such currency") from None
    exponent_of(known)
    return known.code


def _optional_currency(value: str | Currency | None) -> str | None:
    return None if value is None else _currency(value)


def key() -> Any:
    """Declare a required idempotency key of 1 to 200 characters."""
    return attrs.field(validator=_check_key)


def text() -> Any:
    """Declare a required text of 1 to 200 characters."""
    return attrs.field(validator=_check_text)


def optional_text() -> Any:
    """Declare an optional text of 1 to 200 characters."""
    return attrs.field(default=None, validator=_check_optional_text)


def note() -> Any:
    """Declare an optional text of 1 to 2,000 characters."""
    return attrs.field(default=None, validator=_check_note)


def texts() -> Any:
    """Declare an optional tuple of at most 100 texts."""
    return attrs.field(default=(), converter=_frozen_texts)


def amount() -> Any:
    """Declare a required amount: finite, positive, exact in the currency's minor unit."""
    return attrs.field(validator=_check_amount)


def amount_or_all() -> Any:
    """Declare a required amount, or ALL."""
    return attrs.field(validator=_check_amount_or_all)


def utc() -> Any:
    """Declare an optional time: aware and UTC."""
    return attrs.field(default=None, converter=_utc)


def flag(*, default: bool) -> Any:
    """Declare a yes or no."""
    return attrs.field(default=default, validator=_check_flag)


def code() -> Any:
    """Declare a required gift card code; it is wrapped at once and never shown."""
    return attrs.field(converter=_code)


def optional_code() -> Any:
    """Declare an optional gift card code; it is wrapped at once and never shown."""
    return attrs.field(default=None, converter=_optional_code)


def codes() -> Any:
    """Declare a tuple of gift card codes; the same code twice counts once."""
    return attrs.field(default=(), converter=codes_once)


def metadata() -> Any:
    """Declare an optional mapping of plain JSON values; it is copied at once."""
    return attrs.field(default=None, converter=_metadata)


def reference() -> Any:
    """Declare an optional Reference."""
    return attrs.field(default=None, validator=_check_reference)


def currency() -> Any:
    """Declare a required currency code."""
    return attrs.field(converter=_currency)


def optional_currency() -> Any:
    """Declare an optional currency code."""
    return attrs.field(default=None, converter=_optional_currency)


def percentage() -> Any:
    """Declare an optional percentage from 0 to 100; zero is a rate, None is none."""
    return attrs.field(default=None, converter=_percentage)


def choice(kind: type[Any], *, default: object = attrs.NOTHING) -> Any:
    """Declare one member of an enum, or None if that is the default."""

    def check(_instance: object, attribute: Attribute, value: object) -> None:
        if not isinstance(value, kind) and not (value is None and default is None):
            raise InvalidRequest(f"{attribute.name} must be a {kind.__name__}")

    return attrs.field(default=default, validator=check)


def whole_number(lowest: int, highest: int, *, default: int | None = None) -> Any:
    """Declare a whole number within bounds, both included."""

    def check(_instance: object, attribute: Attribute, value: object) -> None:
        if value is None and default is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise InvalidRequest(f"{attribute.name} must be a whole number from {lowest} to {highest}")

    return attrs.field(default=default, validator=check)



def require_one_of(**given: object) -> None:
    """
    Check that exactly one of the arguments is not None.

    Raises:
        loyalty.errors.InvalidRequest: If none or several are given.
    """
    if sum(value is not None for value in given.values()) != 1:
        raise InvalidRequest(f"give exactly one of {', '.join(given)}")


def require_together(**given: object) -> None:
    """
    Check that either all or none of the arguments are given.

    Raises:
        loyalty.errors.InvalidRequest: If only some are.
    """
    if len({value is None for value in given.values()}) > 1:
        raise InvalidRequest(f"give {' and '.join(given)} together")
