from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any, Final

import pytest
from limits.storage import MemoryStorage, Storage

from loyalty.attempts.windows import SlidingWindows
from loyalty.errors import InvalidRequest, TooManyAttempts

A_DAY: Final = "10/day"
"""Long enough that no window ends while a test runs."""


def windows(storage: Storage | None = None, **given: Any) -> SlidingWindows:
    """Return windows of ten wrong codes a day, unless said otherwise."""
    return SlidingWindows(storage or MemoryStorage(), **({"per_caller": A_DAY, "overall": "1000/day"} | given))


def times(count: int, act: Callable[[str | None], None], caller: str | None) -> None:
    """Do something so often."""
    for _ in range(count):
        act(caller)


def guess(limiter: SlidingWindows, count: int, caller: str | None) -> None:
    """Try so many wrong codes, one after the other."""
    for _ in range(count):
        limiter.require(caller)
        limiter.wrong(caller)


def test_ten_wrong_codes_are_heard_and_the_eleventh_attempt_is_refused() -> None:
    """As many attempts as the limit says are allowed, exactly."""
    limiter = windows()
    guess(limiter, 10, "till-1")
    with pytest.raises(TooManyAttempts):
        limiter.require("till-1")


def test_being_asked_counts_nothing() -> None:
    """Attempts with right codes use nothing up."""
    limiter = windows()
    times(100, limiter.require, "till-1")


def test_others_are_not_affected() -> None:
    """Whose codes were right goes on while another caller waits, and so does whom nobody named."""
    limiter = windows()
    times(10, limiter.wrong, "till-1")
    for caller in ("till-2", "till-11", "till", "all", "caller", None):
        limiter.require(caller)


def test_all_callers_together_have_a_limit_too() -> None:
    """A thousand addresses with one guess each are stopped like one with a thousand; then everybody waits."""
    limiter = windows(overall="100/day")
    for number in range(100):
        guess(limiter, 1, f"192.0.2.{number}")
    for caller in ("192.0.2.200", None):
        with pytest.raises(TooManyAttempts):
            limiter.require(caller)


def test_whom_nobody_named_counts_overall_only() -> None:
    """Where the host does not know who asks, one bad caller cannot lock all the others out after ten."""
    limiter = windows(overall="20/day")
    guess(limiter, 20, None)
    with pytest.raises(TooManyAttempts):
        limiter.require(None)


def test_mistyped_texts_use_nothing_up() -> None:
    """However many texts could not be codes, the caller may go on, and so may all."""
    limiter = windows(overall="10/day")
    times(50, limiter.mistyped, "till-1")
    times(50, limiter.mistyped, None)
    limiter.require("till-1")
    limiter.require(None)


def test_shops_with_names_of_their_own_do_not_disturb_each_other() -> None:
    """Two shops that count in the same place throttle each their own."""
    storage = MemoryStorage()
    one, other = windows(storage, name="one"), windows(storage, name="other")
    times(10, one.wrong, "till-1")
    other.require("till-1")


def test_two_limiters_on_one_storage_count_together() -> None:
    """The numbers are in the storage, not in the object."""
    storage = MemoryStorage()
    times(10, windows(storage).wrong, "till-1")
    with pytest.raises(TooManyAttempts):
        windows(storage).require("till-1")


def test_the_refusal_says_how_long_to_wait_and_keeps_its_word() -> None:
    """After the time that the error names, one more attempt is allowed; before it the time is within the window."""
    limiter = windows(per_caller="2/second")
    with pytest.raises(TooManyAttempts) as caught:
        guess(limiter, 100, "till-1")
    wait = caught.value.retry_after
    assert wait is not None
    assert timedelta(0) <= wait <= timedelta(seconds=1)
    Event().wait(wait.total_seconds() + 0.05)
    limiter.require("till-1")


def test_numbers_that_no_longer_count_are_forgotten() -> None:
    """A caller leaves nothing behind in memory once his windows are over, or many callers would fill it."""
    storage = MemoryStorage()
    limiter = windows(storage, per_caller="1/second", overall="1000/second")
    for number in range(200):
        limiter.wrong(f"192.0.2.{number}")
    assert len(storage.storage) > 100
    Event().wait(2.1)
    limiter.wrong("the next one, who brings the broom")
    storage.timer.join()
    assert len(storage.storage) <= 4
    assert {} == storage.events


@pytest.mark.parametrize(
    "limit", ["", "ten a minute", "0/minute", "-1/minute", "10", "10/fortnight", "10/minute;5/second", 10, None]
)
@pytest.mark.parametrize("name", ["per_caller", "overall"])
def test_a_limit_is_one_number_per_time(name: str, limit: Any) -> None:
    """What is not a limit, or several, is told at once and never taken for no limit."""
    with pytest.raises(InvalidRequest):
        windows(**{name: limit})


def test_a_storage_must_be_able_to_slide() -> None:
    """A storage of limits without sliding windows is told when the limiter is made."""
    cannot_slide: Any = object()
    with pytest.raises(InvalidRequest, match="sliding"):
        windows(cannot_slide)
