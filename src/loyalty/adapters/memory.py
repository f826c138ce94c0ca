"""
The reference storage: small, correct, thread-safe, in memory.

One lock serializes all work. What a piece of work writes is kept aside until
it has returned, and then applied at once, so a refusal or a crash changes
nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from operator import gt, itemgetter, lt
from typing import Any, TypeVar

import attrs

from loyalty.clock import to_micros
from loyalty.errors import ConcurrentUpdate, DuplicateRecord
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.decoy import DECOY
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId, GiftCardId, HoldId, LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus, reserved_at
from loyalty.ledger.listing import CurrencySums, Place, sums_of
from loyalty.ledger.lot import Lot
from loyalty.ledger.origin_balance import Moved, OriginBalance, sum_by_origin
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.changes import Changes, RefundedOrder
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Movement, Reader, TransferFilter, UnitOfWork, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.store_credit.listing import StoreCreditFilter, StoreCreditSort

__all__ = ["MemoryStorage"]

Result = TypeVar("Result")
Id = TypeVar("Id", bound=str)
Listed = TypeVar("Listed")


class MemoryStorage:
    """Keeps everything in this process. Made for tests, demonstrations and as the example of a storage."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.RLock()
        self._books = _Books()

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run *work* alone, then apply what it wrote."""
        with self._lock:
            uow = _MemoryUnitOfWork(self._books)
            result = work(uow)
            uow.apply()
            return result

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* while nothing changes."""
        with self._lock:
            return question(_MemoryReader(self._books))

    def upgrade(self) -> None:
        """Do nothing: there are no tables."""


@attrs.define
class _Books:
    """All records and the ways to find them. Accounts carry live lots; empty ones stand apart."""

    accounts: dict[AccountId, Account] = attrs.Factory(dict)
    empty_lots: dict[AccountId, dict[LotId, Lot]] = attrs.Factory(lambda: defaultdict(dict))
    cards: dict[AccountId, GiftCard] = attrs.Factory(dict)
    credits: dict[AccountId, StoreCreditAccount] = attrs.Factory(dict)
    card_accounts: dict[GiftCardId, AccountId] = attrs.Factory(dict)
    digests: dict[str, AccountId] = attrs.Factory(dict)
    bought_in: dict[str, list[AccountId]] = attrs.Factory(lambda: defaultdict(list))
    units: set[tuple[str | None, str | None, int]] = attrs.Factory(set)
    customers: dict[str, dict[str, AccountId]] = attrs.Factory(lambda: defaultdict(dict))
    claimed: dict[str, set[AccountId]] = attrs.Factory(lambda: defaultdict(set))
    holds: dict[HoldId, Hold] = attrs.Factory(dict)
    open_holds: dict[str, HoldId] = attrs.Factory(dict)
    gifts: dict[GiftCardId, Gift] = attrs.Factory(dict)
    transfers: dict[TransferId, Transfer] = attrs.Factory(dict)
    entries: dict[AccountId, list[Transfer]] = attrs.Factory(lambda: defaultdict(list))
    order_transfers: dict[str, list[Transfer]] = attrs.Factory(lambda: defaultdict(list))
    refunds: dict[TransferId, list[Transfer]] = attrs.Factory(lambda: defaultdict(list))
    refunded_orders: dict[str, int] = attrs.Factory(dict)
    sales: dict[str, GiftCardSale] = attrs.Factory(dict)
    products: dict[str, GiftCardProduct] = attrs.Factory(dict)
    batches: dict[BatchId, GiftCardBatch] = attrs.Factory(dict)
    imported: dict[tuple[str, str], ImportedCard] = attrs.Factory(dict)
    batch_cards: dict[str, dict[int, AccountId]] = attrs.Factory(lambda: defaultdict(dict))
    receipts: dict[str, Receipt] = attrs.Factory(dict)
    all_receipts: list[Receipt] = attrs.Factory(list)
    outbox: dict[str, OutboxEntry] = attrs.Factory(dict)


class _MemoryReader:
    def __init__(self, books: _Books) -> None:
        self._books = books

    def find(self, wanted: Wanted) -> Found:
        books, ids = self._books, set[AccountId]()
        ids.update(books.digests[digest] for digest in wanted.digests if digest in books.digests)
        ids.update(books.card_accounts[card] for card in wanted.gift_card_ids if card in books.card_accounts)
        ids.update(account for account in wanted.account_ids if account in books.accounts)
        for customer_id, currency in wanted.customers:
            own = books.customers.get(customer_id, {})
            ids.update(own.values() if currency is None else filter(None, [own.get(currency)]))
        for customer_id in wanted.owners:
            ids.update(books.customers.get(customer_id, {}).values(), books.claimed.get(customer_id, ()))
        for order_id in wanted.bought_in:
            ids.update(books.bought_in.get(order_id, ()))
        for account_id in wanted.successors_of:
            ids.update(self._successors(account_id))
        holds = self._wanted_holds(wanted) if wanted.hold_ids or wanted.held_for else ()
        ids.update(tender.account_id for hold in holds for tender in hold.tenders)
        found = self._found(ids, wanted.lot_ids)
        for _ in range(found.missing(wanted)):
            _DECOYS._found([DECOY.account.id])
        return attrs.evolve(found, holds=holds) if holds else found

    def _successors(self, account_id: AccountId) -> Iterator[AccountId]:
        credit = self._books.credits.get(account_id)
        while credit is not None and credit.successor_id is not None:
            yield credit.successor_id
            credit = self._books.credits[credit.successor_id]

    def _wanted_holds(self, wanted: Wanted) -> tuple[Hold, ...]:
        books = self._books
        ids = {*wanted.hold_ids, *(books.open_holds[order] for order in wanted.held_for if order in books.open_holds)}
        return tuple(books.holds[hold_id] for hold_id in sorted(ids) if hold_id in books.holds)

    def _found(self, ids: Iterable[AccountId], lot_ids: tuple[LotId, ...] = ()) -> Found:
        books, ordered = self._books, sorted(ids)
        accounts = {id_: self._with_empty(id_, lot_ids) for id_ in ordered}
        return Found(
            gift_cards=tuple(books.cards[id_].with_account(accounts[id_]) for id_ in ordered if id_ in books.cards),
            store_credit_accounts=tuple(
                books.credits[id_].with_account(accounts[id_]) for id_ in ordered if id_ in books.credits
            ),
        )

    def _with_empty(self, account_id: AccountId, lot_ids: tuple[LotId, ...]) -> Account:
        account, empty = self._books.accounts[account_id], self._books.empty_lots.get(account_id, {})
        asked = tuple(empty[lot_id] for lot_id in lot_ids if lot_id in empty)
        return (
            attrs.evolve(account, lots=tuple(sorted(account.lots + asked, key=lambda lot: lot.id)))
            if asked
            else account
        )

    def gift_cards(
        self, wanted: GiftCardFilter, sort: GiftCardSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        return _page(self._cards_that_fit(wanted), sort.place, descending=descending, after=after, limit=limit)

    def gift_card_sums(self, wanted: GiftCardFilter) -> tuple[CurrencySums, ...]:
        return sums_of(map(wanted.sums, self._cards_that_fit(wanted)))

    def expiring_gift_cards(
        self, now: datetime, until: datetime, *, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        places = {
            card: (to_micros(end), card.account.id)
            for card in self._cards()
            if card.status is GiftCardStatus.ACTIVE
            and (end := card.account.next_end(card.account.instant(now))) is not None
            and end <= until
        }
        return _page(places, places.__getitem__, descending=False, after=after, limit=limit)

    def store_credit_accounts(
        self, wanted: StoreCreditFilter, sort: StoreCreditSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[StoreCreditAccount, ...]:
        return _page(filter(wanted.fits, self._credits()), sort.place, descending=descending, after=after, limit=limit)

    def store_credit_sums(self, wanted: StoreCreditFilter) -> tuple[CurrencySums, ...]:
        return sums_of(map(wanted.sums, filter(wanted.fits, self._credits())))

    def _cards_that_fit(self, wanted: GiftCardFilter) -> Iterator[GiftCard]:
        return (card for card in self._cards() if wanted.fits(card, self._books.gifts.get(card.id)))

    def _cards(self) -> Iterator[GiftCard]:
        return (card.with_account(self._books.accounts[id_]) for id_, card in self._books.cards.items())

    def _credits(self) -> Iterator[StoreCreditAccount]:
        return (credit.with_account(self._books.accounts[id_]) for id_, credit in self._books.credits.items())

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        kept = [
            transfer
            for transfer in self._candidates(wanted)
            if _fits(transfer, wanted) and not (wanted.standing and self._is_reversed(transfer.id))
        ]
        if wanted.account_id is None:
            kept.sort(key=lambda transfer: (transfer.recorded_at, transfer.id))
        return iter(kept if wanted.limit is None else kept[: wanted.limit])

    def _candidates(self, wanted: TransferFilter) -> Iterable[Transfer]:
        books = self._books
        if wanted.ids is not None:
            return [books.transfers[id_] for id_ in wanted.ids if id_ in books.transfers]
        if wanted.refunds is not None:
            return [refund for id_ in wanted.refunds for refund in books.refunds.get(id_, ())]
        if wanted.account_id is not None:
            return books.entries.get(wanted.account_id, ())
        if wanted.order_id is not None:
            return books.order_transfers.get(wanted.order_id, ())
        return books.transfers.values()

    def spent_since(
        self, customer_id: str, currency: str, since: datetime, *, at: datetime, without: HoldId | None = None
    ) -> int:
        books, spent = self._books, 0
        for account in self.find(Wanted(owners=(customer_id,))).accounts():
            if account.currency == currency:
                spent += reserved_at(account.reservations, at, without=without)
                spent += sum(
                    transfer.amount
                    for transfer in books.entries.get(account.id, ())
                    if transfer.kind is TransferKind.REDEMPTION and transfer.recorded_at >= since
                )
        return spent

    def _is_reversed(self, transfer_id: TransferId) -> bool:
        return any(later.kind is TransferKind.REVERSAL for later in self._books.refunds.get(transfer_id, ()))

    def products(self, ids: tuple[str, ...], *, variants: tuple[str, ...] | None = None) -> tuple[GiftCardProduct, ...]:
        known = self._books.products
        return tuple(_with_variants(known[id_], variants) for id_ in sorted(set(ids)) if id_ in known)

    def page_of_products(self, after: str | None, limit: int, *, on_sale: bool) -> tuple[GiftCardProduct, ...]:
        known = self._books.products
        ids = sorted(id_ for id_ in known if after is None or id_ > after)
        kept = [known[id_] for id_ in ids if not on_sale or known[id_].retired_at is None]
        return tuple(kept[:limit])

    def sales(self) -> Iterator[GiftCardSale]:
        return iter([self._books.sales[order_id] for order_id in sorted(self._books.sales)])

    def balances_by_origin(self, as_of: datetime | None) -> tuple[OriginBalance, ...]:
        return sum_by_origin(
            Moved(transfer.currency, transfer.exponent, transfer.debit.lots, transfer.credit.lots)
            for transfer in self._books.transfers.values()
            if as_of is None or transfer.recorded_at <= as_of
        )

    def movements(self, since: datetime | None, until: datetime | None) -> tuple[Movement, ...]:
        sums: dict[Movement, Movement] = {}
        for transfer in self.transfers(TransferFilter(since=since, until=until)):
            houses = (transfer.debit.house, transfer.credit.house)
            kind = Movement(transfer.currency, transfer.exponent, transfer.kind, *houses, amount=0, count=0)
            known = sums.get(kind, kind)
            sums[kind] = attrs.evolve(known, amount=known.amount + transfer.amount, count=known.count + 1)
        return tuple(sums.values())

    def page_of_accounts(self, after: AccountId | None, limit: int) -> Found:
        ids = sorted(id_ for id_ in self._books.accounts if after is None or id_ > after)[:limit]
        lots = tuple(lot_id for id_ in ids for lot_id in self._books.empty_lots.get(id_, ()))
        return self._found(ids, lots)

    def whole_accounts(self, account_ids: tuple[AccountId, ...]) -> Found:
        ids = sorted({*account_ids} & self._books.accounts.keys())
        lots = tuple(lot_id for id_ in ids for lot_id in self._books.empty_lots.get(id_, ()))
        return self._found(ids, lots)

    def transfers_of(self, account_ids: tuple[AccountId, ...]) -> Iterator[tuple[AccountId, Transfer]]:
        for account_id in sorted(account_ids):
            for transfer in self._books.entries.get(account_id, ()):
                yield account_id, transfer

    def receipts(self) -> Iterator[Receipt]:
        return iter(sorted(self._books.all_receipts, key=lambda receipt: (receipt.recorded_at, receipt.id)))

    def recorded(self, after: int) -> Iterator[OutboxEntry]:
        # A dictionary keeps its order when a value is replaced, so this is the order of the positions.
        return iter([entry for entry in self._books.outbox.values() if entry.position > after])

    def undelivered(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        return self._outbox(lambda entry: entry.due_at is not None, after, limit)

    def dead_letters(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        return self._outbox(lambda entry: entry.dead_at is not None, after, limit)

    def outbox_entries(self, event_ids: tuple[str, ...]) -> tuple[OutboxEntry, ...]:
        found = [self._books.outbox[id_] for id_ in {*event_ids} if id_ in self._books.outbox]
        return tuple(sorted(found, key=lambda entry: entry.position))

    def _outbox(self, wanted: Callable[[OutboxEntry], bool], after: int, limit: int) -> tuple[OutboxEntry, ...]:
        # A dictionary keeps its order when a value is replaced, so this is the order of the positions.
        beyond = (entry for entry in self._books.outbox.values() if entry.position > after and wanted(entry))
        return tuple(islice(beyond, limit))

    def open_hold(self, order_id: str) -> Hold | None:
        hold_id = self._books.open_holds.get(order_id)
        return None if hold_id is None else self._books.holds[hold_id]

    def holds(self) -> Iterator[Hold]:
        return iter([self._books.holds[hold_id] for hold_id in sorted(self._books.holds)])

    def gifts(self, gift_card_ids: tuple[GiftCardId, ...]) -> tuple[Gift, ...]:
        gifts = self._books.gifts
        return tuple(gifts[card_id] for card_id in sorted({*gift_card_ids}) if card_id in gifts)

    def all_gifts(self) -> Iterator[Gift]:
        return iter([self._books.gifts[card_id] for card_id in sorted(self._books.gifts)])

    def holds_captured_wrong(self) -> tuple[HoldId, ...]:
        taken = defaultdict[HoldId, int](int)
        for transfer in self._books.transfers.values():
            if transfer.hold_id is not None:
                taken[transfer.hold_id] += transfer.amount
        holds = sorted(self._books.holds.values(), key=lambda hold: hold.id)
        return tuple(hold.id for hold in holds if not taken[hold.id] == hold.captured <= hold.amount)

    def unattached_transfers(self) -> tuple[TransferId, ...]:
        books = self._books
        return tuple(
            transfer.id
            for transfer in books.transfers.values()
            if any(id_ is not None and id_ not in books.accounts for id_ in _accounts_of(transfer))
            or (transfer.refunds is not None and transfer.refunds not in books.transfers)
            or (transfer.hold_id is not None and transfer.hold_id not in books.holds)
        )

    def batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        return self._books.batches.get(batch_id)

    def batches(self) -> Iterator[GiftCardBatch]:
        return iter([self._books.batches[batch_id] for batch_id in sorted(self._books.batches)])

    def cards_of_batch(self, batch_id: BatchId, after: int, limit: int) -> tuple[GiftCard, ...]:
        books = self._books
        units = books.batch_cards.get(batch_id, {})
        ids = [units[unit] for unit in sorted(units) if unit > after][:limit]
        return tuple(books.cards[id_].with_account(books.accounts[id_]) for id_ in ids)

    def imported(self, source: str, source_ids: tuple[str, ...]) -> tuple[ImportedCard, ...]:
        known = self._books.imported
        return tuple(known[source, id_] for id_ in sorted(set(source_ids)) if (source, id_) in known)

    def imported_cards(self) -> Iterator[ImportedCard]:
        return iter([self._books.imported[key] for key in sorted(self._books.imported)])

    def digests_taken(self, digests: tuple[str, ...]) -> frozenset[str]:
        return frozenset(digest for digest in digests if digest in self._books.digests)

    def batches_issued_wrong(self) -> tuple[BatchId, ...]:
        issued = self._books.batch_cards
        return tuple(
            batch.id for batch in self.batches() if issued.get(batch.id, {}).keys() != set(range(1, batch.issued + 1))
        )

    def redemptions_refunded_too_much(self) -> tuple[TransferId, ...]:
        transfers, given = self._books.transfers, defaultdict[TransferId, int](int)
        for transfer in transfers.values():
            if transfer.refunds is not None and not self._is_reversed(transfer.id):
                given[transfer.refunds] += transfer.amount
        return tuple(id_ for id_ in sorted(given) if id_ in transfers and given[id_] > transfers[id_].amount)


_DECOYS = _MemoryReader(_Books(accounts={DECOY.account.id: DECOY.account}, cards={DECOY.account.id: DECOY}))
"""Searched where a code leads to no card, so that it takes as long as where it leads to one."""


class _MemoryUnitOfWork(_MemoryReader):
    def __init__(self, books: _Books) -> None:
        super().__init__(books)
        self._written: Changes | None = None

    def lock(self, wanted: Wanted) -> Found:
        return self.find(wanted)

    def lock_order(self, order_id: str) -> RefundedOrder:
        return RefundedOrder(order_id, self._books.refunded_orders.get(order_id, 0))

    def lock_sale(self, order_id: str) -> GiftCardSale:
        return self._books.sales.get(order_id, GiftCardSale(order_id=order_id))

    def lock_batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        return self.batch(batch_id)

    def receipt(self, idempotency_key: str) -> Receipt | None:
        return self._books.receipts.get(idempotency_key)

    def used_keys(self, idempotency_keys: tuple[str, ...]) -> frozenset[str]:
        return frozenset(self._books.receipts.keys() & set(idempotency_keys))

    def accounts_with_expired_value(self, at: datetime, limit: int) -> tuple[AccountId, ...]:
        due = sorted(
            (min(lot.expires_at for lot in expired if lot.expires_at is not None), account.id)
            for account in self._books.accounts.values()
            if (expired := [lot for lot in account.lots if lot.free > 0 and lot.is_expired(at)])
        )
        return tuple(account_id for _, account_id in due[:limit])

    def lapsed_holds(self, at: datetime, limit: int) -> tuple[Hold, ...]:
        open_holds = [self._books.holds[hold_id] for hold_id in self._books.open_holds.values()]
        lapsed = [hold for hold in open_holds if hold.status_at(at) is HoldStatus.LAPSED]
        return tuple(sorted(lapsed, key=lambda hold: (hold.lapses_at, hold.id))[:limit])

    def due_gifts(self, at: datetime, limit: int) -> tuple[Gift, ...]:
        books = self._books
        due = [
            gift
            for gift in books.gifts.values()
            if gift.is_due(at) and books.cards[books.card_accounts[gift.gift_card_id]].status is GiftCardStatus.ACTIVE
        ]
        return tuple(sorted(due, key=lambda gift: (gift.send_at, gift.gift_card_id))[:limit])

    def accounts_naming(self, person: Person, after: str | None, limit: int) -> tuple[AccountId, ...]:
        books = self._books
        own = [id_ for id_, credit in books.credits.items() if credit.customer_id == person.customer_id]
        return _next([*own, *(id_ for id_, card in books.cards.items() if _names(card, person))], after, limit)

    def holds_naming(self, person: Person, after: str | None, limit: int) -> tuple[Hold, ...]:
        holds = self._books.holds
        own = [id_ for id_, hold in holds.items() if hold.customer_id == person.customer_id]
        return tuple([holds[id_] for id_ in _next(own, after, limit)])

    def gifts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Gift, ...]:
        gifts = self._books.gifts
        named = [
            id_ for id_, one in gifts.items() if person.may_be_in((one.address, one.name, one.sender, one.message))
        ]
        return tuple([gifts[id_] for id_ in _next(named, after, limit)])

    def transfers_naming(self, person: Person, after: str | None, limit: int) -> tuple[Transfer, ...]:
        transfers = self._books.transfers
        named = [id_ for id_, transfer in transfers.items() if person.may_be_in(*_said_in(transfer))]
        return tuple([transfers[id_] for id_ in _next(named, after, limit)])

    def receipts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Receipt, ...]:
        receipts = {receipt.id: receipt for receipt in self._books.all_receipts}
        named = [id_ for id_, one in receipts.items() if person.may_be_in((), (one.result, one.event_data))]
        return tuple([receipts[id_] for id_ in _next(named, after, limit)])

    def write(self, changes: Changes) -> bool:
        receipt = changes.receipt
        if receipt is not None and receipt.idempotency_key in self._books.receipts:
            return False
        self._require_current(changes)
        self._require_unique(changes)
        self._written = changes
        return True

    def _require_current(self, changes: Changes) -> None:
        for change in changes.accounts:
            stored = self._books.accounts.get(change.before.id)
            if stored is None or stored.version != change.before.version:
                raise ConcurrentUpdate
        for held in changes.holds:
            if self._books.holds[held.before.id].version != held.before.version:
                raise ConcurrentUpdate
        if any(self._books.outbox[one.before.id].attempts != one.before.attempts for one in changes.outbox):
            raise ConcurrentUpdate
        if any(self._books.gifts.get(one.before.gift_card_id) != one.before for one in changes.gifts):
            raise ConcurrentUpdate
        if any(self.lock_order(order.order_id) != order for order in changes.refunded_orders):
            raise ConcurrentUpdate
        if any(self.lock_sale(sale.order_id).version != sale.version for sale in changes.sales):
            raise ConcurrentUpdate
        for batch in changes.batches:
            known = self.batch(batch.id)
            if batch.version > 1 and (known is None or known.version != batch.version - 1):
                raise ConcurrentUpdate
        if any((one.source, one.source_id) in self._books.imported for one in changes.imported_cards):
            raise ConcurrentUpdate
        self._require_current_products(changes)

    def _require_current_products(self, changes: Changes) -> None:
        known = self._books.products
        if any(known[change.before.id].version != change.before.version for change in changes.products):
            raise ConcurrentUpdate
        if any(product.id in known for product in changes.new_products):
            raise ConcurrentUpdate

    def _require_unique(self, changes: Changes) -> None:
        books = self._books
        cards = (*changes.new_gift_cards, *changes.gift_cards)
        taken = any(books.digests.get(card.code_digest, card.account.id) != card.account.id for card in cards)
        taken |= any(_unit(card) in books.units for card in changes.new_gift_cards)
        taken |= any(account.id in books.accounts for account in changes.new_accounts())
        taken |= any(transfer.id in books.transfers for transfer in changes.transfers)
        taken |= any(hold.id in books.holds for hold in changes.new_holds)
        taken |= any(batch.version == 1 and batch.id in books.batches for batch in changes.batches)
        taken |= any(
            transfer.refunds is not None and self._is_reversed(transfer.refunds)
            for transfer in changes.transfers
            if transfer.kind is TransferKind.REVERSAL
        )
        if taken:
            raise DuplicateRecord
        ended = {change.before.id for change in changes.holds if change.after.status is not HoldStatus.OPEN}
        if any(books.open_holds.get(hold.order_id, hold.id) not in {hold.id, *ended} for hold in changes.new_holds):
            raise ConcurrentUpdate
        if any(
            credit.account.currency in books.customers.get(credit.customer_id, {})
            for credit in changes.new_store_credit_accounts
        ):
            raise ConcurrentUpdate

    def apply(self) -> None:
        """Keep what was written. Nothing here can fail half-way: all was checked before."""
        changes, books = self._written, self._books
        if changes is None:
            return
        for card in changes.new_gift_cards:
            self._add_card(card)
        for credit in changes.new_store_credit_accounts:
            books.credits[credit.id] = credit
            books.customers[credit.customer_id][credit.account.currency] = credit.id
        for account in changes.new_accounts():
            self._keep(account)
        for card in changes.gift_cards:
            self._change_card(card)
        for credit in changes.store_credit_accounts:
            self._change_credit(credit)
        for change in changes.accounts:
            self._keep(change.after)
        for hold in (*(change.after for change in changes.holds), *changes.new_holds):
            self._keep_hold(hold)
        for gift in (*(change.after for change in changes.gifts), *changes.new_gifts):
            books.gifts[gift.gift_card_id] = gift
        for order in changes.refunded_orders:
            books.refunded_orders[order.order_id] = order.version + 1
        for sale in changes.sales:
            books.sales[sale.order_id] = attrs.evolve(sale, version=sale.version + 1)
        for product in (*changes.new_products, *(change.after for change in changes.products)):
            books.products[product.id] = product
        for batch in changes.batches:
            books.batches[batch.id] = batch
        for imported in changes.imported_cards:
            books.imported[imported.source, imported.source_id] = imported
        for transfer in changes.transfers:
            self._append(transfer)
        if changes.erased_holds or changes.erased_transfers or changes.erased_receipts:
            self._erase(changes)
        for entry in (change.after for change in changes.outbox):
            books.outbox[entry.id] = entry.saying(books.outbox[entry.id].event_data)
        if changes.receipt is not None:
            self._add_receipt(changes.receipt)
            if changes.receipt.idempotency_key is not None:
                books.receipts[changes.receipt.idempotency_key] = changes.receipt

    def _erase(self, changes: Changes) -> None:
        books = self._books
        books.holds.update({hold.id: hold for hold in changes.erased_holds})
        erased = {transfer.id: transfer for transfer in changes.erased_transfers}
        books.transfers.update(erased)
        for kept in (*books.entries.values(), *books.order_transfers.values(), *books.refunds.values()):
            kept[:] = [erased.get(transfer.id, transfer) for transfer in kept]
        receipts = {receipt.id: receipt for receipt in changes.erased_receipts}
        books.all_receipts[:] = [receipts.get(receipt.id, receipt) for receipt in books.all_receipts]
        for receipt in receipts.values():
            books.outbox[receipt.id] = books.outbox[receipt.id].saying(receipt.event_data)
            if receipt.idempotency_key is not None:
                books.receipts[receipt.idempotency_key] = receipt

    def _add_receipt(self, receipt: Receipt) -> None:
        books = self._books
        books.all_receipts.append(receipt)
        books.outbox[receipt.id] = OutboxEntry(
            id=receipt.id,
            position=len(books.all_receipts),
            event=receipt.event,
            event_data=receipt.event_data,
            recorded_at=receipt.recorded_at,
            about=receipt.about,
            due_at=receipt.recorded_at,
        )

    def _add_card(self, card: GiftCard) -> None:
        books = self._books
        books.cards[card.account.id] = card
        books.card_accounts[card.id] = card.account.id
        books.digests[card.code_digest] = card.account.id
        if card.order_id is not None:
            books.bought_in[card.order_id].append(card.account.id)
        if (unit := _unit(card)) is not None:
            books.units.add(unit)
        if card.batch_id is not None and card.unit is not None:
            books.batch_cards[card.batch_id][card.unit] = card.account.id
        self._change_card(card)

    def _change_card(self, card: GiftCard) -> None:
        books, account_id = self._books, card.account.id
        before = books.cards[account_id]
        if before.customer_id is not None:
            books.claimed[before.customer_id].discard(account_id)
        if card.customer_id is not None:
            books.claimed[card.customer_id].add(account_id)
        books.digests.pop(before.code_digest, None)
        books.digests[card.code_digest] = account_id
        books.cards[account_id] = card

    def _change_credit(self, credit: StoreCreditAccount) -> None:
        books, currency = self._books, credit.account.currency
        before = books.credits[credit.id].customer_id
        if before != credit.customer_id:
            del books.customers[before][currency]
            books.customers[credit.customer_id][currency] = credit.id
        books.credits[credit.id] = credit

    def _keep_hold(self, hold: Hold) -> None:
        books = self._books
        books.holds[hold.id] = hold
        if hold.status is HoldStatus.OPEN:
            books.open_holds[hold.order_id] = hold.id
        elif books.open_holds.get(hold.order_id) == hold.id:
            del books.open_holds[hold.order_id]

    def _keep(self, account: Account) -> None:
        live, empty = [], self._books.empty_lots[account.id]
        for lot in account.lots:
            if lot.remaining > 0:
                live.append(lot)
                empty.pop(lot.id, None)
            else:
                empty[lot.id] = lot
        self._books.accounts[account.id] = attrs.evolve(account, lots=tuple(sorted(live, key=lambda lot: lot.id)))

    def _append(self, transfer: Transfer) -> None:
        books = self._books
        books.transfers[transfer.id] = transfer
        for account_id in _accounts_of(transfer):
            if account_id is not None:
                books.entries[account_id].append(transfer)
        if transfer.order_id is not None:
            books.order_transfers[transfer.order_id].append(transfer)
        if transfer.refunds is not None:
            books.refunds[transfer.refunds].append(transfer)


def _page(
    things: Iterable[Listed],
    place_of: Callable[[Listed], Place],
    *,
    descending: bool,
    after: Place | None,
    limit: int,
) -> tuple[Listed, ...]:
    """Return the first things beyond a place, in the order of their places."""
    ordered = sorted([(_rank(place_of(thing)), thing) for thing in things], key=itemgetter(0), reverse=descending)
    beyond = gt if not descending else lt
    return tuple([thing for rank, thing in ordered if after is None or beyond(rank, _rank(after))][:limit])


def _rank(place: Place) -> tuple[bool, Any, str]:
    """Return what places compare by: a key that is None comes after every other."""
    key, id_ = place
    return key is None, 0 if key is None else key, id_


def _next(ids: Iterable[Id], after: str | None, limit: int) -> tuple[Id, ...]:
    return tuple(sorted(id_ for id_ in ids if after is None or id_ > after)[:limit])


def _names(card: GiftCard, person: Person) -> bool:
    metadata = None if card.metadata is None else card.metadata.json
    is_theirs = person.customer_id in {card.customer_id, card.buyer_id}
    return is_theirs or person.may_be_in((card.recipient, card.note, *card.tags), (metadata,))


def _said_in(transfer: Transfer) -> tuple[tuple[str | None, ...], tuple[str | None]]:
    """Return the texts beside a transfer, and its metadata."""
    reference = None if transfer.reference is None else transfer.reference.id
    metadata = None if transfer.metadata is None else transfer.metadata.json
    return (transfer.actor, transfer.reason, transfer.note, reference), (metadata,)


def _accounts_of(transfer: Transfer) -> tuple[AccountId | None, AccountId | None]:
    return transfer.debit.account_id, transfer.credit.account_id


def _with_variants(product: GiftCardProduct, variants: tuple[str, ...] | None) -> GiftCardProduct:
    if variants is None:
        return product
    kept = tuple(one for one in product.denominations if one.variant_id in variants)
    return attrs.evolve(product, denominations=kept)


def _unit(card: GiftCard) -> tuple[str | None, str | None, int] | None:
    """Return the one thing of an order or of a batch that became this card, if it is one."""
    if card.unit is None:
        return None
    return (card.order_id, card.line_id, card.unit) if card.batch_id is None else (card.batch_id, None, card.unit)


def _fits(transfer: Transfer, wanted: TransferFilter) -> bool:
    return (
        (wanted.account_id is None or wanted.account_id in _accounts_of(transfer))
        and (wanted.after is None or _sequence(transfer, wanted) > wanted.after)
        and (wanted.order_id is None or transfer.order_id == wanted.order_id)
        and (wanted.kind is None or transfer.kind is wanted.kind)
        and (wanted.ids is None or transfer.id in wanted.ids)
        and (wanted.refunds is None or transfer.refunds in wanted.refunds)
        and (wanted.since is None or transfer.recorded_at >= wanted.since)
        and (wanted.until is None or transfer.recorded_at < wanted.until)
    )


def _sequence(transfer: Transfer, wanted: TransferFilter) -> int:
    return 0 if wanted.account_id is None else transfer.side_of(wanted.account_id).sequence or 0
