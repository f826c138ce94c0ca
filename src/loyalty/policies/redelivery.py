"""How long to wait before an event is handed over again, and when to give up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from loyalty.errors import InvalidRequest

__all__ = ["Redelivery"]

LONGEST = timedelta(days=30)
MOST_ATTEMPTS = 100


def _is_wait(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, timedelta) or not timedelta(0) < value <= LONGEST:
        raise InvalidRequest(f"{field.name} must be a timedelta of more than nothing and at most {LONGEST}")


def _is_count(_instance: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ATTEMPTS:
        raise InvalidRequest(f"{field.name} must be a whole number from 1 to {MOST_ATTEMPTS}")


@attrs.frozen(kw_only=True)
class Redelivery:
    """
    Exponential backoff: twice as long after each attempt, up to a longest time.

    With the defaults an event is given up after twelve attempts, which takes
    between half a day and a whole one.

    Args:
        first:
            How long to wait after the first attempt, at most.
        longest:
            How long to wait at most, however many attempts there were.
        attempts:
            After how many attempts an event is given up; from 1 to 100.

    Raises:
        loyalty.errors.InvalidRequest: If one is not as said, or *longest* is shorter than *first*.
    """

    first: timedelta = attrs.field(default=timedelta(minutes=1), validator=_is_wait)
    longest: timedelta = attrs.field(default=timedelta(hours=6), validator=_is_wait)
    attempts: int = attrs.field(default=12, validator=_is_count)

    def __attrs_post_init__(self) -> None:
        """Check that the waits fit."""
        if self.longest < self.first:
            raise InvalidRequest("longest must not be shorter than first")

    def wait(self, attempt: int, spread: float) -> timedelta:
        """
        Return how long to wait after attempt number *attempt* (from 1) failed.

        *spread*, from 0 up to 1, takes up to half of it away, so that what failed
        together does not come back together.
        """
        full: timedelta = min(self.first * min(2 ** (attempt - 1), self.longest // self.first + 1), self.longest)
        taken_away: timedelta = full * (spread / 2)
        return full - taken_away
