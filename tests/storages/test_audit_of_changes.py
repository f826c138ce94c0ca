"""The audit on real databases: what is committed late is not skipped, traffic is not in its way, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import event

from loyalty import Audit, GrantStoreCredit, IssuedGiftCard, IssueGiftCard, LotOrigin, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import Refused
from loyalty.testing import FakeClock
from tests.storages.databases import corrupt_balance
from tests.use_cases.shop import KEYS, usd

DATABASES: Final = ["sqlite_url", "postgresql_database", "mariadb_database"]
SECOND: Final = timedelta(seconds=1)


@attrs.frozen
class Books:
    """The library on a real database."""

    storage: SqlAlchemyStorage
    clock: FakeClock
    loyalty: Loyalty

    def issue(self, key: str) -> IssuedGiftCard:
        """Issue a card."""
        return self.loyalty.execute(IssueGiftCard(value=usd("50.00"), idempotency_key=key))

    def redeem(self, card: IssuedGiftCard, key: str, loyalty: Loyalty | None = None) -> None:
        """Pay with a card."""
        (loyalty or self.loyalty).execute(
            RedeemGiftCard(code=card.code, amount=usd("0.01"), order_id=key, idempotency_key=key)
        )

    def marked(self) -> str:
        """Return a mark that goes back to nothing that was committed so far."""
        mark = self.loyalty.ask(Audit()).mark
        self.clock.advance(2 * SECOND)
        mark = self.loyalty.ask(Audit(since=mark, overlap=SECOND)).mark
        self.clock.advance(2 * SECOND)
        assert mark is not None
        return mark

    @contextmanager
    def counting(self) -> Iterator[list[tuple[str, Any]]]:
        """Collect the statements that run inside, with their parameters."""
        seen: list[tuple[str, Any]] = []

        def note(*given: Any) -> None:
            seen.append((given[2], given[3]))

        event.listen(self.storage.engine, "before_cursor_execute", note)
        yield seen
        event.remove(self.storage.engine, "before_cursor_execute", note)


@pytest.fixture(params=DATABASES)
def books(request: pytest.FixtureRequest) -> Iterator[Books]:
    """Give empty books on each kind of database."""
    storage, clock = SqlAlchemyStorage(request.getfixturevalue(request.param)), FakeClock()
    storage.upgrade()
    yield Books(storage, clock, Loyalty(storage, code_keys=KEYS, clock=clock))
    storage.dispose()


@pytest.mark.parametrize("database", DATABASES[1:])
def test_what_is_committed_late_is_not_skipped(request: pytest.FixtureRequest, database: str) -> None:
    """A host's transaction took a number, and stays open while others are committed and audited."""
    storage, clock = SqlAlchemyStorage(request.getfixturevalue(database)), FakeClock()
    storage.upgrade()
    books = Books(storage, clock, Loyalty(storage, code_keys=KEYS, clock=clock))
    late, other = books.issue("late"), books.issue("other")
    mark: str | None = books.marked()
    with storage.engine.connect() as connection:
        books.redeem(late, "open for long", books.loyalty.using(storage.joining(connection)))
        for number in range(3):
            books.redeem(other, f"meanwhile {number}")
            report = books.loyalty.ask(Audit(since=mark))
            assert (1, ()) == (report.accounts, report.findings)
            mark = report.mark
            clock.advance(timedelta(minutes=10))
        connection.commit()
    corrupt_balance(storage, late.gift_card.account_id, 9_999)
    found = books.loyalty.ask(Audit(since=mark)).findings
    assert late.gift_card.account_id in {finding.id for finding in found}
    storage.dispose()


def test_what_is_read_grows_with_what_changed(books: Books) -> None:
    """As many statements after 40 other accounts with histories as after 4, and none that goes through a table."""
    taken = []
    for others in (4, 40):
        for number in range(others):
            card = books.issue(f"{others} {number}")
            books.redeem(card, f"{others} {number} old")
        changed = books.issue(f"{others} changed")
        mark = books.marked()
        books.redeem(changed, f"{others} new")
        with books.counting() as seen:
            report = books.loyalty.ask(Audit(since=mark))
        assert (1, 2, ()) == (report.accounts, report.transfers, report.findings)
        taken.append(seen)
    assert [statement for statement, _ in taken[0]] == [statement for statement, _ in taken[1]]
    if books.storage.engine.dialect.name == "sqlite":
        with books.counting() as whole:
            books.loyalty.ask(Audit())
        assert [] == [scan for statement in taken[1] for scan in scans_of(books, *statement)]
        assert [] != [scan for statement in whole for scan in scans_of(books, *statement)]


def scans_of(books: Books, statement: str, parameters: Any) -> list[str]:
    """Return the steps of SQLite's plan that go through a table of ours from one end to the other."""
    with books.storage.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [f"{row[3]} in {statement}" for row in plan if row[3].startswith("SCAN")]


def test_audits_are_clean_during_traffic(books: Books) -> None:
    """Both kinds, again and again, while threads pay with the same few cards and new ones are issued."""
    cards = [books.issue(f"card {number}") for number in range(4)]

    def spend(worker: int) -> None:
        for number in range(20):
            with suppress(Refused):
                books.redeem(cards[number % len(cards)], f"{worker} {number}")
            grant = GrantStoreCredit(
                customer_id=f"{worker} {number % 9}",
                amount=usd("1.00"),
                origin=LotOrigin.GOODWILL,
                idempotency_key=f"grant {worker} {number}",
            )
            books.loyalty.execute(grant)

    mark, seen = books.loyalty.ask(Audit()).mark, 0
    with ThreadPoolExecutor(3) as pool:
        spending = [pool.submit(spend, worker) for worker in range(3)]
        while not all(done.done() for done in spending):
            report = books.loyalty.ask(Audit(since=mark, overlap=SECOND))
            assert () == report.findings
            assert () == books.loyalty.ask(Audit()).findings
            mark, seen = report.mark, seen + (report.transfers > 0)
            books.clock.advance(2 * SECOND)
        assert [None] * 3 == [done.result() for done in spending]
    assert seen > 0
    everything = books.loyalty.ask(Audit())
    assert (4 + 3 * 9, 4 + 3 * 40, ()) == (everything.accounts, everything.transfers, everything.findings)
