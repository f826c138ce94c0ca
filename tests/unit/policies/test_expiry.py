"""When new value ends: as asked, or later where a law says so, and never sooner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.errors import InvalidRequest
from loyalty.ledger.lot import LotOrigin
from loyalty.policies.expiry import AtLeastYears, as_asked, earliest_lawful_expiry, never_for_paid_value
from tests.unit.accounts import DAY, MICROSECOND, NOW

LAST = datetime.max.replace(tzinfo=UTC)
FREE = [origin for origin in LotOrigin if origin is not LotOrigin.PURCHASED]


@pytest.mark.parametrize("origin", LotOrigin)
@pytest.mark.parametrize("wanted", [None, NOW + DAY])
def test_by_default_value_ends_when_the_caller_says(origin: LotOrigin, wanted: datetime | None) -> None:
    """Whatever its origin, and never if nothing was said."""
    assert wanted == as_asked(origin, wanted, NOW)


def test_paid_value_may_be_made_to_live_for_ever() -> None:
    """What was paid for never ends; the shop's gifts end as asked."""
    assert None is never_for_paid_value(LotOrigin.PURCHASED, NOW + DAY, NOW)
    for origin in FREE:
        assert NOW + DAY == never_for_paid_value(origin, NOW + DAY, NOW)


@pytest.mark.parametrize(
    ("loaded", "years", "expiry"),
    [
        (
            datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
            5,
            datetime(2033, 3, 1, 23, 59, 59, 999999, tzinfo=UTC),
        ),
        (datetime(2028, 2, 29, tzinfo=UTC), 4, datetime(2032, 2, 29, tzinfo=UTC)),
        (datetime(2096, 2, 29, tzinfo=UTC), 4, datetime(2100, 3, 1, tzinfo=UTC)),
        (datetime(2027, 2, 28, tzinfo=UTC), 1, datetime(2028, 2, 28, tzinfo=UTC)),
        (datetime(2027, 3, 1, tzinfo=UTC), 1, datetime(2028, 3, 1, tzinfo=UTC)),
        (datetime(9994, 12, 31, tzinfo=UTC), 5, datetime(9999, 12, 31, tzinfo=UTC)),
        (datetime(9995, 1, 1, tzinfo=UTC), 5, LAST),
    ],
)
def test_years_are_calendar_years(loaded: datetime, years: int, expiry: datetime) -> None:
    """To the microsecond; a leap day becomes the first of March, and the calendar's end is the end."""
    assert expiry == earliest_lawful_expiry(loaded, years)


@pytest.mark.parametrize(("moment", "kept"), [(-MICROSECOND, False), (timedelta(0), True), (MICROSECOND, True)])
def test_paid_value_lives_so_many_years_at_least(moment: timedelta, kept: bool) -> None:
    """An expiry one microsecond before the anniversary is moved to it; at it and after it it stays."""
    lawful = NOW.replace(year=NOW.year + 5)
    assert (lawful + moment if kept else lawful) == AtLeastYears(5)(LotOrigin.PURCHASED, lawful + moment, NOW)


def test_gifts_and_value_without_an_end_are_left_alone() -> None:
    """The law speaks of value that was paid for, and no end is late enough."""
    assert None is AtLeastYears(5)(LotOrigin.PURCHASED, None, NOW)
    for origin in FREE:
        assert NOW + DAY == AtLeastYears(5)(origin, NOW + DAY, NOW)


@pytest.mark.parametrize("years", [0, -1, 101, 5.0, True, None, "5"], ids=repr)
def test_other_years_are_refused(years: Any) -> None:
    """A whole number from 1 to 100."""
    with pytest.raises(InvalidRequest):
        AtLeastYears(years)
    assert 100 == AtLeastYears(100).years
