"""What counts as a time, and how it becomes a number and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.clock import from_micros, require_utc, system_clock, to_micros
from loyalty.errors import InvalidTime

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


class BrokenZone(tzinfo):
    """A zone that does not say its offset."""

    def __repr__(self) -> str:
        return "BrokenZone"


class TimeOfTheHost(datetime):
    """What pendulum does: a subclass."""


def test_system_clock_is_aware_utc() -> None:
    """The default clock answers times that the library accepts."""
    now = system_clock()
    assert now is require_utc(now, "now")
    assert system_clock() >= now


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(0))),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(0), "GMT")),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=ZoneInfo("UTC")),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=ZoneInfo("Europe/London")),
        TimeOfTheHost(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    ],
    ids=repr,
)
def test_require_utc_answers_plain_utc(value: datetime) -> None:
    """Whatever class says "offset zero", the result is a plain time in UTC."""
    result = require_utc(value, "expires_at")
    assert datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC) == result
    assert (datetime, UTC) == (type(result), result.tzinfo)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 2),  # noqa: DTZ001 - a naive time is the point
        datetime(2026, 7, 2, tzinfo=ZoneInfo("Europe/London")),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(microseconds=1))),
        datetime(2026, 1, 2, tzinfo=BrokenZone()),  # type: ignore[abstract] # which is what makes it broken
        datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        date(2026, 1, 2),
        1_767_312_000,
        1_767_312_000.0,
        True,
        None,
        "2026-01-02T00:00:00Z",
        timedelta(days=1),
    ],
    ids=repr,
)
def test_require_utc_refuses_other_times(value: object) -> None:
    """Naive, in another zone, or no time at all: a typed error that names the field."""
    with pytest.raises(InvalidTime, match=r"^expires_at "):
        require_utc(value, "expires_at")


@pytest.mark.parametrize(
    ("moment", "micros"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), 10**15),
        (FIRST, -62_135_596_800_000_000),
        (LAST, 253_402_300_799_999_999),
    ],
)
def test_micros_are_exact(moment: datetime, micros: int) -> None:
    """Every microsecond from year 1 to 9999 has its own integer."""
    assert micros == to_micros(moment)
    assert moment == from_micros(micros)


@given(st.datetimes(timezones=st.just(UTC)))
def test_micros_round_trip(moment: datetime) -> None:
    """A time comes back as it went in, in UTC."""
    assert (moment, UTC) == (from_micros(to_micros(moment)), from_micros(to_micros(moment)).tzinfo)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_micros_keep_the_order(one: datetime, other: datetime) -> None:
    """What is earlier has the smaller number."""
    assert (one < other) == (to_micros(one) < to_micros(other))


def test_to_micros_refuses_naive_times() -> None:
    """A naive time has no number."""
    with pytest.raises(InvalidTime):
        to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - a naive time is the point


@pytest.mark.parametrize("micros", [to_micros(FIRST) - 1, to_micros(LAST) + 1, 10**30, -(10**30)])
def test_from_micros_refuses_what_no_calendar_holds(micros: int) -> None:
    """Before year 1 and after 9999 there is a typed error."""
    with pytest.raises(InvalidTime):
        from_micros(micros)
