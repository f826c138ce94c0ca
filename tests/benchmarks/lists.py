"""
Compare the page of a list at its millionth card with its first page, on the same database, in the same interleaved run.

    python tests/benchmarks/lists.py                                 # a million cards on each database
    python tests/benchmarks/lists.py --cards 100000 --databases sqlite

The cards are written by plain SQL, as many years of sales would leave them: ends that thousands of cards share, few
different values, balances that were paid from. It measures and prints; a missed goal is printed as missed and fails
nothing. ``tests/storages/test_list_plans.py`` asserts that pages are read from indexes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests import one another as `tests.…`

import attrs
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from loyalty import (
    CodeFormat,
    CodeKeys,
    GiftCardSort,
    ListExpiringGiftCards,
    ListGiftCards,
    ListStoreCreditAccounts,
    Loyalty,
    Policies,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.clock import to_micros
from loyalty.gift_cards.card import GiftCard
from loyalty.ports.storage import Reader, Wanted
from loyalty.reports.query import Query, QueryContext
from tests.benchmarks.rounds import Operation, compare
from tests.benchmarks.run import TITLES, fresh, machine, servers, version
from tests.benchmarks.table import Goal, show_goals

PAGE: Final = 100
BATCH: Final = 100_000
CREDITS: Final = 100_000
STREAMED: Final = 20_000
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
KEYS: Final = CodeKeys.from_secret("the secret of a shop that sold a million cards")
DAY: Final = 86_400_000_000
"""In microseconds."""

NUMBERS: Final = {
    "postgresql": "SELECT n FROM generate_series(CAST({first} AS bigint), {last}) AS n",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s",
}
HEX: Final = {"postgresql": "lpad(to_hex({}), {}, '0')", "sqlite": "printf('%0{1}x', {0})"}
INDEXES: Final = {
    "gift_card_issued": "issued_at, id", "gift_card_expires": "expires_at, id", "gift_card_value": "value, id",
    "gift_card_last_four": "last_four", "gift_card_buyer": "buyer_id",
}  # fmt: skip
VALUE: Final = "(1000 * (1 + n % 10))"
SPENT: Final = f"(CASE WHEN n % 3 = 0 THEN {VALUE} WHEN n % 3 = 1 THEN n * 31 % 1000 ELSE 0 END)"
ENDS: Final = f"(CASE WHEN n % 5 = 0 THEN NULL ELSE {to_micros(NOW)} + {DAY} * (n * 7919 % 730) END)"
"""What the card of number *n* is worth, what was spent of it, and when it ends: a third of them are used up."""


@attrs.frozen
class Stock:
    """A database with cards, and the library on it."""

    database: str
    storage: SqlAlchemyStorage
    loyalty: Loyalty

    @property
    def engine(self) -> Engine:
        """Where the cards are."""
        return self.storage.engine

    def add(self, first: int, last: int) -> None:
        """Write the cards of these numbers, with their accounts and lots."""
        numbers = NUMBERS[self.database].format(first=first, last=last)
        self._write(self._accounts(numbers), self._cards(numbers), self._lots(numbers))

    def add_credits(self, count: int) -> None:
        """Write so many store credit accounts, each of its own customer."""
        numbers = NUMBERS[self.database].format(first=1, last=count)
        account, customer = self._hex("n", 12), self._hex("n * 7919 % 1000003", 8)
        self._write(
            "INSERT INTO loyalty_account (id, currency, exponent, posted, held, sequence, version, opened_at,"
            f" recorded_at) SELECT 'c' || {account}, 'USD', 2, 0, 0, 0, 0, 0, 0 FROM ({numbers}) x",
            "INSERT INTO loyalty_store_credit (account_id, customer_id, currency, status)"
            f" SELECT 'c' || {account}, 'customer-' || {customer}, 'USD', 'open' FROM ({numbers}) x",
        )

    def _write(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%") if self.database == "postgresql" else statement)

    def _accounts(self, numbers: str) -> str:
        return (
            "INSERT INTO loyalty_account (id, currency, exponent, posted, held, sequence, version, opened_at,"
            f" recorded_at) SELECT 'a' || {self._hex('n', 12)}, 'USD', 2, {VALUE} - {SPENT}, 0, 1, 1, n, n"
            f" FROM ({numbers}) x"
        )

    def _cards(self, numbers: str) -> str:
        return (
            "INSERT INTO loyalty_gift_card (id, account_id, value, origin, status, code_digest, code_key_id,"
            " code_version, last_four, issued_at, expires_at, order_id, buyer_id, note, tags)"
            f" SELECT 'g' || {self._hex('n', 12)}, 'a' || {self._hex('n', 12)}, {VALUE}, 'purchased', 'active',"
            f" 'digest ' || {self._hex('n', 12)}, 'key', 1, upper({self._hex('n * 48271 % 65536', 4)}), n, {ENDS},"
            f" 'order ' || n, 'buyer ' || (n * 7919 % 100003), 'sold in the shop', '[]' FROM ({numbers}) x"
        )

    def _lots(self, numbers: str) -> str:
        return (
            "INSERT INTO loyalty_lot (id, account_id, origin, amount, remaining, held, live, opened_at, expires_at,"
            f" priority, tax_treatment) SELECT 'l' || {self._hex('n', 12)}, 'a' || {self._hex('n', 12)}, 'purchased',"
            f" {VALUE}, {VALUE} - {SPENT}, 0, CASE WHEN {VALUE} > {SPENT} THEN 1 ELSE 0 END, n, {ENDS}, 0,"
            f" 'multi_purpose' FROM ({numbers}) x"
        )

    def _hex(self, number: str, digits: int) -> str:
        return HEX[self.database].format(number, digits)

    def analyze(self) -> None:
        """Let the database look at what it has, as its own upkeep would."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE" if self.database == "postgresql" else "ANALYZE")

    def at(self, query: ListGiftCards, skipped: int) -> ListGiftCards:
        """Return the query for the page behind so many cards, as a caller would who went through all pages."""
        key = {"issued": "issued_at", "expires": "expires_at", "value": "value"}[query.sort.value]
        missing_last = f"{key} IS NULL, {key}, id"
        with self.engine.connect() as connection:
            text = f"SELECT id FROM loyalty_gift_card ORDER BY {missing_last} LIMIT 1 OFFSET {skipped - 1}"
            (id_,) = connection.exec_driver_sql(text).one()
        card = self.storage.read(lambda reader: _card(reader, id_))
        context = QueryContext(now=NOW, code_keys=KEYS, code_format=CodeFormat(), policies=Policies())
        return attrs.evolve(query, after=query.continues_at(query.sort.place(card), context))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--databases", default="sqlite,postgresql", help="sqlite, postgresql or both")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    console = Console(width=150 if not sys.stdout.isatty() else None)
    console.print(machine())
    goals: list[tuple[str, Goal]] = []
    for database in given.databases.split(","):
        with servers(database) as server, fresh(database, server) as url, stocked(database, url, given.cards) as stock:
            console.print(f"\n[bold]{TITLES[database]}[/]: {version(database, server)}")
            goals += [(database, goal) for goal in pages(console, stock, given.cards, given.rounds)]
            others(console, stock)
            indexes(console, stock, given.cards)
    show_goals(console, goals)


@contextmanager
def stocked(database: str, url: str, cards: int) -> Iterator[Stock]:
    """Give a database with so many cards."""
    storage = SqlAlchemyStorage(url)
    storage.upgrade()
    stock = Stock(database, storage, Loyalty(storage, code_keys=KEYS, clock=lambda: NOW))
    for first in range(1, cards, BATCH):
        stock.add(first, min(cards, first + BATCH - 1))
    stock.add_credits(CREDITS)
    stock.analyze()
    yield stock
    storage.dispose()


def pages(console: Console, stock: Stock, cards: int, rounds: int) -> Iterator[Goal]:
    """Compare the first page with the last one in every order that has an index."""
    table = Table(title=f"a page of {PAGE} of {cards:,} cards")
    for heading in ("sorted by", "first page", "page at the end", "speed at the end / at the start"):
        table.add_column(heading)
    for sort in (GiftCardSort.ISSUED, GiftCardSort.EXPIRES, GiftCardSort.VALUE):
        first = ListGiftCards(sort=sort, limit=PAGE)
        candidates = {"first": asking(stock, first), "last": asking(stock, stock.at(first, cards - PAGE))}
        measured = compare(candidates, threads=1, operations=20, rounds=rounds, seconds=20)
        ratio = measured.ratio("last", "first")
        times = [f"{1000 / measured.speed(name):.2f} ms" for name in candidates]
        table.add_row(sort.value, *times, str(ratio))
        yield Goal.at_least(f"page at {cards:,} / first page, by {sort.value}", 0.8, ratio.median)
    console.print(table)


def others(console: Console, stock: Stock) -> None:
    """Measure some lists that staff ask for, once warm."""
    table = Table(title="other lists")
    for heading in ("list", "time"):
        table.add_column(heading)
    lists: dict[str, Operation] = {
        "by the last four symbols": asking(stock, ListGiftCards(last_four="00FF", limit=PAGE)),
        "by the buyer": asking(stock, ListGiftCards(buyer_id="buyer 77", limit=PAGE)),
        "by the order": asking(stock, ListGiftCards(order_id="order 77", limit=PAGE)),
        "exhausted cards": asking(stock, ListGiftCards(is_exhausted=True, limit=PAGE)),
        "cards that expired, the latest first": asking(
            stock, ListGiftCards(is_expired=True, sort=GiftCardSort.EXPIRES, descending=True, limit=PAGE)
        ),
        "value that ends within 30 days": asking(stock, ListExpiringGiftCards(within=timedelta(days=30), limit=PAGE)),
        "store credit accounts": asking(stock, ListStoreCreditAccounts(limit=PAGE)),
        "by the balance: all cards are read": asking(stock, ListGiftCards(sort=GiftCardSort.BALANCE, limit=PAGE)),
        "by a text that no card has: all cards are read": asking(stock, ListGiftCards(text="no such text")),
        "totals: all cards are read": asking(stock, ListGiftCards(with_totals=True, limit=1)),
    }
    for name, ask in lists.items():
        times = [timed(partial(ask, 0, 0)) for _ in range(3)]
        table.add_row(name, f"{1000 * min(times):,.1f} ms")
    seconds = timed(lambda: sum(1 for _ in islice(stock.loyalty.stream(ListGiftCards(limit=1000)), STREAMED)))
    table.add_row("a stream", f"{STREAMED / seconds:,.0f} cards/s")
    console.print(table)


def indexes(console: Console, stock: Stock, cards: int) -> None:
    """Measure what the indexes of lists cost where cards are written in bulk, which is where they weigh most."""
    count, first = 50_000, cards + 1
    times: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(3):
        for state, taken in times.items():
            switch(stock, to_be_there=state == "with")
            taken.append(timed(partial(stock.add, first, first + count - 1)))
            first += count
    switch(stock, to_be_there=True)
    best = {state: min(taken) for state, taken in times.items()}
    console.print(
        f"{count:,} more cards by INSERT ... SELECT: {count / best['with']:,.0f}/s with the indexes of lists,"
        f" {count / best['without']:,.0f}/s without: {1e6 * (best['with'] - best['without']) / count:.1f} µs per card"
    )


def switch(stock: Stock, *, to_be_there: bool) -> None:
    """Make the indexes of lists, or drop them."""
    with stock.engine.begin() as connection:
        for name, columns in INDEXES.items():
            there = f"CREATE INDEX IF NOT EXISTS loyalty_{name} ON loyalty_gift_card ({columns})"
            connection.exec_driver_sql(there if to_be_there else f"DROP INDEX IF EXISTS loyalty_{name}")


def asking(stock: Stock, query: Query[Any]) -> Operation:
    """Return the operation that asks for one page."""
    return lambda _thread, _number: stock.loyalty.ask(query)


def timed(operate: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    began = time.perf_counter()
    operate()
    return time.perf_counter() - began


def _card(reader: Reader, id_: str) -> GiftCard:
    return reader.find(Wanted(gift_card_ids=(id_,))).gift_cards[0]  # type: ignore[arg-type]  # an id as the database has it


if __name__ == "__main__":
    main()
