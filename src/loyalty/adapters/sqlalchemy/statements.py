"""
The SQL, as text, built once per shape and kept.

A shape is how many values of each kind a statement takes. The money path runs
these texts as they are, without compiling anything: after the first calls the
driver has them prepared, and SQLAlchemy only hands them through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Column, Table, UniqueConstraint
from sqlalchemy.engine import Dialect

from loyalty.adapters.sqlalchemy.dialects import MARIADB, POSTGRESQL, SQLITE, database_of
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

ARRAYS = {POSTGRESQL: "json_build_array", SQLITE: "json_array", MARIADB: "json_array"}
"""The function that makes a JSON array of its arguments."""

ARRAYS_OF_ROWS = {POSTGRESQL: "json_agg", SQLITE: "json_group_array", MARIADB: "json_arrayagg"}
"""The aggregate that makes a JSON array of rows."""

LOCKING = {POSTGRESQL: " FOR NO KEY UPDATE", MARIADB: " FOR UPDATE"}
"""How a row is locked; a database that is not named here locks whole transactions."""

MOST_ROWS = 2**63 - 1
"""A limit that nothing reaches."""

INTEGERS = {POSTGRESQL: "BIGINT", SQLITE: "INTEGER", MARIADB: "SIGNED"}
"""The type that sums are read as."""


class Statements:
    """The statements on one set of tables in one dialect."""

    def __init__(self, tables: Tables, dialect: Dialect) -> None:
        """Prepare the names; texts are built when they are first needed."""
        self.tables = tables
        self.database = database_of(dialect)
        self.locks_rows = self.database in LOCKING
        self.integer = INTEGERS[self.database]
        self.marker = MARKERS[dialect.paramstyle]
        quoted = dialect.identifier_preparer.format_table
        self.account = quoted(tables.account)
        self.gift_card = quoted(tables.gift_card)
        self.store_credit = quoted(tables.store_credit)
        self.lot = quoted(tables.lot)
        self.hold = quoted(tables.hold)
        self.hold_tender = quoted(tables.hold_tender)
        self.transfer = quoted(tables.transfer)
        self.refunded_order = quoted(tables.refunded_order)
        self.gift_card_sale = quoted(tables.gift_card_sale)
        self.gift_card_product = quoted(tables.gift_card_product)
        self.denomination = quoted(tables.denomination)
        self.gift = quoted(tables.gift)
        self.batch = quoted(tables.batch)
        self.imported_card = quoted(tables.imported_card)
        self.receipt = quoted(tables.receipt)
        self._by_name = {quoted(table): table for table in tables.metadata.sorted_tables}
        self._transfer_columns = columns(tables.transfer, "t")
        # One cache per instance: the texts carry this instance's names.
        self.load = lru_cache(maxsize=256)(self._load)
        self.lock_and_load = lru_cache(maxsize=256)(self._lock_and_load)

    def markers(self, count: int, first: int = 1) -> str:
        """Return *count* parameter markers, the first of them number *first*."""
        return ", ".join([self.marker(number) for number in range(first, first + count)])

    def key(self, table: str, unique: str) -> str:
        """Return the name that MariaDB has for the unique key of a table on these columns."""
        own = self._by_name[table]
        if unique == ", ".join(names_of(own.primary_key.columns)):
            return "PRIMARY"
        constraints = [one for one in own.constraints if isinstance(one, UniqueConstraint)]
        return next(str(one.name) for one in constraints if unique == ", ".join(names_of(one.columns)))

    # --- loading ------------------------------------------------------------

    def _load(self, shape: Shape, lots: int) -> str:
        """Return the statement that loads accounts with their owners and live lots."""
        holds = shape.hold_ids + shape.held_for
        select = self._select("a.version", lots=self._lots(lots, holds + 1), holds=self._holds_column(shape))
        return f"{select} WHERE a.id IN ({self._ids(shape, holds + lots + 1)}) ORDER BY a.id, l.id"

    def _lock_and_load(self, shape: Shape, values: int, lots: int) -> str:
        """
        Return the statement that locks accounts in the order of their ids and loads them.

        The lock waits for others and sees what they wrote; the rest of the
        statement sees what was committed when it began. Every change of an
        account, its owner or its lots raises the account's version, so the rest
        is current exactly if it shows the version that was locked. The names of
        holds come first, then *shape* with its *values* values, then *lots*.
        """
        holds = shape.hold_ids + shape.held_for
        locked = self._locked(shape, self._ids(shape, holds + 1))
        select = self._select(
            "locked.version",
            f" JOIN ({locked}) locked ON locked.id = a.id",
            lots=self._lots(lots, holds + values + 1),
            holds=self._holds_column(shape),
        )
        return f"{select} ORDER BY a.id, l.id"

    def _locked(self, shape: Shape, ids: str) -> str:
        """
        Return the part that locks the accounts with these ids, in their order, and no other row.

        On PostgreSQL which accounts these are is found once, as an array, before any
        lock is waited for. A row that changed meanwhile is asked again whether it is
        wanted; joined to where the ids come from, it was lost in some plans.

        MariaDB locks the rows of the tables beside which FOR UPDATE stands, whether
        they are wanted or only looked through, in the order in which it reads them.
        So there the ids are found and sorted in brackets of their own, and each is
        looked up by the primary key. What has a limit is not merged into the rest.
        """
        locking = LOCKING[self.database]
        if self.database != MARIADB:
            named = f"IN ({ids})" if shape.names_accounts_only else f"= ANY (ARRAY({ids}))"
            return f"SELECT id, version FROM {self.account} WHERE id {named} ORDER BY id{locking}"
        key, limit = "FORCE INDEX (PRIMARY)", f"LIMIT {MOST_ROWS}"
        if shape.names_accounts_only:
            return f"SELECT id, version FROM {self.account} {key} WHERE id IN ({ids}) ORDER BY id {limit}{locking}"
        wanted = f"WITH every_id (id) AS ({ids}) SELECT DISTINCT id FROM every_id ORDER BY id {limit}"
        looked_up = f"{self.account} own {key} ON own.id = wanted.id"
        return f"SELECT own.id, own.version FROM ({wanted}) wanted STRAIGHT_JOIN {looked_up} {limit}{locking}"

    def lock_order(self) -> str:
        """Return the statement that locks an order and loads its version."""
        locking = LOCKING.get(self.database, "")
        return f"SELECT version FROM {self.refunded_order} WHERE order_id = {self.marker(1)}{locking}"

    def lock_sale(self) -> str:
        """Return the statement that locks the sale of gift cards in an order and loads it."""
        locking = LOCKING.get(self.database, "")
        return f"{self.sales()} WHERE s.order_id = {self.marker(1)}{locking}"

    def sales(self) -> str:
        """Return the statement that selects sales of gift cards."""
        return f"SELECT {columns(self.tables.gift_card_sale, 's')} FROM {self.gift_card_sale} s"

    def page(self) -> str:
        """Return the statement that loads a page of accounts with all their lots."""
        page = f"SELECT id FROM {self.account} WHERE id > {self.marker(1)} ORDER BY id LIMIT {self.marker(2)}"
        select = self._select("a.version", f" JOIN ({page}) p ON p.id = a.id")
        return f"{select} ORDER BY a.id, l.id"

    def whole_accounts(self, count: int) -> str:
        """Return the statement that loads *count* accounts by their ids, with all their lots."""
        return f"{self._select('a.version')} WHERE a.id IN ({self.markers(count)}) ORDER BY a.id, l.id"

    def cards_of_batch(self) -> str:
        """Return the statement that loads the next cards of a batch."""
        next_ = (
            f"SELECT account_id, unit FROM {self.gift_card} WHERE batch_id = {self.marker(1)}"
            f" AND unit > {self.marker(2)} ORDER BY unit LIMIT {self.marker(3)}"
        )
        select = self._select("a.version", f" JOIN ({next_}) p ON p.account_id = a.id", lots=" AND l.live = 1")
        return f"{select} ORDER BY p.unit, l.id"

    def _select(self, version: str, join: str = "", lots: str = "", holds: str = "") -> str:
        """Return the beginning of a load."""
        return f"SELECT {self.loaded(version, holds)} FROM {self.account} a{join}{self.joined(lots)}"

    def loaded(self, version: str, holds: str = "") -> str:
        """
        Return the one column of a load, in which each account and lot is one JSON array.

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
        array = f"{ARRAYS[self.database]}({wanted}{holds})"
        return array if self.database == MARIADB else f"CAST({array} AS TEXT)"

    def joined(self, lots: str) -> str:
        """Return what is joined to the accounts of a load: their owners, and those lots."""
        return (
            f" LEFT JOIN {self.gift_card} c ON c.account_id = a.id"
            f" LEFT JOIN {self.store_credit} s ON s.account_id = a.id"
            f" LEFT JOIN {self.lot} l ON l.account_id = a.id{lots}"
        )

    def _holds_column(self, shape: Shape) -> str:
        """Return one more column with the holds that are wanted, found once and the same in every row."""
        if not shape.hold_ids + shape.held_for:
            return ""
        row = f"{ARRAYS[self.database]}({columns(self.tables.hold, 'h')})"
        named = self._holds_named(shape.hold_ids, shape.held_for)
        return f", (SELECT {ARRAYS_OF_ROWS[self.database]}({row}) FROM {self.hold} h WHERE {named})"

    def _holds_named(self, by_id: int, by_order: int) -> str:
        named = []
        if by_id:
            named.append(f"h.id IN ({self.markers(by_id)})")
        if by_order:
            named.append(f"h.open_order IN ({self.markers(by_order, by_id + 1)})")
        return " OR ".join(named)

    def _lots(self, more: int, first: int = 1) -> str:
        """Return the condition on lots: those with value, and those that were named."""
        named = "" if more == 0 else f" OR l.id IN ({self.markers(more, first)})"
        return f" AND (l.live = 1{named})"

    def _ids(self, shape: Shape, first: int) -> str:
        if shape.names_accounts_only:
            return self.markers(shape.account_ids, first)
        held_for = (
            f"SELECT x.account_id FROM {self.hold} h JOIN {self.hold_tender} x ON x.hold_id = h.id"
            " WHERE h.open_order IN"
        )
        parts = []
        for count, source in (
            (shape.digests, f"SELECT account_id FROM {self.gift_card} WHERE code_digest IN"),
            (shape.gift_card_ids, f"SELECT account_id FROM {self.gift_card} WHERE id IN"),
            (shape.account_ids, f"SELECT id FROM {self.account} WHERE id IN"),
            (shape.customers, f"SELECT account_id FROM {self.store_credit} WHERE customer_id IN"),
            (shape.owners, f"SELECT account_id FROM {self.store_credit} WHERE customer_id IN"),
            (shape.owners, f"SELECT account_id FROM {self.gift_card} WHERE customer_id IN"),
            (shape.bought_in, f"SELECT account_id FROM {self.gift_card} WHERE order_id IN"),
            (shape.hold_ids, f"SELECT account_id FROM {self.hold_tender} WHERE hold_id IN"),
            (shape.held_for, held_for),
        ):
            if count:
                parts.append(f"{source} ({self.markers(count, first)})")
                first += count
        for _ in range(shape.customers_in_a_currency):
            customer, currency = self.marker(first), self.marker(first + 1)
            parts.append(
                f"SELECT account_id FROM {self.store_credit} WHERE customer_id = {customer} AND currency = {currency}"
            )
            first += 2
        if shape.successors_of:
            parts.append(self._successors(self.markers(shape.successors_of, first)))
        return " UNION ALL ".join(parts)

    def _successors(self, markers: str) -> str:
        """Return the statement that finds the successors of accounts, and theirs, to the last."""
        of = f"SELECT s.successor_id FROM {self.store_credit} s"
        chain = f"{of} WHERE s.account_id IN ({markers}) UNION {of} JOIN chain ON s.account_id = chain.id"
        return (
            f"SELECT id FROM (WITH RECURSIVE chain (id) AS ({chain}) SELECT id FROM chain) successors"
            " WHERE id IS NOT NULL"
        )

    # --- products -----------------------------------------------------------

    def products(self, ids: int, variants: int | None) -> str:
        """Return the statement that loads products by their ids, with all denominations or those of some variants."""
        some = "" if variants is None else f" AND d.variant_id IN ({self.markers(variants) or 'NULL'})"
        named = self.markers(ids, 1 + (variants or 0))
        return f"{self._products(some)} WHERE p.id IN ({named}) ORDER BY p.id, d.place"

    def page_of_products(self, *, on_sale: bool) -> str:
        """Return the statement that loads a page of products with all their denominations."""
        kept = " AND retired_at IS NULL" if on_sale else ""
        page = f"SELECT id FROM {self.gift_card_product} WHERE id > {self.marker(1)}{kept} ORDER BY id"
        return f"{self._products()} JOIN ({page} LIMIT {self.marker(2)}) n ON n.id = p.id ORDER BY p.id, d.place"

    def _products(self, some: str = "") -> str:
        wanted = f"{columns(self.tables.gift_card_product, 'p')}, {columns(self.tables.denomination, 'd')}"
        return (
            f"SELECT {wanted} FROM {self.gift_card_product} p"
            f" LEFT JOIN {self.denomination} d ON d.product_id = p.id{some}"
        )

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

    # --- holds --------------------------------------------------------------

    def holds(self, where: str = "") -> str:
        """Return the statement that selects holds."""
        return f"SELECT {columns(self.tables.hold, 'h')} FROM {self.hold} h{where}"

    def holds_named(self, by_id: int, by_order: int) -> str:
        """Return the statement that selects holds by their ids, and open ones by their orders."""
        return self.holds(f" WHERE {self._holds_named(by_id, by_order)} ORDER BY h.id")

    def lapsed_holds(self) -> str:
        """Return the statement that selects holds that are stored as open and have lapsed."""
        return self.holds(
            f" WHERE h.status = 'open' AND h.lapses_at <= {self.marker(1)} ORDER BY h.lapses_at, h.id"
            f" LIMIT {self.marker(2)}"
        )

    def holds_captured_wrong(self) -> str:
        """Return the statement that finds holds whose redemptions do not sum to what they say."""
        taken = (
            f"SELECT t.hold_id, SUM(t.amount) AS amount FROM {self.transfer} t"
            " WHERE t.hold_id IS NOT NULL GROUP BY t.hold_id"
        )
        return (
            f"SELECT h.id FROM {self.hold} h LEFT JOIN ({taken}) taken ON taken.hold_id = h.id"
            " WHERE COALESCE(taken.amount, 0) <> h.captured OR h.captured > h.amount ORDER BY h.id"
        )

    def spent_since(self) -> str:
        """Return the statement that finds what each of a customer's own accounts in a currency redeemed, and holds."""
        own = (
            f"SELECT a.id, a.reservations FROM {self.account} a"
            f" JOIN {self.store_credit} s ON s.account_id = a.id"
            f" WHERE s.customer_id = {self.marker(1)} AND a.currency = {self.marker(2)}"
            f" UNION ALL SELECT a.id, a.reservations FROM {self.account} a"
            f" JOIN {self.gift_card} c ON c.account_id = a.id"
            f" WHERE c.customer_id = {self.marker(3)} AND a.currency = {self.marker(4)}"
        )
        redeemed = (
            f"SELECT SUM(t.amount) FROM {self.transfer} t WHERE t.debit_account_id = own.id"
            f" AND t.kind = 'redemption' AND t.recorded_at >= {self.marker(5)}"
        )
        # The markers are taken in the order of the text, so what comes first in the parameters comes first here.
        return (
            f"WITH own AS ({own}) SELECT CAST(COALESCE(({redeemed}), 0) AS {self.integer}), own.reservations FROM own"
        )

    # --- gifts --------------------------------------------------------------

    def gifts(self, where: str = "") -> str:
        """Return the statement that selects gifts."""
        return f"SELECT {columns(self.tables.gift, 'g')} FROM {self.gift} g{where}"

    def gifts_of(self, count: int) -> str:
        """Return the statement that selects the gifts of *count* cards."""
        return self.gifts(f" WHERE g.gift_card_id IN ({self.markers(count)}) ORDER BY g.gift_card_id")

    def due_gifts(self) -> str:
        """Return the statement that selects gifts of active cards that are due."""
        return self.gifts(
            f" JOIN {self.gift_card} c ON c.id = g.gift_card_id"
            f" WHERE g.status = 'waiting' AND g.send_at <= {self.marker(1)} AND g.address IS NOT NULL"
            f" AND c.status = 'active' ORDER BY g.send_at, g.gift_card_id LIMIT {self.marker(2)}"
        )

    # --- batches ------------------------------------------------------------

    def batches(self) -> str:
        """Return the statement that selects every batch."""
        return f"SELECT {columns(self.tables.batch, 'b')} FROM {self.batch} b ORDER BY b.id"

    def batch_of_id(self, *, is_locked: bool = False) -> str:
        """Return the statement that loads, and locks, a batch."""
        locking = LOCKING.get(self.database, "") if is_locked else ""
        selected = columns(self.tables.batch, "b")
        return f"SELECT {selected} FROM {self.batch} b WHERE b.id = {self.marker(1)}{locking}"

    def batches_issued_wrong(self) -> str:
        """Return the statement that finds batches whose cards are not numbered from 1 to what they say."""
        cards = (
            "SELECT c.batch_id, COUNT(*) AS cards, MIN(c.unit) AS lowest, MAX(c.unit) AS highest"
            f" FROM {self.gift_card} c WHERE c.batch_id IS NOT NULL GROUP BY c.batch_id"
        )
        return (
            f"SELECT b.id FROM {self.batch} b LEFT JOIN ({cards}) own ON own.batch_id = b.id"
            " WHERE COALESCE(own.cards, 0) <> b.issued OR COALESCE(own.highest, 0) <> b.issued"
            " OR COALESCE(own.lowest, 1) <> 1 ORDER BY b.id"
        )

    # --- imports ------------------------------------------------------------

    def imported_cards(self, where: str = "") -> str:
        """Return the statement that selects imported cards."""
        selected = columns(self.tables.imported_card, "i")
        return f"SELECT {selected} FROM {self.imported_card} i{where} ORDER BY i.source, i.source_id"

    def imported(self, count: int) -> str:
        """Return the statement that selects so many cards of one source by their ids there."""
        return self.imported_cards(f" WHERE i.source = {self.marker(1)} AND i.source_id IN ({self.markers(count, 2)})")

    def digests_taken(self, count: int) -> str:
        """Return the statement that finds which of so many digests cards have."""
        return f"SELECT code_digest FROM {self.gift_card} WHERE code_digest IN ({self.markers(count)})"

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
        """Return the statement that finds transfers whose account, redemption or hold is not there."""
        missing = [
            f"(t.{side}_account_id IS NOT NULL AND NOT EXISTS"
            f" (SELECT 1 FROM {self.account} a WHERE a.id = t.{side}_account_id))"
            for side in ("debit", "credit")
        ]
        redemption = f"(t.refunds IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {self.transfer} r WHERE r.id = t.refunds))"
        hold = f"(t.hold_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {self.hold} h WHERE h.id = t.hold_id))"
        return f"SELECT t.id FROM {self.transfer} t WHERE {' OR '.join([*missing, redemption, hold])} ORDER BY t.id"

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

    def recorded(self) -> str:
        """Return the statement that selects all events beyond a position."""
        return self._outbox(f" WHERE {self._position} > {self.marker(1)} AND r.attempts IS NOT NULL ORDER BY place")

    def undelivered(self) -> str:
        """Return the statement that selects a page of the events that are still to leave."""
        return self._outbox(self._page_of_outbox("due_at"))

    def dead_letters(self) -> str:
        """Return the statement that selects a page of the events that were given up."""
        return self._outbox(self._page_of_outbox("dead_at"))

    def outbox_entries(self, count: int) -> str:
        """Return the statement that selects *count* events and how far each has come."""
        return self._outbox(f" WHERE r.id IN ({self.markers(count)}) AND r.attempts IS NOT NULL ORDER BY place")

    def _outbox(self, where: str) -> str:
        return (
            f"SELECT r.id, {self._position} AS place, r.event, r.event_data, r.recorded_at, r.about,"
            f" r.due_at, r.attempts, r.leased_until, r.failure, r.dead_at FROM {self.receipt} r{where}"
        )

    def _page_of_outbox(self, given: str) -> str:
        numbered = "" if self._position == "r.position" else " AND r.position IS NULL"
        beyond = f"r.{given} IS NOT NULL{numbered} AND {self._position} > {self.marker(1)}"
        return f" WHERE {beyond} ORDER BY place LIMIT {self.marker(2)}"

    @property
    def _position(self) -> str:
        """What receipts are in the order of: numbers from a sequence, or where there is none those of the rows."""
        return "r.rowid" if self.database == SQLITE else "r.position"

    def used_keys(self, count: int) -> str:
        """Return the statement that selects those of *count* keys that a receipt stands under."""
        return f"SELECT idempotency_key FROM {self.receipt} WHERE idempotency_key IN ({self.markers(count)})"

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


class Shape(NamedTuple):
    """How many values of each kind are wanted, in the order in which a statement takes them."""

    digests: int
    gift_card_ids: int
    account_ids: int
    customers: int
    owners: int
    bought_in: int
    hold_ids: int
    held_for: int
    customers_in_a_currency: int
    successors_of: int

    @property
    def names_accounts_only(self) -> bool:
        """Whether every value is an account's own id, so that there is nothing to look up."""
        return self.account_ids == sum(self)


def shape_of(wanted: Wanted) -> tuple[Shape, Parameters]:
    """Return how many values of each kind are wanted, and the values in that order."""
    anywhere = tuple(customer for customer, currency in wanted.customers if currency is None)
    in_currency = tuple((customer, currency) for customer, currency in wanted.customers if currency is not None)
    shape = Shape(
        len(wanted.digests),
        len(wanted.gift_card_ids),
        len(wanted.account_ids),
        len(anywhere),
        len(wanted.owners),
        len(wanted.bought_in),
        len(wanted.hold_ids),
        len(wanted.held_for),
        len(in_currency),
        len(wanted.successors_of),
    )
    named = wanted.digests + wanted.gift_card_ids + wanted.account_ids + anywhere
    owned = wanted.owners + wanted.owners
    pairs = tuple(value for pair in in_currency for value in pair)
    others = wanted.bought_in + wanted.hold_ids + wanted.held_for + pairs + wanted.successors_of
    return shape, named + owned + others


def columns(table: Table, alias: str) -> str:
    """Return all columns of a table in their order, but for those that the database fills by itself."""
    return ", ".join([f"{alias}.{column.name}" for column in table.columns if column.computed is None])


def names(table: Table, *, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of all columns of a table in their order, but for some."""
    return names_of(column for column in table.columns if column.name not in without)


def names_of(columns: Iterable[Column[Any]]) -> tuple[str, ...]:
    """Return the names of columns."""
    return tuple([column.name for column in columns])
