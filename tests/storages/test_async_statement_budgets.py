"""Awaited or blocking, a request takes the same statements: the table is the one of the blocking storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from loyalty import AsyncLoyalty, CodeFormat, Policies, us_cash_out
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage
from loyalty.reports.query import Query
from loyalty.testing import LoopThread
from tests.storages.databases import async_url
from tests.storages.test_statement_budgets import (
    AGAIN,
    CASES,
    COMMANDS,
    NOT_COUNTED,
    QUERIES,
    REPLAYS,
    Request,
    Shop,
    opened,
)
from tests.use_cases.shop import KEYS

DRIVERS = {"sqlite": "aiosqlite", "postgresql": "asyncpg"}


@pytest.fixture(params=DRIVERS)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a shop on an empty database, on each kind that has an async driver."""
    with opened(request.param, request) as shop:
        yield shop


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """Give an event loop."""
    with LoopThread() as loop:
        yield loop


def statements_of(shop: Shop, loop: LoopThread, request: Request) -> list[str]:
    """Execute a command, or ask a query, on the shop's database through an async driver; return its statements."""
    storage, seen = AsyncSqlAlchemyStorage(async_url(shop.storage, DRIVERS[shop.database])), list[str]()
    allowing, policies = CodeFormat(allow_chosen=True), Policies(cash_out=us_cash_out)
    door = AsyncLoyalty(storage, code_keys=KEYS, clock=shop.clock, code_format=allowing, policies=policies)

    def note(*given: object) -> None:
        if not str(given[2]).lstrip().upper().startswith(NOT_COUNTED):
            seen.append(str(given[2]))

    async def send() -> None:
        """Send the request."""
        async with storage.engine.connect():
            """Let SQLAlchemy ask the server for its version before anything is counted."""
        event.listen(storage.engine.sync_engine, "before_cursor_execute", note)
        await (door.ask(request) if isinstance(request, Query) else door.execute(request))
        await storage.dispose()

    loop.call(send())
    return seen


@pytest.mark.parametrize("name", [*COMMANDS, *QUERIES])
def test_an_awaited_request_takes_exactly_its_budget(shop: Shop, loop: LoopThread, name: str) -> None:
    """As many statements as the same request takes when it blocks."""
    seen = statements_of(shop, loop, CASES[name](shop))
    assert len(seen) == shop.budget((COMMANDS | QUERIES)[name]), "\n".join(seen)


@pytest.mark.parametrize("name", [name for name in REPLAYS if name != "with other content"])
def test_an_awaited_replay_takes_exactly_its_budget(shop: Shop, loop: LoopThread, name: str) -> None:
    """Also where the key is known."""
    seen = statements_of(shop, loop, AGAIN[name](shop))
    assert len(seen) == shop.budget(REPLAYS[name]), "\n".join(seen)
