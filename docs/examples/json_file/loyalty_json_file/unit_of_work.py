"""Writing: check that everything is still as it was read, then make the next books."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from loyalty import GiftCardStatus, HoldStatus, TransferKind
from loyalty.errors import ConcurrentUpdate, DuplicateRecord
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId, Metadata
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import Changes, RefundedOrder
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Wanted
from loyalty_json_file.after import books_after
from loyalty_json_file.books import Books
from loyalty_json_file.reader import BY_CARD, BY_ID, BooksReader

__all__ = ["BooksUnitOfWork"]

Record = TypeVar("Record")


class BooksUnitOfWork(BooksReader):
    """What a command may use, while nobody else writes. ``written`` are the next books, or None."""

    def __init__(self, books: Books) -> None:
        """Begin with the books as they are."""
        super().__init__(books)
        self.written: Books | None = None

    # --- locking: whoever runs has the lock on the whole file ------------------

    def lock(self, wanted: Wanted) -> Found:
        """Load cards and accounts; nobody can change them."""
        return self.find(wanted)

    def lock_order(self, order_id: str) -> RefundedOrder:
        """Load an order; version 0 if nothing of it was refunded yet."""
        return self.books.refunded_orders.get(order_id, RefundedOrder(order_id))

    def lock_sale(self, order_id: str) -> GiftCardSale:
        """Load a sale; version 0 if there is none yet."""
        return self.books.sales.get(order_id, GiftCardSale(order_id=order_id))

    def lock_batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """Load a batch, or None."""
        return self.batch(batch_id)

    # --- what commands and sweeps look for -------------------------------------

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """Return the receipt under this key, or None."""
        return next((one for one in self.books.receipts.values() if one.idempotency_key == idempotency_key), None)

    def used_keys(self, idempotency_keys: tuple[str, ...]) -> frozenset[str]:
        """Return those that a receipt stands under."""
        return frozenset(idempotency_keys) & {
            one.idempotency_key for one in self.books.receipts.values() if one.idempotency_key is not None
        }

    def accounts_with_expired_value(self, at: datetime, limit: int) -> tuple[AccountId, ...]:
        """Return accounts with free value in a lot that expired, the soonest first."""
        books = self.books
        cards = [card.account for card in books.gift_cards.values()]
        due = sorted(
            (lot.expires_at, account.id)
            for account in (*cards, *(credit.account for credit in books.store_credit_accounts.values()))
            for lot in account.lots
            if lot.expires_at is not None and lot.free > 0 and lot.is_expired(at)
        )
        return tuple(dict.fromkeys(account_id for _, account_id in due))[:limit]

    def lapsed_holds(self, at: datetime, limit: int) -> tuple[Hold, ...]:
        """Return holds that are stored as open and have lapsed, the soonest first."""
        still_open = [hold for hold in self.holds() if hold.status is HoldStatus.OPEN]
        lapsed = [hold for hold in still_open if hold.status_at(at) is HoldStatus.LAPSED]
        return tuple(sorted(lapsed, key=lambda hold: (hold.lapses_at, hold.id))[:limit])

    def due_gifts(self, at: datetime, limit: int) -> tuple[Gift, ...]:
        """Return gifts of active cards that are due, the soonest first."""
        active = {card.id for card in self.books.gift_cards.values() if card.status is GiftCardStatus.ACTIVE}
        due = [gift for gift in self.all_gifts() if gift.is_due(at) and gift.gift_card_id in active]
        return tuple(sorted(due, key=lambda gift: (gift.send_at, gift.gift_card_id))[:limit])

    # --- whom records name: too many may be found, never too few ----------------

    def accounts_naming(self, person: Person, after: str | None, limit: int) -> tuple[AccountId, ...]:
        """Return the accounts that name a person, by id."""
        own = [one.id for one in self.books.store_credit_accounts.values() if one.customer_id == person.customer_id]
        cards = [card.account.id for card in self.books.gift_cards.values() if _names(card, person)]
        return tuple(sorted(id_ for id_ in own + cards if after is None or id_ > after)[:limit])

    def holds_naming(self, person: Person, after: str | None, limit: int) -> tuple[Hold, ...]:
        """Return the holds that name a person, by id."""
        named = [hold for hold in self.holds() if hold.customer_id == person.customer_id]
        return _beyond(named, BY_ID, after, limit)

    def gifts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Gift, ...]:
        """Return the gifts that name a person, by card id."""
        gifts = self.books.gifts.values()
        named = [one for one in gifts if person.may_be_in((one.address, one.name, one.sender, one.message))]
        return _beyond(named, BY_CARD, after, limit)

    def transfers_naming(self, person: Person, after: str | None, limit: int) -> tuple[Transfer, ...]:
        """Return the transfers that name a person, by id."""
        named = [one for one in self.books.transfers.values() if person.may_be_in(*_said_beside(one))]
        return _beyond(named, BY_ID, after, limit)

    def receipts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Receipt, ...]:
        """Return the receipts that name a person, by id."""
        receipts = self.books.receipts.values()
        named = [one for one in receipts if person.may_be_in((), (one.result, one.event_data))]
        return _beyond(named, BY_ID, after, limit)

    # --- writing ----------------------------------------------------------------

    def write(self, changes: Changes) -> bool:
        """Keep the next books aside, or nothing if the receipt's key is known; the storage commits them."""
        receipt = changes.receipt
        if receipt is not None and receipt.idempotency_key is not None and self.receipt(receipt.idempotency_key):
            return False
        if any(self._lost_races(changes)):
            raise ConcurrentUpdate
        if any(self._taken(changes)):
            raise DuplicateRecord
        self.written = books_after(self.books, changes)
        return True

    def _lost_races(self, changes: Changes) -> Iterator[bool]:
        """Yield, for each record, whether it is not what the command read."""
        books = self.books
        versions: dict[str, int] = {id_: card.account.version for id_, card in books.gift_cards.items()}
        versions |= {id_: credit.account.version for id_, credit in books.store_credit_accounts.items()}
        for change in changes.accounts:
            yield versions.get(change.before.id) != change.before.version
        for held in changes.holds:
            yield books.holds[held.before.id].version != held.before.version
        for given in changes.gifts:
            yield books.gifts[given.before.gift_card_id].version != given.before.version
        for product in changes.products:
            yield books.products[product.before.id].version != product.before.version
        for entry in changes.outbox:
            yield books.outbox[entry.before.id].attempts != entry.before.attempts
        for order in changes.refunded_orders:
            yield self.lock_order(order.order_id).version != order.version
        for sale in changes.sales:
            yield self.lock_sale(sale.order_id).version != sale.version
        for batch in changes.batches:
            known = self.batch(batch.id)
            yield batch.version > 1 and (known is None or known.version != batch.version - 1)
        yield from self._made_meanwhile(changes)

    def _made_meanwhile(self, changes: Changes) -> Iterator[bool]:
        """Yield, for what is new and would be looked for first, whether somebody else made it first."""
        ended = {change.before.id for change in changes.holds if change.after.status is not HoldStatus.OPEN}
        for hold in changes.new_holds:
            other = self.open_hold(hold.order_id)
            yield other is not None and other.id not in {hold.id, *ended}
        owned = {(one.customer_id, one.account.currency) for one in self.books.store_credit_accounts.values()}
        for credit in changes.new_store_credit_accounts:
            yield (credit.customer_id, credit.account.currency) in owned
        imported = {(one.source, one.source_id) for one in self.books.imported_cards}
        for card in changes.imported_cards:
            yield (card.source, card.source_id) in imported
        for product in changes.new_products:
            yield product.id in self.books.products

    def _taken(self, changes: Changes) -> Iterator[bool]:
        """Yield, for each value that only one record may have, whether another one has it."""
        books = self.books
        digests = {card.code_digest: card.id for card in books.gift_cards.values()}
        units = {_unit(card) for card in books.gift_cards.values() if card.unit is not None}
        reversed_ = self._reversed()
        for card in (*changes.new_gift_cards, *changes.gift_cards):
            yield digests.get(card.code_digest, card.id) != card.id
        for card in changes.new_gift_cards:
            yield card.unit is not None and _unit(card) in units
        for account in changes.new_accounts():
            yield account.id in {*books.gift_cards, *books.store_credit_accounts}
        for hold in changes.new_holds:
            yield hold.id in books.holds
        for batch in changes.batches:
            yield batch.version == 1 and batch.id in books.batches
        for transfer in changes.transfers:
            yield transfer.id in books.transfers
            yield transfer.kind is TransferKind.REVERSAL and transfer.refunds in reversed_


def _unit(card: GiftCard) -> tuple[str | None, ...]:
    """Return the one thing of an order, or of a batch, that became this card."""
    return (card.order_id, card.line_id, card.batch_id, str(card.unit))


def _names(card: GiftCard, person: Person) -> bool:
    is_theirs = person.customer_id in {card.customer_id, card.buyer_id}
    return is_theirs or person.may_be_in((card.recipient, card.note, *card.tags), (_text_of(card.metadata),))


def _said_beside(transfer: Transfer) -> tuple[tuple[str | None, ...], tuple[str | None]]:
    reference = None if transfer.reference is None else transfer.reference.id
    return (transfer.actor, transfer.reason, transfer.note, reference), (_text_of(transfer.metadata),)


def _text_of(metadata: Metadata | None) -> str | None:
    return None if metadata is None else metadata.json


def _beyond(
    records: Iterable[Record], id_of: Callable[[Record], str], after: str | None, limit: int
) -> tuple[Record, ...]:
    return tuple(sorted([one for one in records if after is None or id_of(one) > after], key=id_of)[:limit])
