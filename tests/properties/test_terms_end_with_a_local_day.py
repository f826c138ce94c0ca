"""The last local second of a term is valid and the next local day is not, in all zones and on all days (PAINS 24)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty import Term, end_of_day
from tests.use_cases.shop import MICROSECOND

ZONES: Final = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
DAY: Final = timedelta(days=1)

zones = st.sampled_from(ZONES)
days = st.dates(min_value=date(1880, 1, 1), max_value=date(2200, 12, 31))


def require_last(day: date, time_zone: str) -> None:
    """Check the end of a day against the clocks of its zone, looking from both sides."""
    zone, end = ZoneInfo(time_zone), end_of_day(day, time_zone)

    assert (end - MICROSECOND).astimezone(zone).date() <= day
    for later in (timedelta(0), MICROSECOND, timedelta(minutes=1), timedelta(hours=1), timedelta(hours=3), DAY):
        assert day < (end + later).astimezone(zone).date(), "a local day came again after its end"


@cache
def changes_of(time_zone: str) -> tuple[datetime, ...]:
    """Return the instants from 1901 to 2037 near which the zone's clocks changed, found by looking every half day."""
    zone, changes = ZoneInfo(time_zone), []
    moment, step = datetime(1901, 1, 1, tzinfo=UTC), timedelta(hours=12)
    before = moment.astimezone(zone).utcoffset()
    while moment.year < 2038:
        moment += step
        offset = moment.astimezone(zone).utcoffset()
        if offset != before:
            changes.append(moment)
            before = offset
    return tuple(changes)


@given(zone=zones, day=days)
def test_a_day_ends_with_its_last_local_instant(zone: str, day: date) -> None:
    """One microsecond before the end it is that day or an earlier one, from the end on it is never again."""
    require_last(day, zone)


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "America/Havana", "America/St_Johns", "Africa/Cairo",
                                  "Asia/Beirut", "Asia/Tehran", "Pacific/Apia", "Europe/Berlin", "Australia/Lord_Howe",
                                  "America/Toronto", "Asia/Gaza", "Antarctica/Troll", "Africa/Monrovia"])  # fmt: skip
def test_every_day_on_which_clocks_change_ends_once(zone: str) -> None:
    """Every change of the clocks since 1901, with the days around it, in zones that change them at odd hours."""
    for change in changes_of(zone):
        local = change.astimezone(ZoneInfo(zone)).date()
        for day in (local - 2 * DAY, local - DAY, local, local + DAY):
            require_last(day, zone)


@given(data=st.data(), zone=zones)
def test_days_around_a_change_of_clocks_end_once_in_any_zone(data: st.DataObject, zone: str) -> None:
    """The same in all zones, at a change that chance picks."""
    if changes := changes_of(zone):
        change = data.draw(st.sampled_from(changes))
        require_last(change.astimezone(ZoneInfo(zone)).date() - data.draw(st.integers(-1, 2)) * DAY, zone)


@given(
    zone=zones,
    loaded_at=st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants naive bounds
    years=st.integers(0, 10),
    months=st.integers(0, 40),
    days=st.integers(1, 400),
    until_year_end=st.booleans(),
)
def test_a_term_is_never_shorter_than_it_says(
    *, zone: str, loaded_at: datetime, years: int, months: int, days: int, until_year_end: bool
) -> None:
    """The last day is at least so many whole months and days after the local day of loading."""
    term = Term(years=years, months=months, days=days, until_year_end=until_year_end, time_zone=zone)
    last, start = term.last_day(loaded_at), loaded_at.astimezone(ZoneInfo(zone)).date()

    assert loaded_at < last.ends_at
    assert start + timedelta(days=years * 365 + months * 28 + days) <= last.day
    if until_year_end:
        assert (12, 31) == (last.day.month, last.day.day)
