"""
How long a gift card is valid: calendar sums that end with a day in a named time zone.

What a customer reads is a date ("through 31 December"); what decides is an
instant, the first one after that day where the shop is. Both are kept, and they
belong together on every day of every zone, whatever its clocks do that night.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from loyalty.clock import require_utc, zone_named
from loyalty.errors import InvalidRequest, InvalidTime

__all__ = ["LastDay", "Term", "end_of_day"]

MOST_YEARS = 100
MOST_MONTHS = 1_200
MOST_DAYS = 36_525
DECEMBER, LAST_OF_DECEMBER = 12, 31

_INSTANT = timedelta(microseconds=1)


def _time_zone(value: object) -> str:
    return zone_named(value).key


def end_of_day(day: date, time_zone: str) -> datetime:
    """
    Return the first instant after a day, where clocks show the time of *time_zone*.

    Value that "is valid through 31 December" expires at this instant: it is
    spendable before it, in the last second of the day, and not at it. Where clocks
    are set back over midnight, the day is over when it is over for good.

    Args:
        day:
            A date, not a time.
        time_zone:
            The name of a zone in the IANA database.

    Returns:
        Aware, UTC.

    Raises:
        loyalty.errors.InvalidTime: If *day* is no date or the last one there is, or
            if there is no such zone.

    Guarantees:
        The last local second of the day is before it and the first of the next day
        is not, in all zones and on all days on which clocks change
        (``tests/properties/test_terms_end_with_a_local_day.py``).

    Example:
        >>> end_of_day(date(2031, 12, 31), "Europe/Berlin")
        datetime.datetime(2031, 12, 31, 23, 0, tzinfo=datetime.timezone.utc)
    """
    if type(day) is not date:
        raise InvalidTime("the day must be a date")
    zone = zone_named(time_zone)
    try:
        midnight = datetime.combine(day + timedelta(days=1), time(), zone)
        moments = sorted({midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}, reverse=True)
        for moment in moments:
            if _is_over(day, moment, zone) and not _is_over(day, moment - _INSTANT, zone):
                return moment
        return _first_after(day, moments[-1], moments[0], zone)
    except OverflowError:
        raise InvalidTime("the day is too close to the end of the calendar") from None


def _is_over(day: date, moment: datetime, zone: ZoneInfo) -> bool:
    return moment.astimezone(zone).date() > day


def _first_after(day: date, before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return when the day was over, between two instants, where clocks were set forward over midnight."""
    while after - before > _INSTANT:
        middle = before + (after - before) // 2
        before, after = (before, middle) if _is_over(day, middle, zone) else (middle, after)
    return after


@attrs.frozen(kw_only=True)
class LastDay:
    """The last day on which something is valid, as it is said to customers: a date, and where."""

    day: date
    time_zone: str

    @property
    def ends_at(self) -> datetime:
        """The first instant at which it is no longer valid; aware, UTC."""
        return end_of_day(self.day, self.time_zone)


def _is_count(most: int) -> Callable[[object, attrs.Attribute[Any], object], None]:
    def check(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not int or not 0 <= value <= most:
            raise InvalidRequest(f"the {field.name} of a term must be a whole number from 0 to {most}")

    return check


@attrs.frozen(kw_only=True)
class Term:
    """
    How long cards of a product are valid, counted from the day their value is loaded.

    Years and months are added first, then days, on the calendar of *time_zone*;
    a day that a month does not have becomes the first of the next one, so a term is
    never shorter than it says. With *until_year_end* it then runs on to 31 December.
    The last day counts to its end.

    Args:
        years, months, days:
            Whole numbers, zero or more; not all zero without *until_year_end*.
        until_year_end:
            Whether the term ends with the calendar year, as in "three years from
            the end of the year".
        time_zone:
            The name of a zone in the IANA database.

    Raises:
        loyalty.errors.InvalidRequest: If a number is not as said, or nothing is.
        loyalty.errors.InvalidTime: If there is no such zone.

    Example:
        >>> Term(years=3, until_year_end=True, time_zone="Europe/Berlin").last_day(datetime(2026, 3, 1, tzinfo=UTC))
        LastDay(day=datetime.date(2029, 12, 31), time_zone='Europe/Berlin')
    """

    years: int = attrs.field(default=0, validator=_is_count(MOST_YEARS))
    months: int = attrs.field(default=0, validator=_is_count(MOST_MONTHS))
    days: int = attrs.field(default=0, validator=_is_count(MOST_DAYS))
    until_year_end: bool = False
    time_zone: str = attrs.field(converter=_time_zone)

    def __attrs_post_init__(self) -> None:
        """Check that the term says something."""
        if type(self.until_year_end) is not bool:
            raise InvalidRequest("until_year_end must be True or False")
        if not (self.years or self.months or self.days or self.until_year_end):
            raise InvalidRequest("a term must have years, months or days, or run until the end of the year")

    def last_day(self, loaded_at: datetime) -> LastDay:
        """
        Return the last day of value that is loaded at *loaded_at* (aware, UTC).

        Raises:
            loyalty.errors.InvalidTime: If *loaded_at* is not aware or not UTC, or the
                calendar ends before the term does.
        """
        start = require_utc(loaded_at, "the time of loading").astimezone(zone_named(self.time_zone)).date()
        try:
            day = _months_later(start, 12 * self.years + self.months) + timedelta(days=self.days)
        except (OverflowError, ValueError):
            raise InvalidTime("the calendar ends before the term does") from None
        if self.until_year_end:
            day = day.replace(month=DECEMBER, day=LAST_OF_DECEMBER)
        return LastDay(day=day, time_zone=self.time_zone)


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    _, days_in_month = monthrange(year, month)
    if day.day <= days_in_month:
        return date(year, month, day.day)
    return date(year, month, days_in_month) + timedelta(days=1)
