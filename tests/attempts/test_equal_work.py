"""
A refusal does as much, whatever is wrong with a code, so that the time it takes does not tell.

What is asserted is counted, not timed: how many functions run, and which of the dear ones. Timings are taken as well,
of every wrong code once a round and in an order of its own, so that whatever disturbs the machine disturbs all alike;
of these only what no noise makes is asserted: that no kind takes a quarter longer than another.
"""

from __future__ import annotations

import gc
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import perf_counter_ns
from types import FrameType
from typing import Any, Final

import pytest

from loyalty import AttemptLimiter, GetBalance, LoyaltyError, PlaceHold, RedeemGiftCard, UnlimitedGuesses
from loyalty.adapters.limits import LimitsAttemptLimiter
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.ports.observer import Observer
from tests.unit.attempts.limiters import limited
from tests.unit.attempts.wrong_codes import WRONG, WrongCodes
from tests.use_cases.shop import usd

CLEARLY_SLOWER: Final = 1.25
"""How many times as long one kind may take as another. On a quiet machine it is 1.07 at most, in memory."""

MOST_MORE_CALLS: Final = 24
"""
How many function calls more one kind may take than another, of some 180 to 650: two microseconds in memory.

A card that is found is asked for its state, which is a dozen of calls; nothing of one that is not found is.
"""

DEAR: Final = ("hmac_digest", "with_account", "Cursor.execute", "Cursor.fetchall", "loads", "checksum")
"""What must run equally often: digests, cards made, statements, rows read, and the check of a code."""

Question = Callable[[Any, str, str], object]


def redeeming(loyalty: Any, code: str, key: str) -> object:
    """Pay with a card."""
    command = RedeemGiftCard(code=code, amount=usd("1.00"), order_id="1", customer_id="ada", idempotency_key=key)
    return loyalty.execute(command, caller="till-1")


def looking(loyalty: Any, code: str, _key: str) -> object:
    """Ask for the balance."""
    return loyalty.ask(GetBalance(code=code, customer_id="ada"), caller="till-1")


def holding(loyalty: Any, code: str, key: str) -> object:
    """Reserve value of a card for an order."""
    command = PlaceHold(
        order_id="1",
        amount_due=usd("1.00"),
        codes=(code,),
        customer_id="ada",
        idempotency_key=key,
        use_store_credit=False,
    )
    return loyalty.execute(command, caller="till-1")


def never_full() -> AttemptLimiter:
    """Return a limiter that counts and never refuses."""
    return LimitsAttemptLimiter(per_caller="1000000000/day", overall="1000000000/day")


def times_of(wrong: WrongCodes, limiter: AttemptLimiter, ask: Question, rounds: int) -> dict[str, list[int]]:
    """Return, for each kind of wrong code, how many nanoseconds each refusal took."""
    loyalty = limited(wrong.shop, limiter)
    taken: dict[str, list[int]] = {name: [] for name in WRONG}
    order, chance = list(WRONG), random.Random(27)
    for number in range(-rounds // 20, rounds):
        chance.shuffle(order)
        for name in order:
            begun = perf_counter_ns()
            try:
                ask(loyalty, wrong.codes[name], f"{name} {number}")
            except LoyaltyError:
                ended = perf_counter_ns()
            if number >= 0:
                taken[name].append(ended - begun)
    return taken


def told_apart(taken: dict[str, list[int]]) -> dict[str, float]:
    """Return the kinds that clearly take longer than the quickest, and how many times as long."""
    typical = {name: median(times) for name, times in taken.items()}
    quickest = min(typical.values())
    return {name: time / quickest for name, time in typical.items() if time > CLEARLY_SLOWER * quickest}


def calls_of(work: Callable[[], object]) -> Counter[str]:
    """Return how often each function ran, of Python and of C."""
    seen: Counter[str] = Counter()

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "call":
            seen[frame.f_code.co_name] += 1
        elif event == "c_call":
            seen[function.__qualname__] += 1

    sys.setprofile(note)
    try:
        work()
    except LoyaltyError:
        pass
    finally:
        sys.setprofile(None)
    return seen


def calls_of_each(
    wrong: WrongCodes, limiter: AttemptLimiter, ask: Question, observer: Observer | None = None
) -> dict[str, Counter[str]]:
    """Return what ran to refuse each kind of wrong code: the least of five times, when caches are warm."""
    loyalty = limited(wrong.shop, limiter, observer=observer)

    def least(name: str) -> Counter[str]:
        """Return what ran the time that least did."""
        rounds = [calls_of(partial(ask, loyalty, wrong.codes[name], f"{name} {number}")) for number in range(5)]
        return min(rounds, key=Counter.total)

    return {name: least(name) for name in WRONG}


def assert_equal_work(seen: dict[str, Counter[str]]) -> None:
    """Check that no kind ran clearly more, and all the dear functions equally often."""
    totals = {name: calls.total() for name, calls in seen.items()}
    assert max(totals.values()) - min(totals.values()) <= MOST_MORE_CALLS, totals
    for dear in DEAR:
        assert len({calls[dear] for calls in seen.values()}) == 1, (dear, seen)


@pytest.fixture(autouse=True)
def _nothing_is_collected() -> Iterator[None]:
    """Keep the collector of garbage from stopping some refusals and not others."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_in_memory_every_refusal_runs_as_much(ask: Question) -> None:
    """P27: the code is read, its digest taken, and the card or a decoy looked at, whatever is wrong."""
    seen = calls_of_each(WrongCodes.made(), UnlimitedGuesses(), ask)
    assert_equal_work(seen)
    assert seen["unknown"]["hmac_digest"] > 0


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_on_a_database_every_refusal_runs_as_much(sqlite_url: str, ask: Question) -> None:
    """P27: and as many statements run, and as many rows are read."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    seen = calls_of_each(WrongCodes.made(storage), UnlimitedGuesses(), ask)
    storage.dispose()
    assert_equal_work(seen)
    assert seen["unknown"]["Cursor.execute"] > 0


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_counting_runs_the_same_for_every_refusal(ask: Question) -> None:
    """P27: a mistyped code is not counted as a guess, and the limiter is asked about it all the same."""
    assert_equal_work(calls_of_each(WrongCodes.made(), never_full(), ask))


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_in_memory_no_refusal_takes_clearly_longer(ask: Question) -> None:
    """P27: where nothing but our own work takes time, and a thousand rounds are compared."""
    assert {} == told_apart(times_of(WrongCodes.made(), UnlimitedGuesses(), ask, 1_000))


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_on_a_database_no_refusal_takes_clearly_longer(sqlite_url: str, ask: Question) -> None:
    """P27: nor does a look-up that finds a card against one that finds none."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    assert {} == told_apart(times_of(WrongCodes.made(storage), UnlimitedGuesses(), ask, 1_000))
    storage.dispose()


def test_the_comparison_tells_apart_what_differs() -> None:
    """A third more work, and not a twentieth, is seen by the comparison that the timings rely on."""
    chance = random.Random(27)

    def some(typical: float) -> list[int]:
        """Return times as a busy machine takes them."""
        return [round(chance.gauss(typical, 25_000)) for _ in range(1_000)]

    assert {"long"} == told_apart({"short": some(100_000), "long": some(133_000)}).keys()
    assert {} == told_apart({"one": some(100_000), "other": some(105_000)})
