"""
Answers as JSON for other programs.

Money is an object of an exact decimal text and a currency, a time ISO 8601 in
UTC, a length of time in seconds; every other field is named as in the library.
What must not be shown, the code of a card above all, has no place in it.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import attrs
from moneyed import Money

from loyalty.identifiers import Metadata

__all__ = ["amount_text", "as_json", "json_text", "time_text"]

_AS_THEY_ARE: Final = (str, int, bool, type(None))


def json_text(answer: object, *, is_ascii: bool = False, indent: int | None = 2) -> str:
    """Return an answer as JSON text; in ASCII alone where nothing else can be written."""
    return json.dumps(as_json(answer), ensure_ascii=is_ascii, indent=indent, allow_nan=False)


def as_json(value: Any) -> object:  # whatever a query answers
    """
    Return *value* as plain JSON data.

    Raises:
        TypeError: If it, or something in it, is of a kind that is never shown.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, _AS_THEY_ARE):
        return value
    if isinstance(value, Money):
        return {"amount": amount_text(value), "currency": value.currency.code}
    if isinstance(value, Metadata):
        return dict(value)
    if isinstance(value, Mapping):
        return {str(as_json(key)): as_json(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_json(part) for part in value]
    if attrs.has(type(value)):
        return {field.name: as_json(getattr(value, field.name)) for field in _shown(type(value))}
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return f"{value:f}"
    message = f"{type(value).__qualname__} is not shown"
    raise TypeError(message)


def amount_text(money: Money) -> str:
    """Return an amount with all decimals of its currency, and never with an exponent: ``50.00``."""
    return f"{money.amount:f}"


def time_text(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC: ``2031-01-01T00:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _shown(kind: type[Any]) -> tuple[attrs.Attribute[Any], ...]:
    return tuple(field for field in attrs.fields(kind) if field.repr and not field.metadata.get("secret"))
