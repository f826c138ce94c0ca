"""
What time it is, and what counts as a time.

The time is an argument: whoever needs it is handed a :data:`Clock`. Every time
inside the library is an aware :class:`~datetime.datetime` in UTC, and in a
database it is an integer of microseconds, so nothing depends on a time zone, a
driver or a float.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from loyalty.errors import InvalidTime

__all__ = ["Clock", "from_micros", "require_utc", "system_clock", "to_micros", "zone_named"]

Clock = Callable[[], datetime]
"""Answers the present time: aware, UTC."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_NOT_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Names that a system may have, and that mean another zone on each."""

_SECONDS_PER_DAY: Final = 86_400
_MICROS_PER_SECOND: Final = 1_000_000


def system_clock() -> datetime:
    """Return the present time of this machine: aware, UTC. The default :data:`Clock`."""
    return datetime.now(UTC)  # noqa: TID251 - DTZ/TID251: the one system clock


def require_utc(value: object, name: str) -> datetime:
    """
    Return the time, if it is one and if it is in UTC.

    A time in another zone is refused, not converted: whoever sends one has
    not decided which instant is meant, least of all around a change of clocks.

    Args:
        value:
            Whatever the caller was given.
        name:
            What the message calls it.

    Returns:
        The same instant as a plain ``datetime`` whose ``tzinfo`` is
        :data:`datetime.UTC`, whichever class said "offset zero" before.

    Raises:
        loyalty.errors.InvalidTime: If it is no ``datetime``, is naive, or has
            an offset other than zero.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        raise InvalidTime(f"{name} must be an aware datetime in UTC, not {type(value).__name__}")
    if _offset_of(value, name) != timedelta(0):
        raise InvalidTime(f"{name} must be in UTC")
    return _plain(value)


def _offset_of(value: datetime, name: str) -> timedelta:
    try:
        offset = value.utcoffset()
    except (NotImplementedError, OverflowError, TypeError, ValueError):
        raise InvalidTime(f"{name} has a time zone that does not work") from None
    if offset is None:
        raise InvalidTime(f"{name} must be aware: it has no time zone")
    return offset


def _plain(value: datetime) -> datetime:
    return datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, tzinfo=UTC
    )


def zone_named(name: object) -> ZoneInfo:
    """
    Return the time zone of this name in the IANA database, for example ``Europe/Berlin``.

    Raises:
        loyalty.errors.InvalidTime: If there is none.
    """
    try:
        if isinstance(name, str) and name not in _NOT_ZONES:
            return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there; a folder; no plain name
        pass
    raise InvalidTime("the time zone must have a name of the IANA database, such as Europe/Berlin")


def to_micros(moment: datetime) -> int:
    """
    Return the whole microseconds since 1970-01-01 00:00 UTC; negative before.

    Raises:
        loyalty.errors.InvalidTime: If the time is naive.

    Guarantees:
        :func:`from_micros` gives the same time back, from year 1 to 9999.
    """
    try:
        since = moment - EPOCH
    except TypeError:
        raise InvalidTime("the time must be an aware datetime") from None
    return (since.days * _SECONDS_PER_DAY + since.seconds) * _MICROS_PER_SECOND + since.microseconds


def from_micros(micros: int) -> datetime:
    """
    Return the time so many microseconds after 1970-01-01 00:00 UTC, in UTC.

    Raises:
        loyalty.errors.InvalidTime: If that is before year 1 or after 9999.
    """
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise InvalidTime("the time is outside the years 1 to 9999") from None
