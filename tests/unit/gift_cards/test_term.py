"""Terms: calendar sums, last days, and the instants after them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest

from loyalty import LastDay, Term, end_of_day
from loyalty.errors import InvalidRequest, InvalidTime

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def last_day(loaded_at: datetime, time_zone: str = "UTC", **term: Any) -> date:
    """Return the last day of a term."""
    return Term(time_zone=time_zone, **term).last_day(loaded_at).day


@pytest.mark.parametrize(
    ("loaded_on", "term", "expected"),
    [
        (date(2026, 3, 1), {"years": 1}, date(2027, 3, 1)),
        (date(2026, 3, 1), {"months": 18}, date(2027, 9, 1)),
        (date(2026, 3, 1), {"days": 365}, date(2027, 3, 1)),
        (date(2026, 12, 31), {"months": 1}, date(2027, 1, 31)),
        (date(2026, 1, 31), {"months": 1}, date(2026, 3, 1)),
        (date(2026, 3, 31), {"months": 1}, date(2026, 5, 1)),
        (date(2028, 2, 29), {"years": 1}, date(2029, 3, 1)),
        (date(2028, 2, 29), {"years": 4}, date(2032, 2, 29)),
        (date(2096, 2, 29), {"years": 4}, date(2100, 3, 1)),
        (date(2026, 3, 1), {"years": 3, "until_year_end": True}, date(2029, 12, 31)),
        (date(2026, 12, 31), {"until_year_end": True}, date(2026, 12, 31)),
        (date(2026, 12, 31), {"days": 1, "until_year_end": True}, date(2027, 12, 31)),
        (date(2026, 3, 1), {"years": 1, "months": 1, "days": 1}, date(2027, 4, 2)),
        (date(2026, 1, 31), {"months": 1, "days": 1}, date(2026, 3, 2)),
    ],
)
def test_a_term_is_a_calendar_sum(loaded_on: date, term: dict[str, Any], expected: date) -> None:
    """Years and months first, then days, then on to the end of the year; a day that is not there is the next one."""
    assert expected == last_day(datetime(loaded_on.year, loaded_on.month, loaded_on.day, 12, tzinfo=UTC), **term)


def test_the_day_of_loading_is_the_local_one() -> None:
    """The last second of a year in Auckland is long before that of the same year in Honolulu."""
    moment = datetime(2026, 12, 31, 10, 59, 59, tzinfo=UTC)

    assert date(2026, 12, 31) == last_day(moment, "Pacific/Auckland", until_year_end=True)
    assert date(2027, 12, 31) == last_day(moment + timedelta(seconds=1), "Pacific/Auckland", until_year_end=True)
    assert date(2026, 12, 31) == last_day(moment + timedelta(seconds=1), "Pacific/Honolulu", until_year_end=True)


@pytest.mark.parametrize(
    ("day", "time_zone", "expected"),
    [
        (date(2031, 12, 31), "UTC", datetime(2032, 1, 1, tzinfo=UTC)),
        (date(2031, 12, 31), "Europe/Berlin", datetime(2031, 12, 31, 23, tzinfo=UTC)),
        (date(2026, 7, 31), "Europe/Berlin", datetime(2026, 7, 31, 22, tzinfo=UTC)),
        (date(2026, 7, 31), "Asia/Kolkata", datetime(2026, 7, 31, 18, 30, tzinfo=UTC)),
        # Clocks were set forward at midnight: the next day began at one o'clock.
        (date(2018, 11, 3), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        # Clocks were set back at one o'clock: midnight came twice, and the first one ended the day.
        (date(2025, 11, 1), "America/Havana", datetime(2025, 11, 2, 4, tzinfo=UTC)),
        # Clocks were set back from a minute past midnight: the evening before came again, and then it was over.
        (date(2006, 10, 28), "America/St_Johns", datetime(2006, 10, 29, 3, 30, tzinfo=UTC)),
        # A whole day was left out.
        (date(2011, 12, 29), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        (date(2011, 12, 30), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_day_ends_once_and_for_good(day: date, time_zone: str, expected: datetime) -> None:
    """Whatever the clocks do that night, it ends with its last local instant."""
    assert expected == end_of_day(day, time_zone) == LastDay(day=day, time_zone=time_zone).ends_at


@pytest.mark.parametrize(
    "term",
    [
        {},
        {"years": 0, "months": 0, "days": 0},
        {"years": -1},
        {"years": 101},
        {"years": True},
        {"years": 1.0},
        {"years": "1"},
        {"months": 1201},
        {"days": 36_526},
        {"days": None},
        {"until_year_end": 1},
        {"years": 1, "until_year_end": None},
    ],
)
def test_a_term_that_says_nothing_or_nonsense_is_none(term: dict[str, Any]) -> None:
    """It is told when the term is made."""
    with pytest.raises(InvalidRequest):
        Term(**term, time_zone="UTC")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "localtime", "UTC+1"])
def test_a_zone_has_a_name_of_the_database(name: str) -> None:
    """The machine's own zone, a folder, a path and an offset are none."""
    with pytest.raises(InvalidTime):
        Term(years=1, time_zone=name)
    with pytest.raises(InvalidTime):
        end_of_day(date(2026, 1, 1), name)


@pytest.mark.parametrize("name", [None, 5, "", " ", "UTC\x00", "\ud800", "x" * 201])
def test_what_is_no_text_is_no_zone(name: Any) -> None:
    """Nor is what cannot be stored."""
    with pytest.raises(InvalidRequest):
        Term(years=1, time_zone=name)
    with pytest.raises(InvalidRequest):
        end_of_day(date(2026, 1, 1), name)


@pytest.mark.parametrize("day", [None, "2026-01-01", NOON, 5, date.max])
def test_only_a_date_has_an_end(day: Any) -> None:
    """A time has none, and neither has the last date there is."""
    with pytest.raises(InvalidTime):
        end_of_day(day, "UTC")


@pytest.mark.parametrize("loaded_at", [None, NOON.replace(tzinfo=None), datetime.max.replace(tzinfo=UTC)])
def test_a_term_begins_at_an_instant(loaded_at: Any) -> None:
    """A naive time is none, and the calendar has an end."""
    with pytest.raises(InvalidTime):
        Term(years=1, time_zone="UTC").last_day(loaded_at)
