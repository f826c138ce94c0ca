"""
Fifty at once: tasks of one event loop on asyncpg against threads on psycopg, on the same server, round by round.

All redeem cards that are spread as widely as can be. Threads are measured in several numbers, each with a connection
per thread, because fifty threads of Python are not the best that threads can do; and fifty with the engine that the
library makes from a URL, which is what a host gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from typing import Final

from moneyed import Money
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from loyalty import AsyncLoyalty, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from tests.benchmarks.ours import KEYS, Ours, analyze
from tests.benchmarks.rounds import WARM_UP, Measured, Turn, interleaved, turn

__all__ = ["TASKS", "THREADS", "crowds"]

CROWD: Final = 50
SPREAD: Final = 20
CENT: Final = Money("0.01", "USD")

TASKS: Final = f"{CROWD} tasks"
THREADS: Final = f"{CROWD} threads"
CONNECTED: Final = tuple(f"{number} threads, {number} connections" for number in (4, 8, 16, CROWD))


def crowds(url: str, *, operations: int, rounds: int, seconds: float) -> Measured:
    """Measure tasks and threads on the empty PostgreSQL database at *url*."""
    ours = Ours(url, threads=CROWD, spread=SPREAD)
    analyze(ours)
    redeems = _redeems(ours.codes)
    with ExitStack() as crews:
        turns: dict[str, Turn] = {TASKS: crews.enter_context(_tasks(url, redeems))}
        turns[THREADS] = crews.enter_context(_threads(ours.loyalty, CROWD, redeems))
        for name in CONNECTED:
            number = int(name.split()[0])
            storage = SqlAlchemyStorage(create_engine(url, pool_size=number, max_overflow=0, hide_parameters=True))
            crews.callback(storage.dispose)
            turns[name] = crews.enter_context(_threads(ours.loyalty.using(storage), number, redeems))
        measured = interleaved(turns, warm_up=WARM_UP * CROWD, operations=operations, rounds=rounds, seconds=seconds)
    ours.require_clean_books()
    ours.close()
    return measured


def _redeems(codes: list[str]) -> Iterator[RedeemGiftCard]:
    """Yield redemptions, each of the card that was redeemed the longest ago."""
    for number in count():
        yield RedeemGiftCard(
            code=codes[number % len(codes)], amount=CENT, order_id=f"{number}", idempotency_key=f"crowd/{number}"
        )


@contextmanager
def _threads(loyalty: Loyalty, number: int, redeems: Iterator[RedeemGiftCard]) -> Iterator[Turn]:
    """Give a turn of so many threads."""
    with ThreadPoolExecutor(number) as crew:
        yield partial(turn, crew, lambda _, __: loyalty.execute(next(redeems)), count(), threads=number)


@contextmanager
def _tasks(url: str, redeems: Iterator[RedeemGiftCard]) -> Iterator[Turn]:
    """Give a turn of fifty tasks."""
    storage = AsyncSqlAlchemyStorage(make_url(url).set(drivername="postgresql+asyncpg").render_as_string(False))
    loyalty = AsyncLoyalty(storage, code_keys=KEYS)

    async def work(tickets: Iterator[int]) -> None:
        for _ in tickets:
            await loyalty.execute(next(redeems))

    async def all_at_once(operations: int) -> float:
        loop, tickets = asyncio.get_running_loop(), iter(range(operations))
        began = loop.time()
        await asyncio.gather(*(work(tickets) for _ in range(CROWD)))
        return loop.time() - began

    with asyncio.Runner() as runner:
        yield lambda *, operations: runner.run(all_at_once(operations))
        runner.run(storage.dispose())
