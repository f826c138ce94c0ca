"""A write with more values than a database takes in one statement goes statement by statement, on every driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, writing
from loyalty.ports.storage import Storage
from loyalty.testing import BlockingStorage, LoopThread
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.pay_with_balances import PayWithBalances
from tests.storages.databases import PostgresqlDatabases, async_url


@pytest.fixture(params=["psycopg", "asyncpg", "asyncpg, observed"])
def storage(request: pytest.FixtureRequest, postgresql_databases: PostgresqlDatabases) -> Iterator[Storage]:
    """Give a storage on PostgreSQL, through each driver and each way to it."""
    blocking = postgresql_databases.make()
    if request.param == "psycopg":
        yield blocking
    else:
        with LoopThread() as loop:
            lifted = AsyncSqlAlchemyStorage(async_url(blocking, "asyncpg"))
            if "observed" in request.param:
                event.listen(lifted.engine.sync_engine, "before_cursor_execute", lambda *_: None)
            yield BlockingStorage(lifted, loop)
            loop.call(lifted.dispose())
    postgresql_databases.drop(blocking)


def test_a_large_write_has_the_same_effect(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment over three tenders and a sweep over three accounts are written, counted and added up."""
    monkeypatch.setattr(writing, "MOST_PARAMETERS", 0)
    stand = Stand(storage)
    codes = tuple(stand.card(100, expires_at=stand.clock() + DAY).code for _ in range(3))
    payment = PayWithBalances(codes=codes, amount_due=money(240), order_id="1", idempotency_key="pay")

    assert stand.execute(payment) == stand.execute(payment)
    for _ in range(3):
        stand.card(50, expires_at=stand.clock() + DAY)
    stand.clock.advance(2 * DAY)
    assert 4 == stand.loyalty.execute(ExpireValue()).accounts
    assert {"USD": 0} == stand.books().owed()
    stand.require_sound()
