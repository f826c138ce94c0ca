"""
What the fields of commands and queries accept.

Validators (``is_...``) check and converters (``to_...``) check and freeze, when
the command is constructed: a wrong one cannot exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import attrs
import moneyed
from moneyed import Currency, Money

from loyalty.clock import require_utc
from loyalty.codes.code import GiftCardCode
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest, InvalidTime
from loyalty.identifiers import Metadata, freeze_metadata, require_key, require_text
from loyalty.ledger.account import LARGEST_BALANCE
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL, Everything, exponent_of, minor_units, signed_minor_units
from loyalty.policies.tax import Region, percentage

__all__ = [
    "LATER",
    "MOST_TENDERS",
    "MOST_TEXTS",
    "is_amount",
    "is_amount_or_all",
    "is_cursor",
    "is_duration",
    "is_flag",
    "is_instance",
    "is_key",
    "is_note",
    "is_one_of",
    "is_optional_amount",
    "is_optional_balance",
    "is_optional_duration",
    "is_optional_flag",
    "is_optional_text",
    "is_reference",
    "is_region",
    "is_text",
    "is_whole_number",
    "require_one_currency",
    "require_one_of",
    "require_order",
    "require_together",
    "to_code",
    "to_codes",
    "to_currency",
    "to_instances",
    "to_metadata",
    "to_optional_code",
    "to_optional_currency_code",
    "to_percentage",
    "to_texts",
    "to_utc",
]

MOST_TENDERS = 50
"""How many gift cards may pay for one order in one call."""

MOST_TEXTS = 100
"""How many tags a card may carry."""

LATER = {"later": True}
"""
Metadata of a field that came after the first version of its command.

It stays out of the command's fingerprint while it has its default, so that keys
from before it existed still answer.
"""

LONGEST_NOTE = 2000
LONGEST_CURSOR = 2000
_CODE = re.compile("[A-Z0-9]{1,12}")

Kind = TypeVar("Kind")

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _keep(instance: object, field: attrs.Attribute[Any], given: object, plain: object) -> None:
    """
    Keep the plain value where a host gave one of a class of its own.

    Then nothing that is stored or answered depends on a class of the host, and
    money cannot be changed behind our back.
    """
    if plain is not given:
        object.__setattr__(instance, field.name, plain)


def is_key(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept an idempotency key of 1 to 200 characters."""
    _keep(instance, field, value, require_key(value))


def is_text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept a text of 1 to 200 characters."""
    _keep(instance, field, value, require_text(value, field.name))


def is_optional_text(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None or a text of 1 to 200 characters."""
    if value is not None:
        _keep(instance, field, value, require_text(value, field.name))


def is_note(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None or a text of 1 to 2,000 characters, which may have several lines."""
    if value is not None:
        _keep(instance, field, value, require_text(value, field.name, LONGEST_NOTE, multiline=True))


def is_cursor(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None or a text of 1 to 2,000 characters, such as a page of a list gave to go on after it."""
    if value is not None:
        _keep(instance, field, value, require_text(value, field.name, LONGEST_CURSOR))


def is_amount(instance: object, field: attrs.Attribute[Any], value: Money) -> None:
    """Accept money that is finite, positive and exact in its currency's minor unit."""
    minor_units(value, field.name)
    _keep(instance, field, value, Money(value.amount, value.currency))


def is_optional_amount(instance: object, field: attrs.Attribute[Any], value: Money | None) -> None:
    """Accept None or such money."""
    if value is not None:
        is_amount(instance, field, value)


def is_optional_balance(instance: object, field: attrs.Attribute[Any], value: Money | None) -> None:
    """Accept None or money that a balance can be: from zero to the largest one, exact in its currency's minor unit."""
    if value is None:
        return
    if not 0 <= signed_minor_units(value, field.name) <= LARGEST_BALANCE:
        raise InvalidAmount(f"{field.name} must be from zero to 10^18 minor units")
    _keep(instance, field, value, Money(value.amount, value.currency))


def is_amount_or_all(instance: object, field: attrs.Attribute[Any], value: Money | Everything) -> None:
    """Accept such money, or ALL."""
    if value is not ALL:
        is_amount(instance, field, value)


def is_flag(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept True or False and nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise InvalidRequest(f"{field.name} must be True or False")


def is_optional_flag(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None, True or False."""
    if value is not None:
        is_flag(instance, field, value)


def is_reference(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None or a Reference with a type of 50 and an id of 200 characters at most."""
    if value is None:
        return
    if not isinstance(value, Reference):
        raise InvalidRequest(f"{field.name} must be a Reference")
    plain = Reference(require_text(value.type, "reference type", 50), require_text(value.id, "reference id"))
    _keep(instance, field, value, plain)


def is_region(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None, a Region, or a text of 1 to 200 characters."""
    if not isinstance(value, Region):
        is_optional_text(instance, field, value)


def is_one_of(kind: type[Any], *, optional: bool = False) -> Validator:
    """Return a validator that accepts a member of an enum, or what else is of this kind, and None if *optional*."""

    def check(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind) and not (optional and value is None):
            raise InvalidRequest(f"{field.name} must be a {kind.__name__}")

    return check


def is_whole_number(lowest: int, highest: int, *, optional: bool = False) -> Validator:
    """Return a validator that accepts a whole number within bounds, both included."""

    def check(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if optional and value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise InvalidRequest(f"{field.name} must be a whole number from {lowest} to {highest}")
        _keep(instance, field, value, int(value))

    return check


def is_duration(shortest: timedelta, longest: timedelta) -> Validator:
    """Return a validator that accepts a duration within bounds, both included."""
    check = is_optional_duration(shortest, longest)

    def check_given(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if value is None:
            raise InvalidRequest(f"{field.name} must be a timedelta")
        check(instance, field, value)

    return check_given


def is_optional_duration(shortest: timedelta, longest: timedelta) -> Validator:
    """Return a validator that accepts None or a duration within bounds, both included."""

    def check(instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if value is None:
            return
        if not isinstance(value, timedelta) or not shortest <= value <= longest:
            raise InvalidRequest(f"{field.name} must be a timedelta from {shortest} to {longest}")
        _keep(instance, field, value, timedelta(value.days, value.seconds, value.microseconds))

    return check


def to_texts(values: Iterable[str]) -> tuple[str, ...]:
    """Freeze a list or tuple of at most 100 texts."""
    return tuple([require_text(value, "text") for value in _sequence(values, MOST_TEXTS)])


def to_utc(value: datetime | None) -> datetime | None:
    """Accept None or a time that is aware and UTC."""
    return None if value is None else require_utc(value, "the time")


def to_code(value: str | GiftCardCode) -> GiftCardCode:
    """Wrap a code at once, so that it is never shown."""
    return GiftCardCode.of(value)


def to_optional_code(value: str | GiftCardCode | None) -> GiftCardCode | None:
    """Wrap a code, if there is one."""
    return None if value is None else GiftCardCode.of(value)


def to_codes(values: Iterable[str | GiftCardCode]) -> tuple[GiftCardCode, ...]:
    """Wrap a list or tuple of codes; the same code twice counts once."""
    return tuple(dict.fromkeys(GiftCardCode.of(value) for value in _sequence(values, MOST_TENDERS)))


def to_instances(values: Iterable[Kind], kind: type[Kind], most: int) -> tuple[Kind, ...]:
    """Freeze a list or tuple of at most *most* values of one class."""
    given = _sequence(values, most)
    if not all(isinstance(value, kind) for value in given):
        raise InvalidRequest(f"expected values of {kind.__name__}")
    return tuple(given)


def to_metadata(value: Mapping[str, object] | None) -> Metadata | None:
    """Copy a mapping of plain JSON values."""
    return None if value is None else freeze_metadata(value)


def to_percentage(value: Decimal | int | str | None) -> Decimal | None:
    """Accept a percentage from 0 to 100 with at most six decimals; zero is a rate, None is none."""
    return None if value is None else percentage(value)


def to_currency(value: str | Currency) -> Currency:
    """Accept a currency, or the code of a known one exactly as it is written."""
    known = value if isinstance(value, Currency) else _known_currency(value)
    exponent_of(known)
    return known


def to_optional_currency_code(value: str | Currency | None) -> str | None:
    """Accept None, a currency, or a code, which may also be of the host's own making."""
    if value is None:
        return None
    code: object = value.code if isinstance(value, Currency) else value
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    raise InvalidRequest("a currency code has 1 to 12 upper case letters or digits")


def _known_currency(code: object) -> Currency:
    if isinstance(code, str) and _CODE.fullmatch(code):
        try:
            return moneyed.get_currency(code)
        except moneyed.CurrencyDoesNotExist:
            pass
    raise InvalidRequest("there is no such currency")


def _sequence(values: Any, most: int) -> list[Any]:  # whatever the host gave
    if not isinstance(values, list | tuple):
        raise InvalidRequest("expected a list or a tuple")
    if len(values) > most:
        raise InvalidRequest(f"expected at most {most} values")
    return list(values)


def require_order(since: datetime | None, until: datetime | None) -> None:
    """
    Check that a span of time does not end before it begins.

    Raises:
        loyalty.errors.InvalidTime: If it does.
    """
    if since is not None and until is not None and until < since:
        raise InvalidTime("a span of time must not end before it begins")


def require_one_currency(currency: str | None, *amounts: Money | None) -> None:
    """
    Check that all amounts are of *currency*, or of one currency if that is None.

    Raises:
        loyalty.errors.CurrencyMismatch: If they are not.
    """
    codes = [amount.currency.code for amount in amounts if amount is not None]
    expected, *others = [*([] if currency is None else [currency]), *codes] or [""]
    for code in others:
        if code != expected:
            raise CurrencyMismatch(expected=expected, actual=code)


def is_instance(kind: type[Any]) -> Validator:
    """Return a validator that accepts an instance of *kind* and of no class that a host made of it."""

    def check(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not kind:
            raise InvalidRequest(f"{field.name} must be a {kind.__name__}")

    return check


def require_one_of(**given: object) -> None:
    """
    Check that exactly one of the arguments is given.

    Raises:
        loyalty.errors.InvalidRequest: If none or several are not None.
    """
    if sum(value is not None for value in given.values()) != 1:
        raise InvalidRequest(f"give exactly one of {', '.join(given)}")


def require_together(**given: object) -> None:
    """
    Check that either all or none of the arguments are given.

    Raises:
        loyalty.errors.InvalidRequest: If only some are not None.
    """
    if len({value is None for value in given.values()}) > 1:
        raise InvalidRequest(f"give {' and '.join(given)} together")
