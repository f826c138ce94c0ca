"""
When new value stops being spendable.

A shop may let value live longer than it was asked to, for example because the
law says so; a policy answers with the expiry that is used. When the term of
value that is there is changed, the policy is asked again, with the time at which
paid value was last added; what it answers is then the least.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import MAXYEAR, UTC, datetime

import attrs

from loyalty.errors import InvalidRequest
from loyalty.ledger.lot import LotOrigin
from loyalty.policies.decision import policy

__all__ = ["AtLeastYears", "ValueExpiry", "as_asked", "earliest_lawful_expiry", "later", "never_for_paid_value"]

ValueExpiry = Callable[[LotOrigin, "datetime | None", datetime], "datetime | None"]
"""Asked with the origin, the expiry that the caller wants, and the time of the issue or grant."""

MOST_YEARS = 100
_END = datetime.max.replace(tzinfo=UTC)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two ends; None is never, and so the latest."""
    return None if one is None or other is None else max(one, other)


@policy("1")
def as_asked(origin: LotOrigin, wanted: datetime | None, at: datetime) -> datetime | None:  # noqa: ARG001  # the caller decides
    """Let value expire when the caller says; without a word, never."""
    return wanted


@policy("1")
def never_for_paid_value(origin: LotOrigin, wanted: datetime | None, at: datetime) -> datetime | None:  # noqa: ARG001  # whenever it was paid
    """
    Let value that was paid for live for ever, and the shop's gifts as long as it says.

    Source:
        California Civil Code section 1749.5: a gift certificate sold there has no expiration date.
    """
    return None if origin is LotOrigin.PURCHASED else wanted


def earliest_lawful_expiry(last_loaded_at: datetime, years: int = 5) -> datetime:
    """
    Return the first instant at which purchased value may expire.

    Args:
        last_loaded_at:
            Aware, UTC. When the value was issued or last reloaded, whichever is later.
        years:
            Whole calendar years.

    Returns:
        Aware, UTC. So many calendar years later; 29 February becomes 1 March
        where there is none. Value is spendable before this instant and not at it.

    Source:
        15 U.S.C. 1693l-1 (United States): five years.

    Example:
        >>> earliest_lawful_expiry(datetime(2028, 2, 29, tzinfo=UTC))
        datetime.datetime(2033, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    year = last_loaded_at.year + years
    if year > MAXYEAR:
        return _END
    is_leap_day = (last_loaded_at.month, last_loaded_at.day) == (2, 29)
    if is_leap_day and not isleap(year):
        return last_loaded_at.replace(year=year, month=3, day=1)
    return last_loaded_at.replace(year=year)


@attrs.frozen
class AtLeastYears:
    """
    Let purchased value live for so many calendar years at least, whatever the caller says.

    Example:
        >>> AtLeastYears(5)(LotOrigin.PURCHASED, datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
        datetime.datetime(2031, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """

    years: int = attrs.field()
    version: str = "1"

    @years.validator
    def _require_years(self, _: object, value: object) -> None:
        if type(value) is not int or not 1 <= value <= MOST_YEARS:
            raise InvalidRequest(f"the years must be a whole number from 1 to {MOST_YEARS}")

    def __call__(self, origin: LotOrigin, wanted: datetime | None, at: datetime) -> datetime | None:
        """Return the expiry that is used."""
        if wanted is None or origin is not LotOrigin.PURCHASED:
            return wanted
        return max(wanted, earliest_lawful_expiry(at, self.years))
