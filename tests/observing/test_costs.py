"""
What watching costs, counted in calls: a count does not depend on the machine, as seconds do.

Nothing is put together that nobody listens to, and listening does not make one refusal of a code longer than another.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import loyalty
from loyalty import GrantStoreCredit, LotOrigin, UnlimitedGuesses
from loyalty.adapters.opentelemetry import Telemetry
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.ports.observer import Observer, Operation
from tests.attempts.test_equal_work import assert_equal_work, calls_of_each, holding, looking, redeeming
from tests.observing.doors import BlockingDoor, Remembering
from tests.unit.attempts.wrong_codes import WrongCodes
from tests.use_cases.shop import usd

WATCHING: Final = (
    str(Path(loyalty.__file__).parent / "observing"),
    str(Path(loyalty.__file__).parent / "ports" / "observer.py"),
    str(Path(loyalty.__file__).parent / "adapters" / "opentelemetry.py"),
    logging.__file__,
)
"""The files that do nothing but watch."""

UNHEARD: Final = {
    "over": 1,
    "operation_of": 1,
    "__init__": 1,
    "_began": 1,
    "began": 1,
    "attempting": 1,
    "__enter__": 1,
    "attempt": 1,
    "__exit__": 1,
    "_ending": 1,
    "_outcome": 1,
    "ended": 1,
    "_level": 1,
    "is_failure": 1,
    "isEnabledFor": 1,
}
"""All that runs for a command that nobody listens to. A record, or an id to put in one, is not among it."""


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """Give our logger, and bring its level back."""
    log = logging.getLogger("loyalty")
    before = log.level
    yield log
    log.setLevel(before)


def grant(door: BlockingDoor, key: str) -> None:
    """Carry out a command."""
    door.execute(
        GrantStoreCredit(customer_id="ada", amount=usd("1.00"), origin=LotOrigin.GOODWILL, idempotency_key=key)
    )


def watching_of(observer: Observer | None = None) -> Counter[str]:
    """Return which functions that watch ran for one command, when caches are warm; comprehensions are no functions."""
    door = BlockingDoor(observer=observer)
    grant(door, "first")
    seen: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(WATCHING) and "<" not in frame.f_code.co_name:
            seen[frame.f_code.co_name] += 1

    sys.setprofile(note)
    try:
        grant(door, "second")
    finally:
        sys.setprofile(None)
    return seen


def test_nothing_is_put_together_that_nobody_listens_to(log: logging.Logger) -> None:
    """A command in an ordinary host: one question to the log, and no record."""
    log.setLevel(logging.INFO)
    assert UNHEARD == watching_of()


def test_a_record_is_made_once_for_whoever_listens(log: logging.Logger) -> None:
    """So the test above looks at the right place."""
    log.setLevel(logging.DEBUG)
    seen = watching_of()
    assert (1, 1) == (seen["makeRecord"], seen["account_ids"])


def test_an_observer_that_does_not_listen_costs_one_call(log: logging.Logger) -> None:
    """It is asked as the operation begins, and left alone then."""

    class Choosy:
        """Wants to know nothing."""

        def began(self, _operation: Operation) -> None:
            """Say so."""

    log.setLevel(logging.INFO)
    assert Counter(UNHEARD) + Counter(["_began"]) == watching_of(Choosy())


@pytest.fixture
def _nothing_is_collected() -> Iterator[None]:
    """Keep the collector of garbage from stopping some refusals and not others."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_nothing_is_collected")
@pytest.mark.parametrize("observer", [None, Remembering(), Telemetry()], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_whoever_listens_every_refusal_runs_as_much(
    sqlite_url: str, log: logging.Logger, ask: Callable[[Any, str, str], object], observer: Observer | None
) -> None:
    """P27: unknown, mistyped, blocked or somebody else's: the record and the figures take the same work."""
    log.setLevel(logging.DEBUG)
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    seen = calls_of_each(WrongCodes.made(storage), UnlimitedGuesses(), ask, observer)
    storage.dispose()
    assert_equal_work(seen)
    assert {1} == {calls["makeRecord"] for calls in seen.values()}
