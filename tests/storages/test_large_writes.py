"""A write of many rows comes to PostgreSQL as arrays, on every driver, and has the same effect as one of few."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, writing
from loyalty.errors import DuplicateRecord
from loyalty.ports.storage import Storage
from loyalty.testing import BlockingStorage, CountingIds, LoopThread
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
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
    monkeypatch.setattr(writing, "MOST_LISTED", 0)
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


def test_a_thousand_cards_are_written_as_they_are(storage: Storage) -> None:
    """With all texts, empty values and times of each, and once for a key; a taken id leaves nothing of it."""
    stand = Stand(storage)
    odd = 'Zoë\'s {"x", NULL, \\N} 🎁'
    command = IssueGiftCardBatch(
        count=1001,
        value=money(5),
        expires_at=stand.clock() + DAY,
        tags=(odd, "b"),
        note=f"{odd}\nsecond line",
        idempotency_key="batch",
    )

    assert stand.execute(command) == stand.execute(command)
    cards = stand.books().gift_cards
    assert {((odd, "b"), f"{odd}\nsecond line", None, stand.clock() + DAY)} == {
        (card.tags, card.note, card.region, card.expires_at) for card in cards
    }
    assert 1001 == len(cards) == len({card.code_digest for card in cards})
    stand.require_sound()
    before = stand.books()
    stand.new_id = CountingIds()
    with stand.refuses(DuplicateRecord):
        stand.execute(IssueGiftCardBatch(count=30, value=money(5), idempotency_key="again"))
    assert before == stand.books()
