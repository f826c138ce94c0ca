"""
How the databases read a page: from an index, in its order, and only as much as is on the page.

Few rows are enough: with whole-table scans discouraged, a plan that still scans or sorts everything has no index to
use, and would have none on a million cards. ``tests/benchmarks/lists.py`` measures that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import event

from loyalty import (
    GiftCardSort,
    ListExpiringGiftCards,
    ListGiftCards,
    ListStoreCreditAccounts,
    Loyalty,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.reports.paged import PagedQuery
from loyalty.testing.kit.case import UNKNOWN_CODE
from tests.storages.test_statement_budgets import Shop
from tests.use_cases.shop import DAY, KEYS, TurnableClock

INDEX_OF: Final = {
    GiftCardSort.ISSUED: "loyalty_gift_card_issued",
    GiftCardSort.EXPIRES: "loyalty_gift_card_expires",
    GiftCardSort.VALUE: "loyalty_gift_card_value",
}
CARDS: Final = 60

LISTS: Final[dict[str, tuple[PagedQuery[Any, Any], str]]] = {
    **{
        f"cards by {sort}{' backwards' * descending}": (ListGiftCards(sort=sort, descending=descending), index)
        for sort, index in INDEX_OF.items()
        for descending in (False, True)
    },
    "accounts by customer": (
        ListStoreCreditAccounts(),
        "loyalty_store_credit_customer|sqlite_autoindex_loyalty_store_credit_2",
    ),
    "what ends soon": (ListExpiringGiftCards(within=365 * DAY), "loyalty_lot_end"),
}
LOOK_UPS: Final = {
    "last_four": ("QQQQ", "loyalty_gift_card_last_four"),
    "buyer_id": ("bea", "loyalty_gift_card_buyer"),
    "order_id": ("order-7", "loyalty_gift_card_order"),
    "customer_id": ("customer-7", "loyalty_gift_card_customer"),
    "batch_id": ("batch", "loyalty_gift_card_batch"),
    "code": (UNKNOWN_CODE, "code_digest|sqlite_autoindex_loyalty_gift_card_3"),
}


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a shop with a few cards and accounts on each kind of database."""
    database: str = request.param
    url = f"sqlite:///{tmp_path_factory.mktemp('plans')}/shop.db"
    if database == "postgresql":
        url = request.getfixturevalue("postgresql_database_of_module")
    storage, clock = SqlAlchemyStorage(url), TurnableClock()
    storage.upgrade()
    shop = Shop(database, storage, clock, Loyalty(storage, code_keys=KEYS, clock=clock))
    for number in range(CARDS):
        ends = shop.clock() + (number % 7 + 1) * DAY if number % 3 else None
        customer = f"customer-{number}"
        shop.issue(f"{number % 5 + 1}.00", expires_at=ends, customer_id=customer, order_id=f"order-{number}")
        shop.grant(customer)
    yield shop
    storage.dispose()


class Plans:
    """Collects the page's statement and asks the database how it would run it, whole-table scans discouraged."""

    def __init__(self, shop: Shop) -> None:
        """Listen to nothing yet."""
        self._shop = shop

    def of(self, query: PagedQuery[Any, Any]) -> str:
        """Return the plan of the one statement of a page."""
        seen: list[tuple[str, Any]] = []

        def note(*given: Any) -> None:
            if "SELECT" in given[2]:
                seen.append((given[2], given[3]))

        event.listen(self._shop.storage.engine, "before_cursor_execute", note)
        try:
            self._shop.loyalty.ask(query)
        finally:
            event.remove(self._shop.storage.engine, "before_cursor_execute", note)
        ((text, parameters),) = seen
        return self._explained(text, parameters)

    def _explained(self, text: str, parameters: Any) -> str:
        with self._shop.storage.engine.connect() as connection:
            if self._shop.database == "sqlite":
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters).all()
                return _as_tree([(row[0], row[1], row[3]) for row in rows])
            for scan in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET LOCAL enable_{scan} = off")
            return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}", parameters))


def _as_tree(rows: list[tuple[int, int, str]]) -> str:
    """Return SQLite's plan indented like PostgreSQL's."""
    depth, lines = {0: 0}, list[str]()
    for id_, parent, detail in rows:
        depth[id_] = depth[parent] + 1
        lines.append("  " * depth[parent] + detail)
    return "\n".join(lines)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


@attrs.frozen
class Choice:
    """The part of a plan that chooses what is on a page: where it reads one index, and what it does with it."""

    is_sqlite: bool
    lines: list[str]
    place: int

    @classmethod
    def by(cls, index: str, shop: Shop, plan: str) -> Choice:
        """Find where *index* is read first."""
        lines = plan.splitlines()
        found = [number for number, line in enumerate(lines) if re.search(rf"\b({index})\b", line)]
        assert found, plan
        return cls(shop.database == "sqlite", lines, found[0])

    @property
    def steps(self) -> list[str]:
        """What is done from the index up to the limit of the page."""
        return self._beside() if self.is_sqlite else self._above()

    @property
    def begins_at_a_place(self) -> bool:
        """Whether the index is read from a sort key and an id on, and not from its beginning."""
        if self.is_sqlite:
            return re.search(r"\(\w+,\w+\)[<>]\(\?,\?\)| id[<>]\?", self.lines[self.place]) is not None
        return re.search(r"Index Cond: .*(ROW\(.*\) [<>] ROW\(| \(id [<>])", self.lines[self.place + 1]) is not None

    def require_no_scan(self) -> None:
        """Check that no table is read as a whole anywhere."""
        scans = "SCAN (?!p$|part|[cs] USING INDEX)|AUTOMATIC" if self.is_sqlite else "Seq Scan"
        assert [] == [line for line in self.lines if re.search(scans, line)]

    def _beside(self) -> list[str]:
        depth, place = _depth(self.lines[self.place]), self.place
        while place and _depth(self.lines[place - 1]) >= depth:
            place -= 1
        return list(takewhile(lambda line: _depth(line) >= depth, self.lines[place:]))

    def _above(self) -> list[str]:
        above, depth = [self.lines[self.place]], _depth(self.lines[self.place])
        for line in reversed(self.lines[: self.place]):
            if _depth(line) < depth and "Limit" not in above[-1]:
                above.append(line)
                depth = _depth(line)
        assert "Limit" in above[-1], "\n".join(self.lines)
        return above


@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_read_from_an_index_in_its_order(shop: Shop, name: str) -> None:
    """Wherever a page begins, nothing is read whole and nothing but the page is sorted."""
    query, index = LISTS[name]
    first = attrs.evolve(query, limit=5)
    later = attrs.evolve(first, after=shop.loyalty.ask(first).next_after)
    for page in (first, later):
        choice = Choice.by(index, shop, Plans(shop).of(page))

        choice.require_no_scan()
        assert [] == [step for step in choice.steps if re.search("TEMP B-TREE|Sort", step)]
    assert choice.begins_at_a_place, "\n".join(choice.lines)


@pytest.mark.parametrize("field", LOOK_UPS)
def test_what_staff_look_up_is_found_by_an_index(shop: Shop, field: str) -> None:
    """A card is found by its code or its end, and cards by their order, batch, customer and buyer."""
    value, index = LOOK_UPS[field]
    given: dict[str, Any] = {field: value}
    Choice.by(index, shop, Plans(shop).of(ListGiftCards(**given))).require_no_scan()


def test_what_ends_sooner_on_a_card_is_looked_up_among_its_own_lots(shop: Shop) -> None:
    """For each lot on a page of what ends soon, only the lots of its card are asked whether one ends sooner."""
    first = ListExpiringGiftCards(within=365 * DAY, limit=5)
    for page in (first, attrs.evolve(first, after=shop.loyalty.ask(first).next_after)):
        plan = Plans(shop).of(page)
        # SQLite says in one line what PostgreSQL says in two; "e" is the lot that would end sooner.
        read = r"SEARCH e USING INDEX (\w+) \((.*)\)|Index Scan using (\w+) on loyalty_lot e .*\n *Index Cond: \((.*)\)"
        found = [list(filter(None, groups)) for groups in re.findall(read, plan)]

        assert ["loyalty_lot_account"] == [index for index, _ in found], plan
        assert re.match(r"\(?account_id ?= ?", found[0][1]), plan
