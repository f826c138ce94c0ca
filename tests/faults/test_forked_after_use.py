"""A process that forks after the storage was used, as servers do that load the application first, shares nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from sqlalchemy import create_engine

from loyalty import AsyncLoyalty, GrantStoreCredit, LotOrigin, Loyalty
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import START, Stand
from loyalty.testing.programs import money
from tests.faults.processes import lives_through, url_of
from tests.storages.databases import PostgresqlDatabases

EACH: Final = 20


def _grants(who: str) -> list[GrantStoreCredit]:
    keys = [f"{who} {number}" for number in range(EACH)]
    return [
        GrantStoreCredit(customer_id="ada", amount=money(1), origin=LotOrigin.GOODWILL, idempotency_key=key)
        for key in keys
    ]


def _in_both(work: Callable[[str], None]) -> None:
    """Fork, and do work in both processes at once; end as it went in the other one."""
    child = os.fork()
    if child == 0:
        try:
            work("child")
        except BaseException:  # noqa: BLE001 - the process ends here, whatever happened
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    work("parent")
    _, status = os.waitpid(child, 0)
    assert 0 == os.waitstatus_to_exitcode(status)


def _door(storage: SqlAlchemyStorage, who: str) -> Loyalty:
    return Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds(f"{who}-"))


def _blocking(url: str) -> None:
    _fork_and_use(SqlAlchemyStorage(url))


def _on_an_engine_of_the_host(url: str) -> None:
    _fork_and_use(SqlAlchemyStorage(create_engine(url)))


def _fork_and_use(storage: SqlAlchemyStorage) -> None:
    _door(storage, "before").execute(_grants("before")[0])

    def work(who: str) -> None:
        door = _door(storage, who)
        for grant in _grants(who):
            door.execute(grant)

    _in_both(work)


def _async(url: str) -> None:
    storage = AsyncSqlAlchemyStorage(url.replace("+psycopg", "+asyncpg"))

    def work(who: str) -> None:
        asyncio.run(main(who))

    async def main(who: str) -> None:
        ids = CountingIds(f"{who}-")
        door = AsyncLoyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=ids)
        for grant in _grants(who):
            await door.execute(grant)

    work("before")
    _in_both(lambda who: work(who) if who == "child" else None)


@pytest.mark.parametrize("use", [_blocking, _on_an_engine_of_the_host], ids=["own engine", "engine of the host"])
def test_both_processes_have_connections_of_their_own(stand: Stand, use: Callable[[str], None]) -> None:
    """What each does is done once, and nothing of it in the other's transaction."""
    assert lives_through(use, url_of(stand))

    assert money(1 + 2 * EACH) == stand.credit_of("ada")
    assert 1 + 2 * EACH == len(stand.books().receipts)
    stand.require_sound()


def test_an_async_storage_leaves_its_connections_behind(postgresql_databases: PostgresqlDatabases) -> None:
    """Those of the loop that ran before the fork; the forked process runs a loop of its own."""
    storage = postgresql_databases.make()
    stand = Stand(storage)
    assert lives_through(_async, url_of(stand))

    assert money(2 * EACH) == stand.credit_of("ada")
    stand.require_sound()
    postgresql_databases.drop(storage)


def _busy_elsewhere(url: str) -> None:
    storage = SqlAlchemyStorage(url)
    door, is_inside, is_over = _door(storage, "child"), threading.Event(), threading.Event()

    def wait(_: object = None) -> None:
        is_inside.set()
        is_over.wait()

    def work() -> None:
        # SQLite allows no fork in the middle of a write, so there only the queue of our threads is held.
        with storage._turn:
            wait() if url.startswith("sqlite") else storage.run(wait)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        is_inside.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            door.execute(_grants("child")[0])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        is_over.set()
        working.result()
    assert 0 == os.waitstatus_to_exitcode(status)


def test_what_a_thread_is_in_the_middle_of_is_not_inherited(stand: Stand) -> None:
    """The thread is not there in the forked process, and would never make way."""
    assert lives_through(_busy_elsewhere, url_of(stand))

    assert money(1) == stand.credit_of("ada")
    stand.require_sound()
