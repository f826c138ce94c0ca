"""
Values as plain JSON data, and back.

Fingerprints, stored results and outgoing events all need the same thing: an
exact, stable picture of frozen attrs values in strings, integers and lists.
Money is written in minor units, times as ISO 8601 in UTC and lengths of time in
microseconds, so that nothing is rounded and nothing depends on a locale or a
time zone.
"""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import attrs
from moneyed import Currency, Money

from loyalty.money import exponent_of, signed_minor_units, to_money

Value = TypeVar("Value")
Encode = Callable[[Any], object]
Decode = Callable[[Any], Any]


def dumps(data: object) -> str:
    """Return *data* as compact JSON with sorted keys: equal data, equal text."""
    return _ENCODER.encode(data)


_ENCODER = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False)


def encode(value: object, secret: Callable[[object], object] | None = None) -> object:
    """
    Return *value* as plain JSON data.

    Args:
        value:
            An attrs instance, money, time, date, length of time, enum, mapping, sequence or scalar.
        secret:
            What to do with a value of any other type. Without it such a value
            is a programming error, so that a secret cannot slip into a stored
            row because somebody added a field.

    Raises:
        TypeError: If a value has no plain form.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is Money:
        return _money(typing.cast("Money", value))
    known = _ENCODERS.get(kind)
    if known is not None:
        return known(value)
    if kind is tuple or kind is list:
        return [encode(part, secret) for part in typing.cast("typing.Sequence[object]", value)]
    names = _shown_names(typing.cast("Hashable", kind))
    if names is not None:
        return {name: encode(getattr(value, name), secret) for name in names}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(part, secret) for key, part in value.items()}
    if secret is not None:
        return secret(value)
    message = f"{kind.__qualname__} has no plain form"
    raise TypeError(message)


def decode(kind: type[Value], data: object) -> Value:
    """Return the *kind* that :func:`encode` wrote as *data*."""
    return typing.cast("Value", _decoder(typing.cast("Hashable", kind))(data))


def _money(value: Money) -> object:
    return [signed_minor_units(value), value.currency.code, exponent_of(value.currency)]


_MICROSECOND = timedelta(microseconds=1)

_AS_THEY_ARE = frozenset({str, int, bool, type(None)})

_ENCODERS: Mapping[type, Encode] = {
    # A local time says nothing of an instant, and must not be taken for one where this machine stands.
    datetime: lambda value: (value if value.tzinfo is None else value.astimezone(UTC)).isoformat(),
    date: date.isoformat,
    timedelta: lambda value: value // _MICROSECOND,
    Decimal: str,
    Currency: lambda value: [value.code, exponent_of(value)],
}


@cache
def _shown_names(kind: Hashable) -> tuple[str, ...] | None:
    if not (isinstance(kind, type) and attrs.has(kind)):
        return None
    fields = attrs.fields(kind)
    return tuple(field.name for field in fields if not field.metadata.get("secret"))


@cache
def _decoder(kind: Hashable) -> Decode:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _optional(arguments)
    if origin is tuple:
        return _tuple_of(_decoder(arguments[0]))
    if origin in {dict, Mapping}:
        return _mapping_of(*map(_decoder, arguments))
    if isinstance(kind, typing.NewType):
        return _decoder(kind.__supertype__)
    if kind in _DECODERS:
        return _DECODERS[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind
    if isinstance(kind, type) and attrs.has(kind):
        return _attrs_of(kind)
    return _same


_DECODERS: Mapping[object, Decode] = {
    Money: lambda data: to_money(data[0], data[1], data[2]),
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    timedelta: lambda data: timedelta(microseconds=data),
    Decimal: Decimal,
}


def _same(data: object) -> object:
    return data


def _optional(arguments: tuple[Any, ...]) -> Decode:
    (inner,) = (_decoder(argument) for argument in arguments if argument is not type(None))
    return lambda data: None if data is None else inner(data)


def _tuple_of(inner: Decode) -> Decode:
    return lambda data: tuple(inner(part) for part in data)


def _mapping_of(key: Decode, inner: Decode) -> Decode:
    return lambda data: {key(name): inner(part) for name, part in data.items()}


def _attrs_of(kind: Any) -> Decode:
    def decode_instance(data: Mapping[str, object]) -> object:
        # A field that is missing was added after the row was written: its default holds.
        return kind(**{name: decoder(data[name]) for name, decoder in _field_decoders(kind).items() if name in data})

    return decode_instance


@cache
def _field_decoders(kind: Any) -> Mapping[str, Decode]:
    """Return how each field is read. Asked when there is something to read, since a class may hold its own kind."""
    attrs.resolve_types(kind)
    return {field.name: _decoder(field.type) for field in attrs.fields(kind) if not field.metadata.get("secret")}
