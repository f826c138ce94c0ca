"""
Writing what a command decided: statement by statement, or all in one.

Both ways write the receipt first and let its unique key decide. Counts of
affected rows are checked everywhere: an account that changed since it was
loaded is a lost race, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import attrs
from sqlalchemy.exc import DBAPIError

from loyalty.adapters.sqlalchemy.append_only import PERSONAL_TEXTS
from loyalty.adapters.sqlalchemy.dialects import MARIADB
from loyalty.adapters.sqlalchemy.driver import Driver
from loyalty.adapters.sqlalchemy.failures import duplicate_key
from loyalty.adapters.sqlalchemy.rows import (
    Values,
    account_row,
    batch_row,
    denomination_row,
    gift_card_row,
    gift_row,
    hold_row,
    imported_card_row,
    lot_row,
    micros_of,
    outbox_values,
    product_row,
    receipt_row,
    reservations_text,
    sale_row,
    store_credit_row,
    transfer_row,
)
from loyalty.adapters.sqlalchemy.statements import Statements, names
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.clock import to_micros
from loyalty.errors import ConcurrentUpdate
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.ports.changes import AccountChange, Changes, HoldChange, LotChange, ProductChange, RefundedOrder
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["write_all_at_once", "write_one_by_one"]

MOST_LISTED = 20
"""More rows than this come to PostgreSQL column by column, each column as one array."""

_TABLES = Tables.named()
RECEIPT = names(_TABLES.receipt, without=("leased_until", "failure", "dead_at", "position"))
"""What a new receipt says of itself: nobody has its event yet, and the database numbers it."""
ACCOUNT = names(_TABLES.account)
GIFT_CARD = names(_TABLES.gift_card)
STORE_CREDIT = names(_TABLES.store_credit)
LOT = names(_TABLES.lot)
HOLD = names(_TABLES.hold)
HOLD_TENDER = names(_TABLES.hold_tender)
TRANSFER = names(_TABLES.transfer)
GIFT = names(_TABLES.gift)
REFUNDED_ORDER = names(_TABLES.refunded_order)
SALE = names(_TABLES.gift_card_sale)
PRODUCT = names(_TABLES.gift_card_product)
DENOMINATION = names(_TABLES.denomination)
BATCH = names(_TABLES.batch)
IMPORTED_CARD = names(_TABLES.imported_card)

TYPES = {
    column.name: "bigint" if column.type.python_type is int else "text"
    for table in _TABLES.metadata.tables.values()
    for column in table.columns
}
"""What PostgreSQL is told of each column; a name means the same in every table."""

ACCOUNT_FACTS = ("posted", "held", "sequence", "version", "recorded_at", "reservations")
STORE_CREDIT_FACTS = ("customer_id", "status", "successor_id")
LOT_FACTS = ("remaining", "held", "live")
BATCH_FACTS = ("issued", "revealed", "version")
HOLD_FACTS = (
    "open_order",
    "amount_due",
    "amount",
    "captured",
    "status",
    "version",
    "lapses_at",
    "resolved_at",
    "tenders",
    "has_lines",
)
"""What changes about an account, its owner, a lot and a hold. The end of a lot is written only if it changes, too."""

OUTBOX_FACTS = ("due_at", "attempts", "leased_until", "failure", "dead_at")
"""What changes about an event on its way out."""

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
    "loaded_at",
    "edition",
    "buyer_id",
    "last_day",
    "time_zone",
)
"""What may change about a card. The rest was decided when it was issued."""


@attrs.frozen
class Write:
    """
    Rows for one table. An insert lists *columns*; an update sets them where *keys* match.

    The values of a row are those of the columns, then those of the keys. A write
    that *waits* makes sense only if the one before it found all its rows.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    rows: Sequence[Values]
    unless_exists: str | None = None
    waits: bool = False


def writes_of(statements: Statements, changes: Changes) -> list[Write]:
    """
    Return the writes in the order in which rows refer to each other.

    Of several that begin the sale of one order, one wins. The others notice it at
    the sale: everything after it waits, and so does not meet the cards of the winner.
    The same goes for those who import one card of another system.
    """
    first: list[Write] = []
    if changes.receipt is not None:
        receipt = [receipt_row(changes.receipt)]
        first.append(_insert(statements.receipt, RECEIPT, receipt, unless_exists="idempotency_key"))
    first.extend([_sale(statements, sale) for sale in changes.sales])
    if changes.imported_cards:
        rows = [imported_card_row(one) for one in changes.imported_cards]
        first.append(_insert(statements.imported_card, IMPORTED_CARD, rows, unless_exists="source, source_id"))
    rest = _writes_of_values(statements, changes)
    if changes.imported_cards or any(sale.version == 0 for sale in changes.sales):
        rest = [attrs.evolve(write, waits=True) for write in rest]
    return first + rest


def _writes_of_values(statements: Statements, changes: Changes) -> list[Write]:
    writes = [_batch(statements, batch) for batch in changes.batches]
    if changes.new_gift_cards or changes.new_store_credit_accounts:
        writes.extend(_new_owners(statements, changes))
    if changes.accounts:
        rows = [_account_values(change) for change in changes.accounts]
        writes.append(Write(statements.account, ACCOUNT_FACTS, ("id", "version"), rows))
    if changes.gift_cards:
        writes.append(
            Write(statements.gift_card, CARD_FACTS, ("id",), [_card_values(card) for card in changes.gift_cards])
        )
    if changes.store_credit_accounts:
        rows = [_credit_values(credit) for credit in changes.store_credit_accounts]
        writes.append(Write(statements.store_credit, STORE_CREDIT_FACTS, ("account_id",), rows))
    writes.extend(_holds(statements, changes))
    writes.extend(_gifts(statements, changes))
    lots = changes.lots()
    new_lots = [lot_row(change.after, change.account.id) for change in lots if change.before is None]
    if new_lots:
        writes.append(_insert(statements.lot, LOT, new_lots))
    old_lots = [_lot_values(change) for change in lots if change.before is not None and not change.has_new_terms]
    if old_lots:
        writes.append(Write(statements.lot, LOT_FACTS, ("id", "remaining", "held"), old_lots))
    new_terms = [(micros_of(change.after.expires_at), *_lot_values(change)) for change in lots if change.has_new_terms]
    if new_terms:
        writes.append(Write(statements.lot, ("expires_at", *LOT_FACTS), ("id", "remaining", "held"), new_terms))
    writes.extend([_refunded_order(statements, order) for order in changes.refunded_orders])
    writes.extend(_products(statements, changes))
    if changes.transfers:
        rows = [transfer_row(transfer) for transfer in changes.transfers]
        writes.append(_insert(statements.transfer, TRANSFER, rows))
    writes.extend(_erased(statements, changes))
    if changes.outbox:
        rows = [(*outbox_values(change.after), change.before.id, change.before.attempts) for change in changes.outbox]
        writes.append(Write(statements.receipt, OUTBOX_FACTS, ("id", "attempts"), rows))
    return writes


def _erased(statements: Statements, changes: Changes) -> Iterator[Write]:
    """Yield what is rewritten where a person is forgotten."""
    if changes.erased_holds:
        rows: list[Values] = [(hold.customer_id, hold.id) for hold in changes.erased_holds]
        yield Write(statements.hold, ("customer_id",), ("id",), rows)
    if changes.erased_transfers:
        rows = [_picked(TRANSFER, transfer_row(one), *PERSONAL_TEXTS, "id") for one in changes.erased_transfers]
        yield Write(statements.transfer, PERSONAL_TEXTS, ("id",), rows)
    if changes.erased_receipts:
        rows = [(one.result, one.event_data, one.id) for one in changes.erased_receipts]
        yield Write(statements.receipt, ("result", "event_data"), ("id",), rows)


def _picked(columns: tuple[str, ...], row: Values, *names: str) -> Values:
    values = dict(zip(columns, row, strict=True))
    return tuple([values[name] for name in names])


def _new_owners(statements: Statements, changes: Changes) -> Iterator[Write]:
    yield _insert(statements.account, ACCOUNT, [account_row(account) for account in changes.new_accounts()])
    if changes.new_store_credit_accounts:
        rows = [store_credit_row(credit) for credit in changes.new_store_credit_accounts]
        yield _insert(statements.store_credit, STORE_CREDIT, rows, unless_exists="customer_id, currency")
    if changes.new_gift_cards:
        yield _insert(statements.gift_card, GIFT_CARD, [gift_card_row(card) for card in changes.new_gift_cards])


def _holds(statements: Statements, changes: Changes) -> Iterator[Write]:
    """Yield the ends of holds, then the new ones, which may need the place of one that ends."""
    if changes.holds:
        yield Write(statements.hold, HOLD_FACTS, ("id", "version"), [_hold_values(change) for change in changes.holds])
    if changes.new_holds:
        rows = [hold_row(hold) for hold in changes.new_holds]
        hold = _insert(statements.hold, HOLD, rows, unless_exists="open_order")
        yield attrs.evolve(hold, waits=bool(changes.holds))
    links = [(hold.id, tender.account_id) for hold in changes.new_holds for tender in hold.tenders]
    if links:
        yield Write(statements.hold_tender, HOLD_TENDER, (), links, waits=True)


def _gifts(statements: Statements, changes: Changes) -> Iterator[Write]:
    if changes.new_gifts:
        yield _insert(statements.gift, GIFT, [gift_row(gift) for gift in changes.new_gifts])
    if changes.gifts:
        rows = [
            (*gift_row(change.after)[1:], change.before.gift_card_id, change.before.version) for change in changes.gifts
        ]
        yield Write(statements.gift, GIFT[1:], ("gift_card_id", "version"), rows)


def _refunded_order(statements: Statements, order: RefundedOrder) -> Write:
    if order.version == 0:
        return _insert(statements.refunded_order, REFUNDED_ORDER, [(order.order_id, 1)], unless_exists="order_id")
    row = (order.version + 1, order.order_id, order.version)
    return Write(statements.refunded_order, ("version",), REFUNDED_ORDER, [row])


def _sale(statements: Statements, sale: GiftCardSale) -> Write:
    row = sale_row(sale)
    if sale.version == 0:
        return _insert(statements.gift_card_sale, SALE, [row], unless_exists="order_id")
    return Write(statements.gift_card_sale, SALE[1:], SALE[:2], [(*row[1:], sale.order_id, sale.version)])


def _products(statements: Statements, changes: Changes) -> Iterator[Write]:
    """Yield products before their denominations, and what is retired before what takes its place."""
    if changes.new_products:
        rows = [product_row(product) for product in changes.new_products]
        yield _insert(statements.gift_card_product, PRODUCT, rows, unless_exists="id")
    if changes.products:
        rows = [(*product_row(one.after)[1:], one.before.id, one.before.version) for one in changes.products]
        yield Write(statements.gift_card_product, PRODUCT[1:], ("id", "version"), rows)
    retired = [row for change in changes.products for row in _retired(change)]
    if retired:
        yield Write(statements.denomination, ("retired_at",), DENOMINATION[:2], retired, waits=True)
    added = [row for product in changes.new_products for row in _denominations(product, 0)]
    added += [row for one in changes.products for row in _denominations(one.after, len(one.before.denominations))]
    if added:
        yield attrs.evolve(_insert(statements.denomination, DENOMINATION, added), waits=True)


def _retired(change: ProductChange) -> Iterator[Values]:
    pairs = zip(change.before.denominations, change.after.denominations, strict=False)
    for place, (before, after) in enumerate(pairs):
        if before != after:
            yield micros_of(after.retired_at), change.before.id, place


def _denominations(product: GiftCardProduct, first: int) -> Iterator[Values]:
    """Yield the rows of denominations from a place on."""
    for place, denomination in enumerate(product.denominations[first:], first):
        yield denomination_row(denomination, product.id, place)


def _batch(statements: Statements, batch: GiftCardBatch) -> Write:
    if batch.version == 1:
        return _insert(statements.batch, BATCH, [batch_row(batch)])
    row = (batch.issued, batch.revealed, batch.version, batch.id, batch.version - 1)
    return Write(statements.batch, BATCH_FACTS, ("id", "version"), [row])


def _insert(table: str, columns: tuple[str, ...], rows: list[Values], *, unless_exists: str | None = None) -> Write:
    """Return an insert; of a single row only the values that are given, for each costs time."""
    if len(rows) == 1:
        given = [(column, value) for column, value in zip(columns, rows[0], strict=True) if value is not None]
        columns, rows = tuple([column for column, _ in given]), [tuple([value for _, value in given])]
    return Write(table, columns, (), rows, unless_exists)


def _account_values(change: AccountChange) -> Values:
    after, before = change.after, change.before
    return (
        after.posted,
        after.held,
        after.sequence,
        after.version,
        to_micros(after.recorded_at),
        reservations_text(after.reservations),
        before.id,
        before.version,
    )


def _hold_values(change: HoldChange) -> Values:
    row = dict(zip(HOLD, hold_row(change.after), strict=True))
    return (*(row[name] for name in HOLD_FACTS), change.before.id, change.before.version)


def _lot_values(change: LotChange) -> Values:
    after, before = change.after, change.before
    if before is None:
        return ()
    return after.remaining, after.held, int(after.remaining > 0), before.id, before.remaining, before.held


def _credit_values(credit: StoreCreditAccount) -> Values:
    return credit.customer_id, credit.status.value, credit.successor_id, credit.id


def _card_values(card: GiftCard) -> Values:
    row = dict(zip(GIFT_CARD, gift_card_row(card), strict=True))
    return (*(row[name] for name in CARD_FACTS), card.id)


def write_one_by_one(driver: Driver, statements: Statements, changes: Changes) -> bool:
    """Write with one statement per table and kind of change. Works on every database."""
    for write in writes_of(statements, changes):
        if _written(driver, statements, write) != len(write.rows):
            if write.table == statements.receipt and not write.keys:
                return False
            raise ConcurrentUpdate
    return True


def _written(driver: Driver, statements: Statements, write: Write) -> int:
    """
    Carry a write out and return how many rows there were.

    MariaDB has no way to leave out what exists that would not hide other mistakes,
    or count the row that was in the way like a new one. But an error there undoes
    no more than its own statement, so the duplicate is met and not counted.
    """
    is_plain = write.unless_exists is None or statements.database == MARIADB
    unless_exists = None if is_plain else write.unless_exists
    text = _single(statements.marker, write.table, write.columns, write.keys, unless_exists)
    try:
        return driver.changed(text, write.rows)
    except DBAPIError as error:
        if write.unless_exists is None or duplicate_key(error) != statements.key(write.table, write.unless_exists):
            raise
        return 0


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


def write_all_at_once(driver: Driver, statements: Statements, changes: Changes) -> bool:
    """
    Write everything in one statement with data-modifying common table expressions.

    All parts but the receipt's depend on the receipt's row, so a known key
    writes nothing at all, without an error that would abort a host's transaction.
    Many rows come as arrays, one per column: so a statement has the same text and
    few parameters for a thousand rows, and takes a fraction of the time.

    Source:
        PostgreSQL documentation, 7.8.4: all parts of such a statement run to
        completion, once, on one snapshot.
    """
    writes = writes_of(statements, changes)
    shape = tuple([_shape(write) for write in writes])
    text = _combined(statements.marker, shape)
    counts: str = driver.rows(text, tuple([value for write in writes for value in _parameters(write)]))[0][0]
    if counts == " ".join([str(len(write.rows)) for write in writes]):
        return True
    if changes.receipt is not None and counts.startswith("0"):
        return False
    raise ConcurrentUpdate


def _is_long(write: Write) -> bool:
    return len(write.rows) > MOST_LISTED


def _parameters(write: Write) -> Iterable[str | int | list[str | int | None] | None]:
    """Return the values of a write as its statement takes them: row by row, or column by column if they are many."""
    if _is_long(write):
        return map(list, zip(*write.rows, strict=True))
    return [value for row in write.rows for value in row]


PartShape = tuple[str, tuple[str, ...], tuple[str, ...], str | None, bool, bool, int]


def _shape(write: Write) -> PartShape:
    return write.table, write.columns, write.keys, write.unless_exists, write.waits, _is_long(write), len(write.rows)


@lru_cache(maxsize=256)
def _combined(marker: Callable[[int], str], shape: tuple[PartShape, ...]) -> str:
    parts, first = [], 1
    for place, part in enumerate(shape):
        _, columns, keys, _, waits, is_long, rows = part
        kinds = tuple([TYPES[name] for name in (*columns, *keys)])
        values = _arrays(marker, kinds, first) if is_long else _values(marker, kinds, rows, first)
        first += len(kinds) if is_long else rows * len(kinds)
        gate = "EXISTS (SELECT 1 FROM part_0)" if place else "TRUE"
        if waits:
            gate = f"(SELECT count(*) FROM part_{place - 1}) = {shape[place - 1][-1]}"
        body = _part(part, values, gate)
        parts.append(f"part_{place} AS ({body} RETURNING 1)")
    counts = ", ".join(f"(SELECT count(*) FROM part_{place})" for place in range(len(shape)))
    return f"WITH {', '.join(parts)} SELECT concat_ws(' ', {counts})"


def _part(part: PartShape, values: str, gate: str) -> str:
    table, columns, keys, unless_exists, *_ = part
    names_ = ", ".join([*columns, *(f"old_{key}" for key in keys)])
    if keys:
        matches = " AND ".join(f"t.{key} = v.old_{key}" for key in keys)
        sets = ", ".join(f"{name} = v.{name}" for name in columns)
        return f"UPDATE {table} t SET {sets} FROM ({values}) v ({names_}) WHERE {matches} AND {gate}"
    skip = "" if unless_exists is None else f" ON CONFLICT ({unless_exists}) DO NOTHING"
    return f"INSERT INTO {table} ({names_}) SELECT * FROM ({values}) v ({names_}) WHERE {gate}{skip}"


def _arrays(marker: Callable[[int], str], kinds: tuple[str, ...], first: int) -> str:
    columns = ", ".join(f"{marker(place)}::{kind}[]" for place, kind in enumerate(kinds, first))
    return f"SELECT * FROM unnest({columns})"


def _values(marker: Callable[[int], str], kinds: tuple[str, ...], rows: int, first: int) -> str:
    width = len(kinds)
    lines = [
        ", ".join(f"{marker(first + row * width + place)}::{kind}" for place, kind in enumerate(kinds))
        for row in range(rows)
    ]
    return f"VALUES {', '.join(f'({line})' for line in lines)}"
