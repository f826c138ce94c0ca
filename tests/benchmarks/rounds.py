"""
Rounds: every candidate does the same number of operations, then the next one, again and again.

The machine is shared and its speed changes while we look. Candidates of one round meet the same machine, so each round
gives a ratio of its own, and the median of those ratios is what we believe. The order turns from round to round, so
that nobody always follows the same neighbour.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Protocol

import attrs

__all__ = ["Measured", "Ratio", "Turn", "compare", "interleaved", "turn"]

Operation = Callable[[int, int], object]
"""Takes the number of its thread and a number that it never sees again."""


class Turn(Protocol):
    """A candidate's turn."""

    def __call__(self, *, operations: int) -> float:
        """Do so many operations and return how long they took, in seconds."""


FEWEST_ROUNDS = 3
WARM_UP = 20
"""Operations before the first round: psycopg prepares a statement after five, PostgreSQL plans anew for five more."""


@attrs.frozen
class Ratio:
    """How much faster one candidate is than another, round by round."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Ratio:
        """Return the median and the quartiles."""
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(median, low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


@attrs.frozen
class Measured:
    """Operations per second of every candidate in every round."""

    speeds: Mapping[str, Sequence[float]]

    @property
    def rounds(self) -> int:
        """The number of rounds."""
        return min(len(speeds) for speeds in self.speeds.values())

    def speed(self, candidate: str) -> float:
        """Return the median speed."""
        return statistics.median(self.speeds[candidate])

    def ratio(self, candidate: str, other: str) -> Ratio:
        """Return the ratio of two candidates."""
        return Ratio.of([ours / theirs for ours, theirs in self._pairs(candidate, other)])

    def added(self, candidate: str, other: str) -> float:
        """Return the median of the milliseconds that one candidate takes longer than another for an operation."""
        return statistics.median(1000 / ours - 1000 / theirs for ours, theirs in self._pairs(candidate, other))

    def _pairs(self, candidate: str, other: str) -> Iterator[tuple[float, float]]:
        return zip(self.speeds[candidate], self.speeds[other], strict=True)


def compare(
    candidates: Mapping[str, Operation], *, threads: int, operations: int, rounds: int, seconds: float
) -> Measured:
    """
    Let all candidates run in rounds.

    Args:
        candidates:
            Operations by name.
        threads:
            How many threads share the operations of a candidate's turn.
        operations:
            How many operations a turn has.
        rounds:
            How many rounds there are at most.
        seconds:
            When to begin no further round, after the third.
    """
    with ThreadPoolExecutor(threads) as crew:
        turns: dict[str, Turn] = {
            name: partial(turn, crew, operate, count(), threads=threads) for name, operate in candidates.items()
        }
        return interleaved(turns, warm_up=WARM_UP * threads, operations=operations, rounds=rounds, seconds=seconds)


def interleaved(turns: Mapping[str, Turn], *, warm_up: int, operations: int, rounds: int, seconds: float) -> Measured:
    """Let everybody warm up with so many operations, and then take turns in rounds."""
    speeds: dict[str, list[float]] = {name: [] for name in turns}
    for take_turn in turns.values():
        take_turn(operations=warm_up)
    names = list(turns)
    end = time.perf_counter() + seconds
    for number in range(rounds):
        if number >= FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for name in names[number % len(names) :] + names[: number % len(names)]:
            speeds[name].append(operations / turns[name](operations=operations))
    return Measured(speeds)


def turn(crew: ThreadPoolExecutor, operate: Operation, numbers: count[int], *, threads: int, operations: int) -> float:
    """Return how long the threads took together for so many operations."""
    if threads == 1:
        began = time.perf_counter()
        for _ in range(operations):
            operate(0, next(numbers))
        return time.perf_counter() - began
    # Threads take tickets, so that nobody waits for a slow one whose share is not done.
    tickets = iter(range(operations))
    started: list[float] = []

    def note_the_time() -> None:
        started.append(time.perf_counter())

    ready = threading.Barrier(threads, action=note_the_time)

    def work(thread: int) -> None:
        ready.wait()
        for _ in tickets:
            operate(thread, next(numbers))

    workers = [crew.submit(work, thread) for thread in range(threads)]
    for worker in workers:
        worker.result()
    return time.perf_counter() - started[0]
