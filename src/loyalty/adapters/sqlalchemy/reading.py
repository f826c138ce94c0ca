"""The reader, on one connection: load rows, turn them into entities. No rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from json import dumps, loads
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Table

from loyalty.adapters.sqlalchemy.driver import Driver, Parameters, Rows
from loyalty.adapters.sqlalchemy.listing import Lists, sums_in
from loyalty.adapters.sqlalchemy.rows import (
    account_of,
    account_row,
    batch_of,
    denomination_of,
    gift_card_of,
    gift_card_row,
    gift_of,
    hold_of,
    imported_card_of,
    lot_of,
    lot_row,
    moves_of,
    outbox_entry_of,
    product_of,
    receipt_of,
    reservations_of,
    sale_of,
    store_credit_of,
    transfer_of,
)
from loyalty.adapters.sqlalchemy.statements import Statements, shape_of
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.clock import to_micros
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.decoy import DECOY
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId, GiftCardId, HoldId, TransferId
from loyalty.ledger.hold import Hold, reserved_at
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.listing import CurrencySums, Place, sums_of
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.origin_balance import Moved, OriginBalance, sum_by_origin
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Movement, TransferFilter, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.store_credit.listing import StoreCreditFilter, StoreCreditSort

__all__ = ["SqlReader", "found_in", "with_equal_work"]

ID, VERSION = 1, 7
"""Where a loaded row has the account's id and version; its first value is the version that was locked."""

_TABLES = Tables.named()


def _after(before: int, table: Table) -> slice:
    """Return where a row has the columns of *table*, from *before* on."""
    return slice(before, before + len(table.columns))


ACCOUNT = _after(1, _TABLES.account)
GIFT_CARD = _after(ACCOUNT.stop, _TABLES.gift_card)
STORE_CREDIT = _after(GIFT_CARD.stop, _TABLES.store_credit)
LOT = _after(STORE_CREDIT.stop, _TABLES.lot)
HOLDS: int = LOT.stop
"""The holds that were wanted, the same in every row; not there if none were."""

HELD = 3
"""Where a row of sums says on how many accounts something is held."""

TRANSFER = _after(0, _TABLES.transfer)
PRODUCT = _after(0, _TABLES.gift_card_product)
DENOMINATION = _after(PRODUCT.stop, _TABLES.denomination)

DECOY_ROW = (
    DECOY.account.version,
    *account_row(DECOY.account),
    *gift_card_row(DECOY),
    *[None] * (STORE_CREDIT.stop - STORE_CREDIT.start),
    *lot_row(DECOY.account.lots[0], DECOY.account.id),
)
"""What a load would answer for the decoy."""


class SqlReader:
    """Answers from one connection, inside whatever transaction it is in."""

    def __init__(self, driver: Driver, statements: Statements) -> None:
        """Keep the connection; nothing is read yet."""
        self._driver = driver
        self._statements = statements
        self._lists = Lists(statements)

    def find(self, wanted: Wanted) -> Found:
        """Load cards and accounts without locking them."""
        shape, values = shape_of(wanted)
        if not values:
            return Found()
        text = self._statements.load(shape, len(wanted.lot_ids))
        rows = self._loaded(text, wanted.hold_ids + wanted.held_for + wanted.lot_ids + values)
        return with_equal_work(found_in(rows) if rows else self._holds_without_accounts(wanted), wanted)

    def _holds_without_accounts(self, wanted: Wanted) -> Found:
        """
        Load holds that no tender was there for, which no row of an account could bring along.

        Not for a code that leads nowhere: it is refused whatever is held, and one statement more would tell it from
        one that leads to a card.
        """
        names = wanted.hold_ids + wanted.held_for
        if not names or wanted.codes:
            return Found()
        text = self._statements.holds_named(len(wanted.hold_ids), len(wanted.held_for))
        return Found(holds=tuple(map(hold_of, self._rows(text, names))))

    def gift_cards(
        self, wanted: GiftCardFilter, sort: GiftCardSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """Load a page of a list of cards."""
        text = self._lists.cards(wanted, sort, descending=descending, after=after, limit=limit)
        return found_in(self._loaded(*text)).gift_cards

    def gift_card_sums(self, wanted: GiftCardFilter) -> tuple[CurrencySums, ...]:
        """Sum a list of cards; the database does, except for what can be spent beside what is held."""
        rows = self._rows(*self._lists.card_sums(wanted))
        held = self._each(*self._lists.cards_with_holds(wanted)) if _has_held(rows) else ()
        spendable = [_only_available(wanted.sums(card)) for found in held for card in found.gift_cards]
        return sums_of([*sums_in(rows), *spendable])

    def expiring_gift_cards(
        self, now: datetime, until: datetime, *, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """Load a page of the cards with value that ends."""
        return found_in(self._loaded(*self._lists.expiring(now, until, after=after, limit=limit))).gift_cards

    def store_credit_accounts(
        self, wanted: StoreCreditFilter, sort: StoreCreditSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[StoreCreditAccount, ...]:
        """Load a page of a list of store credit accounts."""
        text = self._lists.credits(wanted, sort, descending=descending, after=after, limit=limit)
        return found_in(self._loaded(*text)).store_credit_accounts

    def store_credit_sums(self, wanted: StoreCreditFilter) -> tuple[CurrencySums, ...]:
        """Sum a list of accounts; as for cards."""
        rows = self._rows(*self._lists.credit_sums(wanted))
        held = self._each(*self._lists.credits_with_holds(wanted)) if _has_held(rows) else ()
        spendable = [_only_available(wanted.sums(credit)) for found in held for credit in found.store_credit_accounts]
        return sums_of([*sums_in(rows), *spendable])

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        """Yield transfers, streaming."""
        if wanted.ids == () or wanted.refunds == ():
            return iter(())
        text, parameters = self._statements.transfers(wanted)
        bounded = wanted.limit is not None or wanted.ids is not None or wanted.refunds is not None
        rows = self._rows(text, parameters) if bounded else self._stream(text, parameters)
        return map(transfer_of, (row[TRANSFER] for row in rows))

    def spent_since(
        self, customer_id: str, currency: str, since: datetime, *, at: datetime, without: HoldId | None = None
    ) -> int:
        """Sum what a customer's own value pays for orders."""
        who = (customer_id, currency)
        rows = self._rows(self._statements.spent_since(), (*who, *who, to_micros(since)))
        return sum(int(spent) + reserved_at(reservations_of(kept), at, without=without) for spent, kept in rows)

    def products(self, ids: tuple[str, ...], *, variants: tuple[str, ...] | None = None) -> tuple[GiftCardProduct, ...]:
        """Load products with their denominations."""
        if not ids:
            return ()
        text = self._statements.products(len(ids), None if variants is None else len(variants))
        return _products_in(self._rows(text, (variants or ()) + ids))

    def page_of_products(self, after: str | None, limit: int, *, on_sale: bool) -> tuple[GiftCardProduct, ...]:
        """Load the next products with all their denominations."""
        return _products_in(self._rows(self._statements.page_of_products(on_sale=on_sale), (after or "", limit)))

    def sales(self) -> Iterator[GiftCardSale]:
        """Yield every sale, streaming."""
        return map(sale_of, self._stream(f"{self._statements.sales()} ORDER BY s.order_id", ()))

    def balances_by_origin(self, as_of: datetime | None) -> tuple[OriginBalance, ...]:
        """Sum what is owed per currency and origin."""
        if as_of is None:
            sums = self._rows(self._statements.owed_by_origin(), ())
            return tuple(OriginBalance(row[0], row[1], LotOrigin(row[2]), int(row[3])) for row in sums)
        moves = self._stream(self._statements.moves_until(), (to_micros(as_of),))
        return sum_by_origin(Moved(row[0], row[1], moves_of(row[2]), moves_of(row[3])) for row in moves)

    def movements(self, since: datetime | None, until: datetime | None) -> tuple[Movement, ...]:
        """Sum transfers per kind and sides."""
        text, parameters = self._statements.movements(TransferFilter(since=since, until=until))
        return tuple(
            Movement(currency, exponent, TransferKind(kind), _house(debit), _house(credit), int(amount), count)
            for currency, exponent, kind, debit, credit, amount, count in self._rows(text, parameters)
        )

    def page_of_accounts(self, after: AccountId | None, limit: int) -> Found:
        """Load the next accounts with every lot."""
        return found_in(self._loaded(self._statements.page(), (after or "", limit)))

    def whole_accounts(self, account_ids: tuple[AccountId, ...]) -> Found:
        """Load accounts with every lot."""
        if not account_ids:
            return Found()
        return found_in(self._loaded(self._statements.whole_accounts(len(account_ids)), account_ids))

    def transfers_of(self, account_ids: tuple[AccountId, ...]) -> Iterator[tuple[AccountId, Transfer]]:
        """Yield every transfer of these accounts, streaming."""
        if not account_ids:
            return
        text = self._statements.transfers_of(len(account_ids))
        for row in self._stream(text, account_ids + account_ids):
            yield AccountId(row[TRANSFER.stop]), transfer_of(row[TRANSFER])

    def unattached_transfers(self) -> tuple[TransferId, ...]:
        """Return transfers that name something that is not there."""
        return tuple(TransferId(row[0]) for row in self._rows(self._statements.unattached(), ()))

    def open_hold(self, order_id: str) -> Hold | None:
        """Return the open hold of an order."""
        rows = self._rows(self._statements.holds_named(0, 1), (order_id,))
        return hold_of(rows[0]) if rows else None

    def holds(self) -> Iterator[Hold]:
        """Yield every hold, streaming."""
        return map(hold_of, self._stream(self._statements.holds(" ORDER BY h.id"), ()))

    def gifts(self, gift_card_ids: tuple[GiftCardId, ...]) -> tuple[Gift, ...]:
        """Return to whom these cards are sent."""
        if not gift_card_ids:
            return ()
        return tuple(map(gift_of, self._rows(self._statements.gifts_of(len(gift_card_ids)), gift_card_ids)))

    def all_gifts(self) -> Iterator[Gift]:
        """Yield every gift, streaming."""
        return map(gift_of, self._stream(self._statements.gifts(" ORDER BY g.gift_card_id"), ()))

    def holds_captured_wrong(self) -> tuple[HoldId, ...]:
        """Return holds whose redemptions say something else."""
        return tuple(HoldId(row[0]) for row in self._rows(self._statements.holds_captured_wrong(), ()))

    def batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """Return a batch, or None."""
        rows = self._rows(self._statements.batch_of_id(), (batch_id,))
        return batch_of(rows[0]) if rows else None

    def batches(self) -> Iterator[GiftCardBatch]:
        """Yield every batch, streaming."""
        return map(batch_of, self._stream(self._statements.batches(), ()))

    def cards_of_batch(self, batch_id: BatchId, after: int, limit: int) -> tuple[GiftCard, ...]:
        """Load the next cards of a batch."""
        return found_in(self._loaded(self._statements.cards_of_batch(), (batch_id, after, limit))).gift_cards

    def imported(self, source: str, source_ids: tuple[str, ...]) -> tuple[ImportedCard, ...]:
        """Return what is known of these cards of another system."""
        if not source_ids:
            return ()
        text = self._statements.imported(len(source_ids))
        return tuple(map(imported_card_of, self._rows(text, (source, *source_ids))))

    def imported_cards(self) -> Iterator[ImportedCard]:
        """Yield every imported card, streaming."""
        return map(imported_card_of, self._stream(self._statements.imported_cards(), ()))

    def digests_taken(self, digests: tuple[str, ...]) -> frozenset[str]:
        """Return those of the digests that are of a card's present code."""
        if not digests:
            return frozenset()
        return frozenset(row[0] for row in self._rows(self._statements.digests_taken(len(digests)), digests))

    def batches_issued_wrong(self) -> tuple[BatchId, ...]:
        """Return batches whose cards are not those that they say were issued."""
        return tuple(BatchId(row[0]) for row in self._rows(self._statements.batches_issued_wrong(), ()))

    def redemptions_refunded_too_much(self) -> tuple[TransferId, ...]:
        """Return transfers of which more was given back than they moved."""
        return tuple(TransferId(row[0]) for row in self._rows(self._statements.refunded_too_much(), ()))

    def receipts(self) -> Iterator[Receipt]:
        """Yield every receipt, streaming."""
        return map(receipt_of, self._stream(self._statements.receipts(" ORDER BY r.recorded_at, r.id"), ()))

    def recorded(self, after: int) -> Iterator[OutboxEntry]:
        """Yield events in the order in which they were numbered, streaming."""
        return map(outbox_entry_of, self._stream(self._statements.recorded(), (after,)))

    def undelivered(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """Return events that are still to leave."""
        return tuple(map(outbox_entry_of, self._rows(self._statements.undelivered(), (after, limit))))

    def dead_letters(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """Return events that were given up."""
        return tuple(map(outbox_entry_of, self._rows(self._statements.dead_letters(), (after, limit))))

    def outbox_entries(self, event_ids: tuple[str, ...]) -> tuple[OutboxEntry, ...]:
        """Return these events and how far each has come."""
        if not event_ids:
            return ()
        return tuple(map(outbox_entry_of, self._rows(self._statements.outbox_entries(len(event_ids)), event_ids)))

    def _loaded(self, text: str, parameters: Parameters) -> list[list[Any]]:
        """Return the rows of a load, which come as one JSON array each."""
        return [loads(row[0]) for row in self._rows(text, parameters)]

    def _each(self, text: str, parameters: Parameters) -> Iterator[Found]:
        """Yield what a load finds account by account, streaming."""
        rows = map(loads, map(itemgetter(0), self._stream(text, parameters)))
        return (found_in(list(group)) for _, group in groupby(rows, key=itemgetter(ID)))

    def _rows(self, text: str, parameters: Parameters) -> Rows:
        return self._driver.rows(text, parameters)

    def _stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        return self._driver.stream(text, parameters)


def with_equal_work(found: Found, wanted: Wanted) -> Found:
    """
    Return *found*, after reading a decoy for each code that led to no card.

    The array is made here, as the database makes one of each real row.
    """
    for _ in range(found.missing(wanted)):
        found_in([loads(dumps(DECOY_ROW))])
    return found


def _has_held(rows: Rows) -> bool:
    return any(row[HELD] for row in rows)


def _only_available(sums: CurrencySums) -> CurrencySums:
    """Return sums with nothing in them but what can be spent; the database added up the rest."""
    return CurrencySums(currency=sums.currency, exponent=sums.exponent, available=sums.available)


def _house(name: str | None) -> HouseAccount | None:
    return None if name is None else HouseAccount(name)


def found_in(rows: Sequence[Sequence[Any]]) -> Found:
    """Fold rows, one per account and lot, into cards and accounts."""
    cards: list[GiftCard] = []
    accounts: list[StoreCreditAccount] = []
    for _, group in groupby(rows, key=itemgetter(ID)):
        own = list(group)
        first = own[0]
        lots = tuple([lot_of(row[LOT]) for row in own if row[LOT.start] is not None])
        account = account_of(first[ACCOUNT], lots)
        if first[GIFT_CARD.start] is not None:
            cards.append(gift_card_of(first[GIFT_CARD], account))
        else:
            accounts.append(store_credit_of(first[STORE_CREDIT], account))
    return Found(gift_cards=tuple(cards), store_credit_accounts=tuple(accounts), holds=_holds_in(rows))


def _products_in(rows: Sequence[Sequence[Any]]) -> tuple[GiftCardProduct, ...]:
    """Fold rows, one per product and denomination, into products."""
    products = []
    for _, group in groupby(rows, key=itemgetter(0)):
        own = list(group)
        offered = [row[DENOMINATION] for row in own if row[DENOMINATION.start] is not None]
        products.append(product_of(own[0][PRODUCT], tuple(map(denomination_of, offered))))
    return tuple(products)


def _holds_in(rows: Sequence[Sequence[Any]]) -> tuple[Hold, ...]:
    if not rows or len(rows[0]) <= HOLDS or rows[0][HOLDS] is None:
        return ()
    holds = rows[0][HOLDS]
    found = map(hold_of, loads(holds) if isinstance(holds, str) else holds)
    return tuple(sorted(found, key=attrgetter("id")))
