"""The unit of work, on one connection: lock, load, write. No rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.adapters.sqlalchemy.dialects import POSTGRESQL
from loyalty.adapters.sqlalchemy.naming import Naming
from loyalty.adapters.sqlalchemy.reading import ID, VERSION, SqlReader, found_in, with_equal_work
from loyalty.adapters.sqlalchemy.rows import batch_of, gift_of, hold_of, receipt_of, sale_of, transfer_of
from loyalty.adapters.sqlalchemy.statements import shape_of
from loyalty.adapters.sqlalchemy.writing import write_all_at_once, write_one_by_one
from loyalty.clock import to_micros
from loyalty.errors import ConcurrentUpdate
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import Changes, RefundedOrder
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Wanted

__all__ = ["SqlUnitOfWork"]


class SqlUnitOfWork(SqlReader):
    """Reads and writes inside a transaction that somebody else begins and ends."""

    idempotency_key: str | None = None
    has_tried_to_write = False
    has_written = False

    def lock(self, wanted: Wanted) -> Found:
        """
        Lock the account rows in the order of their ids, and load what belongs to them.

        One statement where nobody else was at work. If another transaction
        changed one of the accounts while this one waited for the lock, the rest of
        what the statement saw is too old, and it is loaded again under the lock.
        """
        if not self._statements.locks_rows:
            return self.find(wanted)
        shape, values = shape_of(wanted)
        if not values:
            return Found()
        text = self._statements.lock_and_load(shape, len(values), len(wanted.lot_ids))
        rows = self._loaded(text, wanted.hold_ids + wanted.held_for + values + wanted.lot_ids)
        if not rows:
            return with_equal_work(self._holds_without_accounts(wanted), wanted)
        if all(row[0] == row[VERSION] for row in rows):
            return with_equal_work(found_in(rows), wanted)
        return with_equal_work(self._again(rows, wanted).still(wanted), wanted)

    def _again(self, rows: list[list[Any]], wanted: Wanted) -> Found:
        """
        Load again what was locked.

        Raises:
            loyalty.errors.ConcurrentUpdate: If this transaction sees only what was
                there before it was waited for, as it does on MariaDB at REPEATABLE READ.
        """
        locked = {AccountId(row[ID]): row[0] for row in rows}
        found = self.find(
            Wanted(
                account_ids=tuple(locked), lot_ids=wanted.lot_ids, hold_ids=wanted.hold_ids, held_for=wanted.held_for
            )
        )
        if any(account.version != locked.get(account.id, account.version) for account in found.accounts()):
            raise ConcurrentUpdate("an account changed after this transaction began to read")
        return found

    def lock_order(self, order_id: str) -> RefundedOrder:
        """Lock the order's row, if there is one yet."""
        rows = self._rows(self._statements.lock_order(), (order_id,))
        return RefundedOrder(order_id, rows[0][0]) if rows else RefundedOrder(order_id)

    def lock_sale(self, order_id: str) -> GiftCardSale:
        """Lock the sale's row, if there is one yet."""
        rows = self._rows(self._statements.lock_sale(), (order_id,))
        return sale_of(rows[0]) if rows else GiftCardSale(order_id=order_id)

    def lock_batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """Lock the batch's row and load it."""
        rows = self._rows(self._statements.batch_of_id(is_locked=True), (batch_id,))
        return batch_of(rows[0]) if rows else None

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """Return the receipt under this key, or None."""
        rows = self._rows(self._statements.receipt_of_key(), (idempotency_key,))
        return receipt_of(rows[0]) if rows else None

    def used_keys(self, idempotency_keys: tuple[str, ...]) -> frozenset[str]:
        """Return those of the keys that a receipt stands under."""
        if not idempotency_keys:
            return frozenset()
        text = self._statements.used_keys(len(idempotency_keys))
        return frozenset([row[0] for row in self._rows(text, idempotency_keys)])

    def accounts_with_expired_value(self, at: datetime, limit: int) -> tuple[AccountId, ...]:
        """Return accounts with expired, free value."""
        return tuple(AccountId(row[0]) for row in self._rows(self._statements.expired(), (to_micros(at), limit)))

    def lapsed_holds(self, at: datetime, limit: int) -> tuple[Hold, ...]:
        """Return holds that are stored as open and have lapsed."""
        return tuple(map(hold_of, self._rows(self._statements.lapsed_holds(), (to_micros(at), limit))))

    def due_gifts(self, at: datetime, limit: int) -> tuple[Gift, ...]:
        """Return gifts of active cards that are due."""
        return tuple(map(gift_of, self._rows(self._statements.due_gifts(), (to_micros(at), limit))))

    def accounts_naming(self, person: Person, after: str | None, limit: int) -> tuple[AccountId, ...]:
        """Return the next accounts that name a person."""
        named = Naming(self._statements, person).accounts(after, limit)
        return tuple(AccountId(row[0]) for row in self._rows(*named))

    def holds_naming(self, person: Person, after: str | None, limit: int) -> tuple[Hold, ...]:
        """Return the next holds that name a person."""
        return tuple(map(hold_of, self._rows(*Naming(self._statements, person).holds(after, limit))))

    def gifts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Gift, ...]:
        """Return the next gifts that name a person."""
        return tuple(map(gift_of, self._rows(*Naming(self._statements, person).gifts(after, limit))))

    def transfers_naming(self, person: Person, after: str | None, limit: int) -> tuple[Transfer, ...]:
        """Return the next transfers that name a person."""
        return tuple(map(transfer_of, self._rows(*Naming(self._statements, person).transfers(after, limit))))

    def receipts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Receipt, ...]:
        """Return the next receipts that name a person."""
        return tuple(map(receipt_of, self._rows(*Naming(self._statements, person).receipts(after, limit))))

    def write(self, changes: Changes) -> bool:
        """Write everything, or nothing if the receipt's key is known."""
        if changes.receipt is not None:
            self.idempotency_key = changes.receipt.given_key
        self.has_tried_to_write = True
        at_once = self._statements.database == POSTGRESQL
        write = write_all_at_once if at_once else write_one_by_one
        self.has_written = write(self._driver, self._statements, changes)
        return self.has_written
