"""
Writing what a command decided: statement by statement, or all in one.

Both ways write the receipt first and let its unique key decide. Counts of
affected rows are checked everywhere: an account that changed since it was
loaded is a lost race, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import attrs
from sqlalchemy import Connection, Table

from loyalty.adapters.sqlalchemy.rows import (
    Values,
    account_row,
    gift_card_row,
    lot_row,
    receipt_row,
    store_credit_row,
    transfer_row,
)
from loyalty.adapters.sqlalchemy.statements import Statements, names
from loyalty.clock import to_micros
from loyalty.errors import ConcurrentUpdate
from loyalty.gift_cards.card import GiftCard
from loyalty.ports.changes import AccountChange, Changes, LotChange

__all__ = ["write_all_at_once", "write_one_by_one"]

MOST_PARAMETERS = 30_000
"""More go statement by statement; PostgreSQL takes 65,535 in one."""

CARD_FACTS = (
    "status",
    "code_digest",
    "code_key_id",
    "code_version",
    "last_four",
    "expires_at",
    "customer_id",
    "claimed_at",
    "recipient",
    "note",
    "tags",
    "metadata",
)
"""What may change about a card. The rest was decided when it was issued."""


@attrs.frozen
class Write:
    """
    Rows for one table. An insert lists *columns*; an update sets them where *keys* match.

    The values of a row are those of the columns, then those of the keys.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    rows: Sequence[Values]
    unless_exists: str | None = None


def writes_of(statements: Statements, changes: Changes) -> list[Write]:
    """Return the writes in the order in which rows refer to each other, empty ones left out."""
    tables = statements.tables
    lots = changes.lots()
    new_lots = [lot_row(change.after, change.account.id) for change in lots if change.before is None]
    writes = [
        _insert(statements.receipt, tables.receipt, [receipt_row(changes.receipt)] if changes.receipt else [],
                unless_exists="idempotency_key"),
        _insert(statements.account, tables.account, [account_row(account) for account in changes.new_accounts()]),
        _insert(
            statements.store_credit,
            tables.store_credit,
            [store_credit_row(credit) for credit in changes.new_store_credit_accounts],
            unless_exists="customer_id, currency",
        ),
        _insert(statements.gift_card, tables.gift_card, [gift_card_row(card) for card in changes.new_gift_cards]),
        Write(
            statements.account,
            ("posted", "held", "sequence", "version", "recorded_at"),
            ("id", "version"),
            [_account_values(change) for change in changes.accounts],
        ),
        Write(statements.gift_card, CARD_FACTS, ("id",), [_card_values(tables.gift_card, card) for card in changes.gift_cards]),
        _insert(statements.lot, tables.lot, new_lots),
        Write(
            statements.lot,
            ("remaining", "held", "live"),
            ("id", "remaining", "held"),
            [_lot_values(change) for change in lots if change.before is not None],
        ),
        _insert(statements.transfer, tables.transfer, [transfer_row(transfer) for transfer in changes.transfers]),
    ]
    return [write for write in writes if write.rows]


def _insert(name: str, table: Table, rows: Sequence[Values], *, unless_exists: str | None = None) -> Write:
    return Write(name, tuple(names(table)), (), rows, unless_exists)


def _account_values(change: AccountChange) -> Values:
    after, before = change.after, change.before
    return (
        after.posted,
        after.held,
        after.sequence,
        after.version,
        to_micros(after.recorded_at),
        before.id,
        before.version,
    )


def _lot_values(change: LotChange) -> Values:
    after, before = change.after, change.before
    if before is None:
        return ()
    return after.remaining, after.held, int(after.remaining > 0), before.id, before.remaining, before.held


def _card_values(table: Table, card: GiftCard) -> Values:
    row = dict(zip(names(table), gift_card_row(card), strict=True))
    return (*(row[name] for name in CARD_FACTS), card.id)


def write_one_by_one(connection: Connection, statements: Statements, changes: Changes) -> bool:
    """Write with one statement per table and kind of change. Works on every database."""
    for write in writes_of(statements, changes):
        text = _single(statements.marker, write.table, write.columns, write.keys, write.unless_exists)
        one = len(write.rows) == 1
        done = connection.exec_driver_sql(text, write.rows[0] if one else list(write.rows)).rowcount
        if done != len(write.rows):
            if write.table == statements.receipt:
                return False
            raise ConcurrentUpdate
    return True


@lru_cache(maxsize=256)
def _single(
    marker: Callable[[int], str], table: str, columns: tuple[str, ...], keys: tuple[str, ...], unless_exists: str | None
) -> str:
    if not keys:
        values = ", ".join(marker(number) for number in range(1, len(columns) + 1))
        skip = "" if unless_exists is None else f" ON CONFLICT ({unless_exists}) DO NOTHING"
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}){skip}"
    sets = ", ".join(f"{name} = {marker(number)}" for number, name in enumerate(columns, 1))
    where = " AND ".join(f"{name} = {marker(number)}" for number, name in enumerate(keys, len(columns) + 1))
    return f"UPDATE {table} SET {sets} WHERE {where}"


def write_all_at_once(connection: Connection, statements: Statements, changes: Changes) -> bool:
    """
    Write everything in one statement with data-modifying common table expressions.

    All parts but the receipt's depend on the receipt's row, so a known key
    writes nothing at all, without an error that would abort a host's transaction.

    Source:
        PostgreSQL documentation, 7.8.4: all parts of such a statement run to
        completion, once, on one snapshot.
    """
    writes = writes_of(statements, changes)
    parameters = tuple([value for write in writes for row in write.rows for value in row])
    if len(parameters) > MOST_PARAMETERS:
        return write_one_by_one(connection, statements, changes)
    shape = tuple([(write.table, write.columns, write.keys, write.unless_exists, len(write.rows)) for write in writes])
    text = _combined(statements.marker, shape, _types(statements))
    counts = connection.exec_driver_sql(text, parameters).one()
    if changes.receipt is not None and counts[0] == 0:
        return False
    if tuple(counts) != tuple([len(write.rows) for write in writes]):
        raise ConcurrentUpdate
    return True


@lru_cache(maxsize=8)
def _types(statements: Statements) -> tuple[tuple[str, str], ...]:
    tables = statements.tables.metadata.tables.values()
    integers = {column.name for table in tables for column in table.columns if column.type.python_type is int}
    texts = {column.name for table in tables for column in table.columns} - integers
    return tuple([(name, "bigint") for name in sorted(integers)] + [(name, "text") for name in sorted(texts)])


PartShape = tuple[str, tuple[str, ...], tuple[str, ...], str | None, int]


@lru_cache(maxsize=256)
def _combined(marker: Callable[[int], str], shape: tuple[PartShape, ...], types: tuple[tuple[str, str], ...]) -> str:
    type_of = dict(types)
    parts, first = [], 1
    for place, (table, columns, keys, unless_exists, rows) in enumerate(shape):
        fields = (*columns, *(f"old_{key}" for key in keys))
        kinds = (*(type_of[name] for name in columns), *(type_of[name] for name in keys))
        values = _values(marker, kinds, rows, first)
        first += rows * len(fields)
        gate = "" if place == 0 else " WHERE EXISTS (SELECT 1 FROM part_0)"
        if keys:
            matches = " AND ".join(f"t.{key} = v.old_{key}" for key in keys)
            sets = ", ".join(f"{name} = v.{name}" for name in columns)
            gate = " AND EXISTS (SELECT 1 FROM part_0)" if place else ""
            body = f"UPDATE {table} t SET {sets} FROM ({values}) v ({', '.join(fields)}) WHERE {matches}{gate}"
        else:
            skip = "" if unless_exists is None else f" ON CONFLICT ({unless_exists}) DO NOTHING"
            names_ = ", ".join(columns)
            body = f"INSERT INTO {table} ({names_}) SELECT * FROM ({values}) v ({names_}){gate}{skip}"
        parts.append(f"part_{place} AS ({body} RETURNING 1)")
    counts = ", ".join(f"(SELECT count(*) FROM part_{place})" for place in range(len(shape)))
    return f"WITH {', '.join(parts)} SELECT {counts}"


def _values(marker: Callable[[int], str], kinds: tuple[str, ...], rows: int, first: int) -> str:
    width = len(kinds)
    lines = [
        ", ".join(f"{marker(first + row * width + place)}::{kind}" for place, kind in enumerate(kinds))
        for row in range(rows)
    ]
    return f"VALUES {', '.join(f'({line})' for line in lines)}"
