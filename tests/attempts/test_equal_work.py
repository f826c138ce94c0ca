"""
How long a refusal takes does not tell what is wrong with a code.

Rounds: in each, every wrong code is tried once, in an order of its own, so that whatever disturbs the machine disturbs
all alike. Compared is how often one kind of refusal is slower than another when one of each is drawn; a half means that
nobody can tell the two apart. What disturbs pushes towards a half, so a busy machine makes these tests no stricter.
"""

from __future__ import annotations

import gc
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import combinations
from time import perf_counter_ns
from typing import Any, Final

import pytest

from loyalty import AttemptLimiter, GetBalance, LoyaltyError, PlaceHold, RedeemGiftCard, UnlimitedGuesses
from loyalty.adapters.limits import LimitsAttemptLimiter
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from tests.unit.attempts.limiters import limited
from tests.unit.attempts.wrong_codes import WRONG, WrongCodes
from tests.use_cases.shop import usd

CLEARLY_SLOWER: Final = 0.9
"""
In what share of all draws the slower kind may be slower. Measured was up to three quarters, on a quiet machine; where
the look-up of one kind, its digest, the decoy or the word to the limiter was left out, more than nine tenths.
"""

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


def share_slower(ones: list[int], others: list[int]) -> float:
    """Return how often one of the first is slower than one of the second; equal ones count half."""
    ordered = sorted(others)
    below = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in ones)
    return below / (2 * len(ones) * len(others))


def told_apart(taken: dict[str, list[int]]) -> dict[tuple[str, str], float]:
    """Return the pairs of which one is clearly slower."""
    shares = {(one, other): share_slower(taken[one], taken[other]) for one, other in combinations(taken, 2)}
    return {pair: share for pair, share in shares.items() if not 1 - CLEARLY_SLOWER < share < CLEARLY_SLOWER}


@pytest.fixture(autouse=True)
def _nothing_is_collected() -> Iterator[None]:
    """Keep the collector of garbage from stopping some refusals and not others."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_in_memory_no_two_refusals_can_be_told_apart(ask: Question) -> None:
    """Where nothing but our own work takes time, ten thousand refusals of each kind overlap."""
    assert {} == told_apart(times_of(WrongCodes.made(), UnlimitedGuesses(), ask, 10_000))


@pytest.mark.parametrize("ask", [redeeming, holding, looking])
def test_on_a_database_no_two_refusals_can_be_told_apart(sqlite_url: str, ask: Question) -> None:
    """A look-up that finds a card and one that finds none overlap."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    assert {} == told_apart(times_of(WrongCodes.made(storage), UnlimitedGuesses(), ask, 2_000))
    storage.dispose()


def test_the_limiter_does_not_tell_refusals_apart() -> None:
    """Counting a wrong code and not counting a mistyped one overlap."""
    assert {} == told_apart(times_of(WrongCodes.made(), never_full(), looking, 2_000))


def test_the_comparison_tells_apart_what_differs() -> None:
    """A tenth more work, and not more, is seen by the comparison that the other tests rely on."""
    chance = random.Random(27)

    def some(typical: float) -> list[int]:
        """Return times as a quiet machine takes them."""
        return [round(chance.gauss(typical, 2_500)) for _ in range(10_000)]

    assert {("short", "long")} == told_apart({"short": some(100_000), "long": some(110_000)}).keys()
    assert {} == told_apart({"one": some(100_000), "other": some(101_000)})
