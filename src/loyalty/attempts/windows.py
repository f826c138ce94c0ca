"""Counting wrong codes in windows of time, with the library of limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from loyalty.clock import system_clock
from loyalty.errors import InvalidRequest, TooManyAttempts

__all__ = ["OVERALL", "PER_CALLER", "SlidingWindows"]

PER_CALLER: Final = "10/minute"
"""More than anybody needs who reads codes from cards; the check symbol has caught most typing mistakes before."""

OVERALL: Final = "1000/minute"
"""
Against many callers together. A twenty-eighth of what one known attack on gift cards tried, 1.7 million an hour.

Source: "GiftGhostBot" report of Distil Networks, 2017.
"""

Bucket = tuple[RateLimitItem, tuple[str, ...]]


class SlidingWindows:
    """
    An attempt limiter on a storage of the library of limits.

    The window slides: there is no turn of the minute at which a caller may
    start afresh. It keeps two numbers per caller, however many attempts there
    were, and forgets them when they no longer count; in exchange the share of
    the previous window is an estimate, which may let one attempt more pass.
    Time is the real one: who guesses lives in it, whatever clock the shop has.

    Args:
        storage:
            Where the numbers are kept.
        per_caller:
            How many wrong codes one caller may try: a number per time, such as
            ``"10/minute"`` or ``"50 per 2 hours"``.
        overall:
            How many wrong codes all callers together may try.
        name:
            Keeps shops apart that count in the same place.

    Raises:
        loyalty.errors.InvalidRequest: If a limit is not one, or the storage cannot slide.
    """

    def __init__(
        self, storage: Storage, *, per_caller: str = PER_CALLER, overall: str = OVERALL, name: str = "loyalty"
    ) -> None:
        """Read the limits; nothing is counted yet."""
        self._per_caller = _limit(per_caller)
        self._overall = _limit(overall)
        self._name = name
        try:
            self._windows = SlidingWindowCounterRateLimiter(storage)
        except NotImplementedError as error:
            raise InvalidRequest("this storage of limits cannot count in sliding windows") from error

    def require(self, caller: str | None) -> None:
        """
        Check that the caller, and then all together, have attempts left.

        Raises:
            loyalty.errors.TooManyAttempts: If not; with the time until one more is allowed.
        """
        for limit, names in self._buckets(caller):
            opens, remaining = self._windows.get_window_stats(limit, *names)
            if remaining <= 0:
                raise TooManyAttempts(retry_after=_time_until(opens))

    def wrong(self, caller: str | None) -> None:
        """Count one wrong code for the caller and for all."""
        for limit, names in self._buckets(caller):
            self._windows.hit(limit, *names)

    def mistyped(self, caller: str | None) -> None:
        """Count in buckets that nobody asks, the same for all callers."""
        for limit, _ in self._buckets(caller):
            self._windows.hit(limit, self._name, "mistyped")

    def _buckets(self, caller: str | None) -> tuple[Bucket, ...]:
        overall: Bucket = (self._overall, (self._name, "all"))
        if caller is None:
            return (overall,)
        return (self._per_caller, (self._name, "caller", caller)), overall


def _limit(text: object) -> RateLimitItem:
    try:
        limits = parse_many(text) if isinstance(text, str) else []
    except ValueError:
        limits = []
    if len(limits) != 1 or limits[0].amount < 1:
        raise InvalidRequest("a limit of attempts must be one number per time, such as 10/minute")
    return limits[0]


def _time_until(timestamp: float) -> timedelta:
    return max(datetime.fromtimestamp(timestamp, UTC) - system_clock(), timedelta(0))
