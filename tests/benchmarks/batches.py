"""
A batch of cards against a bare insert of its own rows, on the same database in the same run.

The floor inserts the very rows that our batch wrote, ready-made, into copies of the same tables with the same indexes
and constraints, in one transaction, both ways in which SQLAlchemy does it: by *insertmanyvalues*, and without anything
returned, where it leaves many rows to the driver. It makes no code, no digest, no id and no receipt.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import attrs
from moneyed import Money
from sqlalchemy import Connection, Table, select

from loyalty import CodeKeys, IssueGiftCardBatch, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["BatchSpeed", "batch_speed"]

VALUE: Final = Money("25.00", "USD")


@attrs.frozen
class BatchSpeed:
    """Cards per second of all three, round by round, and the process's memory after the first round and the last."""

    ours: tuple[float, ...]
    many_values: tuple[float, ...]
    driver: tuple[float, ...]
    megabytes: tuple[float, float]

    def ratio(self, floor: tuple[float, ...]) -> float:
        """How our rate compares with a floor's, over all rounds."""
        return sum(1 / rate for rate in floor) / sum(1 / rate for rate in self.ours)


def batch_speed(url: str, cards: int, rounds: int) -> BatchSpeed:
    """Issue so many cards, in as many batches as there are rounds, and insert the rows of each batch once more."""
    storage = SqlAlchemyStorage(url)
    storage.upgrade()
    floors = (Tables.named("floor_a_"), Tables.named("floor_b_"))
    for floor in floors:
        floor.metadata.create_all(storage.engine)
    loyalty = Loyalty(storage, code_keys=CodeKeys.generate())
    _issue(loyalty, 1000, "warm-up")
    ours, many_values, driver, megabytes = [], [], [], []
    for number in range(rounds):
        ours.append(_issue(loyalty, cards // rounds, f"{number}"))
        many_values.append(_insert_again(storage, floors[0], f"{number}", returning=True))
        driver.append(_insert_again(storage, floors[1], f"{number}", returning=False))
        megabytes.append(_peak())
    storage.dispose()
    return BatchSpeed(tuple(ours), tuple(many_values), tuple(driver), (megabytes[0], megabytes[-1]))


def _issue(loyalty: Loyalty, cards: int, name: str) -> float:
    began = time.perf_counter()
    loyalty.execute(IssueGiftCardBatch(count=cards, value=VALUE, name=name, idempotency_key=name))
    return cards / (time.perf_counter() - began)


def _insert_again(storage: SqlAlchemyStorage, copies: Tables, name: str, *, returning: bool) -> float:
    with storage.engine.connect() as connection:
        tables = list(_rows(connection, Tables.named(), copies, name))
    began = time.perf_counter()
    with storage.engine.begin() as connection:
        for table, rows in tables:
            insert = table.insert()
            connection.execute(insert.returning(table.c.id) if returning else insert, rows)
    return len(tables[0][1]) / (time.perf_counter() - began)


def _rows(
    connection: Connection, tables: Tables, copies: Tables, name: str
) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Yield the rows of a batch of this name, table by table."""
    card = tables.gift_card
    batch = select(tables.batch.c.id).where(tables.batch.c.name == name).scalar_subquery()
    own = select(card.c.account_id).where(card.c.batch_id == batch)
    for source, copy, column in (
        (tables.account, copies.account, tables.account.c.id),
        (card, copies.gift_card, card.c.account_id),
        (tables.lot, copies.lot, tables.lot.c.account_id),
        (tables.transfer, copies.transfer, tables.transfer.c.credit_account_id),
    ):
        found = connection.execute(select(source).where(column.in_(own)))
        yield copy, [dict(row) for row in found.mappings()]


def _peak() -> float:
    """Return the most memory that this process ever took, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
