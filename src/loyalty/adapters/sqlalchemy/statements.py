"""
The SQL, as text, built once per shape and kept.

A shape is how many values of each kind a statement takes. The money path runs
these texts as they are, without compiling anything: after the first calls the
driver has them prepared, and SQLAlchemy only hands them through.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sqlalchemy import Table
from sqlalchemy.engine import Dialect

from loyalty.adapters.sqlalchemy.driver import Parameters
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.clock import to_micros
from loyalty.ports.storage import TransferFilter, Wanted

__all__ = ["Statements"]

MARKERS: dict[str, Callable[[int], str]] = {
    "qmark": lambda _: "?",
    "format": lambda _: "%s",
    "pyformat": lambda _: "%s",
    "numeric_dollar": lambda number: f"${number}",
}

ARRAYS = {"postgresql": "json_build_array", "sqlite": "json_array"}
"""The function that makes a JSON array of its arguments."""

LOCKING = {"postgresql": " FOR NO KEY UPDATE"}
"""How a row is locked; a database that is not named here locks whole transactions."""


class Statements:
    """The statements on one set of tables in one dialect."""

    def __init__(self, tables: Tables, dialect: Dialect) -> None:
        """Prepare the names; texts are built when they are first needed."""
        self.tables = tables
        self.dialect_name = dialect.name
        self.locks_rows = dialect.name in LOCKING
        self.marker = MARKERS[dialect.paramstyle]
        quoted = dialect.identifier_preparer.format_table
        self.account = quoted(tables.account)
        self.gift_card = quoted(tables.gift_card)
        self.store_credit = quoted(tables.store_credit)
        self.lot = quoted(tables.lot)
        self.transfer = quoted(tables.transfer)
        self.refunded_order = quoted(tables.refunded_order)
        self.receipt = quoted(tables.receipt)
        self._transfer_columns = columns(tables.transfer, "t")
        # One cache per instance: the texts carry this instance's names.
        self.load = lru_cache(maxsize=256)(self._load)
        self.lock_and_load = lru_cache(maxsize=256)(self._lock_and_load)

    def markers(self, count: int, first: int = 1) -> str:
        """Return *count* parameter markers, the first of them number *first*."""
        return ", ".join([self.marker(number) for number in range(first, first + count)])

    # --- loading ------------------------------------------------------------

    def _load(self, shape: Shape, lots: int) -> str:
        """Return the statement that loads accounts with their owners and live lots."""
        select = self._select("a.version", lots=self._lots(lots))
        return f"{select} WHERE a.id IN ({self._ids(shape, lots + 1)}) ORDER BY a.id, l.id"

    def _lock_and_load(self, shape: Shape, values: int, lots: int) -> str:
        """
        Return the statement that locks accounts in the order of their ids and loads them.

        The lock waits for others and sees what they wrote; the rest of the
        statement sees what was committed when it began. Every change of an
        account, its owner or its lots raises the account's version, so the rest
        is current exactly if it shows the version that was locked. *shape* has
        *values* values; the names of *lots* follow them.
        """
        ids = self._ids(shape, 1)
        locked = f"SELECT id, version FROM {self.account} WHERE id IN ({ids}) ORDER BY id{LOCKING[self.dialect_name]}"
        select = self._select(
            "locked.version", f" JOIN ({locked}) locked ON locked.id = a.id", lots=self._lots(lots, values + 1)
        )
        return f"{select} ORDER BY a.id, l.id"

    def lock_order(self) -> str:
        """Return the statement that locks an order and loads its version."""
        locking = LOCKING.get(self.dialect_name, "")
        return f"SELECT version FROM {self.refunded_order} WHERE order_id = {self.marker(1)}{locking}"

    def page(self) -> str:
        """Return the statement that loads a page of accounts with all their lots."""
        page = f"SELECT id FROM {self.account} WHERE id > {self.marker(1)} ORDER BY id LIMIT {self.marker(2)}"
        select = self._select("a.version", f" JOIN ({page}) p ON p.id = a.id")
        return f"{select} ORDER BY a.id, l.id"

    def _select(self, version: str, join: str = "", lots: str = "") -> str:
        """
        Return the beginning of a load: one row per account and lot, as one JSON array.

        One wide column, because describing sixty narrow ones to Python costs
        more than reading them.
        """
        tables = self.tables
        wanted = ", ".join(
            [
                version,
                columns(tables.account, "a"),
                columns(tables.gift_card, "c"),
                columns(tables.store_credit, "s"),
                columns(tables.lot, "l"),
            ]
        )
        return (
            f"SELECT CAST({ARRAYS[self.dialect_name]}({wanted}) AS TEXT) FROM {self.account} a{join}"
            f" LEFT JOIN {self.gift_card} c ON c.account_id = a.id"
            f" LEFT JOIN {self.store_credit} s ON s.account_id = a.id"
            f" LEFT JOIN {self.lot} l ON l.account_id = a.id{lots}"
        )

    def _lots(self, more: int, first: int = 1) -> str:
        """Return the condition on lots: those with value, and those that were named."""
        named = "" if more == 0 else f" OR l.id IN ({self.markers(more, first)})"
        return f" AND (l.live = 1{named})"

    def _ids(self, shape: Shape, first: int) -> str:
        digests, cards, accounts, customers, currencies, orders = shape
        if accounts == sum(shape):
            return self.markers(accounts, first)
        parts = []
        for count, source in (
            (digests, f"SELECT account_id FROM {self.gift_card} WHERE code_digest IN"),
            (cards, f"SELECT account_id FROM {self.gift_card} WHERE id IN"),
            (accounts, f"SELECT id FROM {self.account} WHERE id IN"),
            (customers, f"SELECT account_id FROM {self.store_credit} WHERE customer_id IN"),
        ):
            if count:
                parts.append(f"{source} ({self.markers(count, first)})")
                first += count
        for _ in range(currencies):
            customer, currency = self.marker(first), self.marker(first + 1)
            parts.append(
                f"SELECT account_id FROM {self.store_credit} WHERE customer_id = {customer} AND currency = {currency}"
            )
            first += 2
        if orders:
            parts.append(f"SELECT account_id FROM {self.gift_card} WHERE order_id IN ({self.markers(orders, first)})")
        return " UNION ALL ".join(parts)

    # --- transfers ----------------------------------------------------------

    def transfers(self, wanted: TransferFilter) -> tuple[str, Parameters]:
        """Return the statement, and its parameters, that selects transfers."""
        if wanted.account_id is None:
            where, parameters = self._where(wanted, first=1)
            order = "t.recorded_at, t.id"
            text = f"SELECT {self._transfer_columns} FROM {self.transfer} t{where}"
        else:
            sides, parameters = [], ()
            for side in ("debit", "credit"):
                where, values = self._where(wanted, first=len(parameters) + 1, side=side)
                sides.append(
                    f"SELECT {self._transfer_columns}, t.{side}_sequence AS place FROM {self.transfer} t{where}"
                )
                parameters += values
            order, text = "place", " UNION ALL ".join(sides)
        limit = "" if wanted.limit is None else f" LIMIT {int(wanted.limit)}"
        return f"{text} ORDER BY {order}{limit}", parameters

    def _where(self, wanted: TransferFilter, *, first: int, side: str = "") -> tuple[str, Parameters]:
        conditions: list[str] = []
        parameters: list[str | int | None] = []

        def narrow(condition: str, *values: str | int) -> None:
            marks = self.markers(len(values), first + len(parameters))
            conditions.append(condition.format(marks))
            parameters.extend(values)

        if wanted.account_id is not None:
            narrow(f"t.{side}_account_id = {{}}", wanted.account_id)
        if wanted.after is not None:
            narrow(f"t.{side}_sequence > {{}}", wanted.after)
        if wanted.order_id is not None:
            narrow("t.order_id = {}", wanted.order_id)
        if wanted.kind is not None:
            narrow("t.kind = {}", wanted.kind.value)
        if wanted.ids is not None:
            narrow("t.id IN ({})", *wanted.ids)
        if wanted.refunds is not None:
            narrow("t.refunds IN ({})", *wanted.refunds)
        if wanted.since is not None:
            narrow("t.recorded_at >= {}", to_micros(wanted.since))
        if wanted.until is not None:
            narrow("t.recorded_at < {}", to_micros(wanted.until))
        if wanted.standing:
            conditions.append(self._stands("t"))
        return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), tuple(parameters)

    def _stands(self, alias: str) -> str:
        """Return the condition that a transfer was not reversed."""
        return f"NOT EXISTS (SELECT 1 FROM {self.transfer} v WHERE v.refunds = {alias}.id AND v.kind = 'reversal')"

    def transfers_of(self, count: int) -> str:
        """Return the statement that selects every transfer of *count* accounts, each account's in order."""
        sides = [
            f"SELECT {self._transfer_columns}, t.{side}_account_id AS account_id, t.{side}_sequence AS place"
            f" FROM {self.transfer} t WHERE t.{side}_account_id IN ({self.markers(count, first)})"
            for side, first in (("debit", 1), ("credit", count + 1))
        ]
        return f"{' UNION ALL '.join(sides)} ORDER BY account_id, place"

    # --- reports ------------------------------------------------------------

    def owed_by_origin(self) -> str:
        """Return the statement that sums what lots hold."""
        return (
            f"SELECT a.currency, a.exponent, l.origin, CAST(SUM(l.remaining) AS {self.integer}) FROM {self.lot} l"
            f" JOIN {self.account} a ON a.id = l.account_id"
            " GROUP BY a.currency, a.exponent, l.origin ORDER BY a.currency, a.exponent, l.origin"
        )

    def moves_until(self) -> str:
        """Return the statement that selects the moves of lots recorded until an instant."""
        return (
            f"SELECT t.currency, t.exponent, t.debit_lots, t.credit_lots FROM {self.transfer} t"
            f" WHERE t.recorded_at <= {self.marker(1)}"
        )

    def movements(self, wanted: TransferFilter) -> tuple[str, Parameters]:
        """Return the statement, and its parameters, that sums transfers per kind and sides."""
        where, parameters = self._where(wanted, first=1)
        by = "t.currency, t.exponent, t.kind, t.debit_house, t.credit_house"
        text = (
            f"SELECT {by}, CAST(SUM(t.amount) AS {self.integer}), COUNT(*) FROM {self.transfer} t{where} GROUP BY {by}"
        )
        return text, parameters

    def unattached(self) -> str:
        """Return the statement that finds transfers whose account or redemption is not there."""
        missing = [
            f"(t.{side}_account_id IS NOT NULL AND NOT EXISTS"
            f" (SELECT 1 FROM {self.account} a WHERE a.id = t.{side}_account_id))"
            for side in ("debit", "credit")
        ]
        redemption = f"(t.refunds IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {self.transfer} r WHERE r.id = t.refunds))"
        return f"SELECT t.id FROM {self.transfer} t WHERE {' OR '.join([*missing, redemption])} ORDER BY t.id"

    def refunded_too_much(self) -> str:
        """Return the statement that finds transfers of which more was given back than they moved."""
        return (
            f"SELECT o.id FROM {self.transfer} o JOIN {self.transfer} r ON r.refunds = o.id"
            f" WHERE {self._stands('r')}"
            " GROUP BY o.id, o.amount HAVING SUM(r.amount) > o.amount ORDER BY o.id"
        )

    def receipts(self, where: str = "") -> str:
        """Return the statement that selects receipts."""
        return f"SELECT {columns(self.tables.receipt, 'r')} FROM {self.receipt} r{where}"

    def receipt_of_key(self) -> str:
        """Return the statement that selects the receipt under a key."""
        return self.receipts(f" WHERE r.idempotency_key = {self.marker(1)}")

    def expired(self) -> str:
        """Return the statement that selects accounts with expired, free value."""
        return (
            f"SELECT account_id, MIN(expires_at) AS first_end FROM {self.lot} WHERE live = 1"
            f" AND expires_at <= {self.marker(1)} AND remaining > held"
            f" GROUP BY account_id ORDER BY first_end, account_id LIMIT {self.marker(2)}"
        )

    @property
    def integer(self) -> str:
        """The type that sums are read as."""
        return "BIGINT" if self.dialect_name == "postgresql" else "INTEGER"


Shape = tuple[int, int, int, int, int, int]


def shape_of(wanted: Wanted) -> tuple[Shape, Parameters]:
    """Return how many values of each kind are wanted, and the values in that order."""
    anywhere = tuple(customer for customer, currency in wanted.customers if currency is None)
    in_currency = tuple((customer, currency) for customer, currency in wanted.customers if currency is not None)
    shape = (
        len(wanted.digests),
        len(wanted.gift_card_ids),
        len(wanted.account_ids),
        len(anywhere),
        len(in_currency),
        len(wanted.bought_in),
    )
    pairs = tuple(value for pair in in_currency for value in pair)
    values = wanted.digests + wanted.gift_card_ids + wanted.account_ids + anywhere + pairs + wanted.bought_in
    return shape, values


def columns(table: Table, alias: str) -> str:
    """Return all columns of a table in their order."""
    return ", ".join([f"{alias}.{column.name}" for column in table.columns])


def names(table: Table) -> tuple[str, ...]:
    """Return the names of all columns of a table in their order."""
    return tuple([column.name for column in table.columns])
