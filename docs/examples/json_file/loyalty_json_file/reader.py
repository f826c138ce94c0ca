"""Reading. Every answer is looked for in all records: there is no index, and so none that can be wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from loyalty import GiftCardProduct, GiftCardSort, GiftCardStatus, HoldStatus, StoreCreditSort, TransferKind
from loyalty.clock import to_micros
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.listing import GiftCardFilter
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId, GiftCardId, HoldId, LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, reserved_at
from loyalty.ledger.listing import CurrencySums, Place, sums_of
from loyalty.ledger.origin_balance import Moved, OriginBalance, sum_by_origin
from loyalty.ledger.transfer import Transfer
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Movement, TransferFilter, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.store_credit.listing import StoreCreditFilter
from loyalty_json_file.books import Books

__all__ = ["BY_CARD", "BY_ID", "BooksReader"]

Record = TypeVar("Record")

BY_ID = attrgetter("id")
BY_CARD = attrgetter("gift_card_id")


class BooksReader:
    """Answers what queries ask, from books that do not change meanwhile."""

    def __init__(self, books: Books) -> None:
        """Keep the books."""
        self.books = books

    # --- cards and accounts ---------------------------------------------------

    def find(self, wanted: Wanted) -> Found:
        """Load cards and accounts, in the order of account ids."""
        # Found knows what a Wanted leads to. Every card is looked at, whether or not a code leads to one, so
        # the time of an answer tells a stranger nothing; whoever has an index reads loyalty's DECOY instead.
        found = Found(
            gift_cards=tuple(self.books.gift_cards.values()),
            store_credit_accounts=tuple(self.books.store_credit_accounts.values()),
            holds=self._holds_of(wanted),
        ).still(wanted)
        return _in_order(found, lambda account: _carrying(account, wanted.lot_ids))

    def _holds_of(self, wanted: Wanted) -> tuple[Hold, ...]:
        open_for = {hold.id for hold in map(self.open_hold, wanted.held_for) if hold is not None}
        return tuple(hold for hold in self.holds() if hold.id in {*wanted.hold_ids, *open_for})

    def page_of_accounts(self, after: AccountId | None, limit: int) -> Found:
        """Load the next cards and accounts, with every lot."""
        books = self.books
        ids = _next((*books.gift_cards, *books.store_credit_accounts), after, limit)
        return self.whole_accounts(tuple(AccountId(id_) for id_ in ids))

    def whole_accounts(self, account_ids: tuple[AccountId, ...]) -> Found:
        """Load cards and accounts by their ids, with every lot."""
        books, ids = self.books, sorted({*account_ids})
        found = Found(
            gift_cards=tuple(books.gift_cards[id_] for id_ in ids if id_ in books.gift_cards),
            store_credit_accounts=tuple(
                books.store_credit_accounts[id_] for id_ in ids if id_ in books.store_credit_accounts
            ),
        )
        return _in_order(found, lambda account: account)

    def gift_cards(
        self, wanted: GiftCardFilter, sort: GiftCardSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """Load a page of a list of cards."""
        return _page(self._cards_that_fit(wanted), sort.place, descending=descending, after=after, limit=limit)

    def gift_card_sums(self, wanted: GiftCardFilter) -> tuple[CurrencySums, ...]:
        """Sum a whole list of cards."""
        return sums_of(map(wanted.sums, self._cards_that_fit(wanted)))

    def _cards_that_fit(self, wanted: GiftCardFilter) -> list[GiftCard]:
        return [card for card in self._cards() if wanted.fits(card, self.books.gifts.get(card.id))]

    def _cards(self) -> list[GiftCard]:
        return [card.with_account(_carrying(card.account)) for card in self.books.gift_cards.values()]

    def expiring_gift_cards(
        self, now: datetime, until: datetime, *, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """Load a page of the active cards whose value ends soon."""
        ends = {card: card.account.next_end(card.account.instant(now)) for card in self._cards()}
        places = {
            card: (to_micros(end), str(card.account.id))
            for card, end in ends.items()
            if card.status is GiftCardStatus.ACTIVE and end is not None and end <= until
        }
        return _page(places, places.__getitem__, descending=False, after=after, limit=limit)

    def store_credit_accounts(
        self, wanted: StoreCreditFilter, sort: StoreCreditSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[StoreCreditAccount, ...]:
        """Load a page of a list of store credit accounts."""
        return _page(self._credits_that_fit(wanted), sort.place, descending=descending, after=after, limit=limit)

    def store_credit_sums(self, wanted: StoreCreditFilter) -> tuple[CurrencySums, ...]:
        """Sum a whole list of accounts."""
        return sums_of(map(wanted.sums, self._credits_that_fit(wanted)))

    def _credits_that_fit(self, wanted: StoreCreditFilter) -> list[StoreCreditAccount]:
        every = self.books.store_credit_accounts.values()
        live = [credit.with_account(_carrying(credit.account)) for credit in every]
        return [credit for credit in live if wanted.fits(credit)]

    def digests_taken(self, digests: tuple[str, ...]) -> frozenset[str]:
        """Return those that are of a card's present code."""
        return frozenset(digests) & {card.code_digest for card in self.books.gift_cards.values()}

    # --- transfers ------------------------------------------------------------

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        """Yield transfers, on one account by sequence, otherwise by time and id."""
        account_id, reversed_ = wanted.account_id, self._reversed() if wanted.standing else set()
        fitting = [one for one in self.books.transfers.values() if _fits(one, wanted) and one.id not in reversed_]
        if account_id is None:
            fitting.sort(key=lambda one: (one.recorded_at, one.id))
        else:
            fitting.sort(key=lambda one: one.side_of(account_id).sequence or 0)
        return iter(fitting[: wanted.limit])

    def transfers_of(self, account_ids: tuple[AccountId, ...]) -> Iterator[tuple[AccountId, Transfer]]:
        """Yield every transfer of these accounts, by account and sequence."""
        for account_id in sorted(account_ids):
            for transfer in self.transfers(TransferFilter(account_id=account_id)):
                yield account_id, transfer

    def _reversed(self) -> set[TransferId | None]:
        return {one.refunds for one in self.books.transfers.values() if one.kind is TransferKind.REVERSAL}

    def spent_since(
        self, customer_id: str, currency: str, since: datetime, *, at: datetime, without: HoldId | None = None
    ) -> int:
        """Sum what a customer's own cards and credit pay for orders."""
        spent = 0
        for account in self.find(Wanted(owners=(customer_id,))).accounts():
            if account.currency == currency:
                paid = TransferFilter(account_id=account.id, kind=TransferKind.REDEMPTION, since=since)
                spent += sum(transfer.amount for transfer in self.transfers(paid))
                spent += reserved_at(account.reservations, at, without=without)
        return spent

    def balances_by_origin(self, as_of: datetime | None) -> tuple[OriginBalance, ...]:
        """Sum what is owed, now or as of an instant."""
        return sum_by_origin(
            Moved(one.currency, one.exponent, one.debit.lots, one.credit.lots)
            for one in self.books.transfers.values()
            if as_of is None or one.recorded_at <= as_of
        )

    def movements(self, since: datetime | None, until: datetime | None) -> tuple[Movement, ...]:
        """Sum the transfers of a time, per kind and sides."""
        sums: dict[Movement, Movement] = {}
        for one in self.transfers(TransferFilter(since=since, until=until)):
            kind = Movement(one.currency, one.exponent, one.kind, one.debit.house, one.credit.house, amount=0, count=0)
            known = sums.get(kind, kind)
            sums[kind] = attrs.evolve(known, amount=known.amount + one.amount, count=known.count + 1)
        return tuple(sums.values())

    def unattached_transfers(self) -> tuple[TransferId, ...]:
        """Return transfers that name what is not there."""
        books = self.books
        known = {None, *books.gift_cards, *books.store_credit_accounts, *books.holds, *books.transfers}
        return tuple(
            one.id
            for one in books.transfers.values()
            if not {one.debit.account_id, one.credit.account_id, one.refunds, one.hold_id} <= known
        )

    def redemptions_refunded_too_much(self) -> tuple[TransferId, ...]:
        """Return transfers of which more was given back than they moved."""
        transfers, reversed_, given = self.books.transfers, self._reversed(), defaultdict[TransferId, int](int)
        for one in transfers.values():
            if one.refunds is not None and one.id not in reversed_:
                given[one.refunds] += one.amount
        return tuple(id_ for id_ in sorted(given) if id_ in transfers and given[id_] > transfers[id_].amount)

    # --- receipts and the outbox ----------------------------------------------

    def receipts(self) -> Iterator[Receipt]:
        """Yield every receipt, by time and id."""
        return iter(sorted(self.books.receipts.values(), key=attrgetter("recorded_at", "id")))

    def recorded(self, after: int) -> Iterator[OutboxEntry]:
        """Yield events in the order in which they were written."""
        return iter([entry for entry in self.books.outbox.values() if entry.position > after])

    def undelivered(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """Return events that are still to leave."""
        return self._outbox(lambda entry: entry.due_at is not None, after, limit)

    def dead_letters(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """Return events that were given up."""
        return self._outbox(lambda entry: entry.dead_at is not None, after, limit)

    def outbox_entries(self, event_ids: tuple[str, ...]) -> tuple[OutboxEntry, ...]:
        """Return these events and how far each has come."""
        return self._outbox(lambda entry: entry.id in event_ids, 0, len(event_ids))

    def _outbox(self, wanted: Callable[[OutboxEntry], bool], after: int, limit: int) -> tuple[OutboxEntry, ...]:
        # One commits after the other, so the order in which they were written is that of their positions.
        return tuple([one for one in self.books.outbox.values() if one.position > after and wanted(one)][:limit])

    # --- holds, gifts, what is sold, batches and imports ------------------------

    def open_hold(self, order_id: str) -> Hold | None:
        """Return the open hold of an order, lapsed or not."""
        held = (hold for hold in self.books.holds.values() if hold.order_id == order_id)
        return next((hold for hold in held if hold.status is HoldStatus.OPEN), None)

    def holds(self) -> Iterator[Hold]:
        """Yield every hold, by id."""
        return iter(sorted(self.books.holds.values(), key=BY_ID))

    def holds_captured_wrong(self) -> tuple[HoldId, ...]:
        """Return holds whose redemptions are not what they say."""
        taken = defaultdict[HoldId | None, int](int)
        for transfer in self.books.transfers.values():
            taken[transfer.hold_id] += transfer.amount
        return tuple(hold.id for hold in self.holds() if not taken[hold.id] == hold.captured <= hold.amount)

    def gifts(self, gift_card_ids: tuple[GiftCardId, ...]) -> tuple[Gift, ...]:
        """Return to whom these cards are sent, by card id."""
        return tuple(gift for gift in self.all_gifts() if gift.gift_card_id in gift_card_ids)

    def all_gifts(self) -> Iterator[Gift]:
        """Yield every gift, by card id."""
        return iter(sorted(self.books.gifts.values(), key=BY_CARD))

    def products(self, ids: tuple[str, ...], *, variants: tuple[str, ...] | None = None) -> tuple[GiftCardProduct, ...]:
        """Load gift card products, by id."""
        found = [self.books.products[id_] for id_ in sorted({*ids}) if id_ in self.books.products]
        return tuple(found if variants is None else [_with_variants(product, variants) for product in found])

    def page_of_products(self, after: str | None, limit: int, *, on_sale: bool) -> tuple[GiftCardProduct, ...]:
        """Load the next products, by id."""
        products = self.books.products
        shown = [id_ for id_, product in products.items() if not on_sale or product.retired_at is None]
        return tuple(products[id_] for id_ in _next(shown, after, limit))

    def sales(self) -> Iterator[GiftCardSale]:
        """Yield every sale, by order id."""
        return iter(sorted(self.books.sales.values(), key=attrgetter("order_id")))

    def batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """Return a batch, or None."""
        return self.books.batches.get(batch_id)

    def batches(self) -> Iterator[GiftCardBatch]:
        """Yield every batch, by id."""
        return iter(sorted(self.books.batches.values(), key=BY_ID))

    def cards_of_batch(self, batch_id: BatchId, after: int, limit: int) -> tuple[GiftCard, ...]:
        """Load the next cards of a batch, by number."""
        cards = {card.unit: card for card in self._cards() if card.batch_id == batch_id and card.unit is not None}
        return tuple(cards[unit] for unit in sorted(unit for unit in cards if unit > after)[:limit])

    def batches_issued_wrong(self) -> tuple[BatchId, ...]:
        """Return batches whose cards are not those that they say."""
        units: dict[str | None, list[int | None]] = defaultdict(list)
        for card in sorted(self.books.gift_cards.values(), key=lambda card: card.unit or 0):
            units[card.batch_id].append(card.unit)
        return tuple(one.id for one in self.batches() if units[one.id] != [*range(1, one.issued + 1)])

    def imported(self, source: str, source_ids: tuple[str, ...]) -> tuple[ImportedCard, ...]:
        """Return what is known of these cards of another system, by id."""
        return tuple(one for one in self.imported_cards() if one.source == source and one.source_id in source_ids)

    def imported_cards(self) -> Iterator[ImportedCard]:
        """Yield every imported card, by source and id."""
        return iter(sorted(self.books.imported_cards, key=attrgetter("source", "source_id")))


def _touches(transfer: Transfer, account_id: AccountId) -> bool:
    """Tell whether a transfer has a side on an account."""
    return account_id in {transfer.debit.account_id, transfer.credit.account_id}


def _fits(one: Transfer, wanted: TransferFilter) -> bool:
    after, account_id = wanted.after, wanted.account_id
    return (
        (account_id is None or _touches(one, account_id))
        and (after is None or account_id is None or (one.side_of(account_id).sequence or 0) > after)
        and wanted.order_id in {None, one.order_id}
        and wanted.kind in {None, one.kind}
        and (wanted.ids is None or one.id in wanted.ids)
        and (wanted.refunds is None or one.refunds in wanted.refunds)
        and (wanted.since is None or one.recorded_at >= wanted.since)
        and (wanted.until is None or one.recorded_at < wanted.until)
    )


def _carrying(account: Account, lot_ids: tuple[LotId, ...] = ()) -> Account:
    """Return the account with the lots that have value, and those that were asked for, in the order of their ids."""
    lots = [lot for lot in account.lots if lot.remaining > 0 or lot.id in lot_ids]
    return attrs.evolve(account, lots=tuple(sorted(lots, key=BY_ID)))


def _in_order(found: Found, carrying: Callable[[Account], Account]) -> Found:
    cards = [card.with_account(carrying(card.account)) for card in found.gift_cards]
    credits_ = [credit.with_account(carrying(credit.account)) for credit in found.store_credit_accounts]
    return Found(
        gift_cards=tuple(sorted(cards, key=lambda card: card.account.id)),
        store_credit_accounts=tuple(sorted(credits_, key=BY_ID)),
        holds=found.holds,
    )


def _next(ids: Iterable[str], after: str | None, limit: int) -> list[str]:
    return sorted(id_ for id_ in ids if after is None or id_ > after)[:limit]


def _page(
    records: Iterable[Record],
    place_of: Callable[[Record], Place],
    *,
    descending: bool,
    after: Place | None,
    limit: int,
) -> tuple[Record, ...]:
    """Return the first records beyond a place, in the order of their places."""
    ranked = sorted([(_rank(place_of(one)), one) for one in records], key=lambda pair: pair[0], reverse=descending)
    if after is not None:
        ranked = [(rank, one) for rank, one in ranked if (rank < _rank(after) if descending else rank > _rank(after))]
    return tuple(one for _, one in ranked[:limit])


def _rank(place: Place) -> tuple[bool, Any, str]:
    """Return what places compare by: a key that is None comes after every other."""
    key, id_ = place
    return key is None, 0 if key is None else key, id_


def _with_variants(product: GiftCardProduct, variants: tuple[str, ...]) -> GiftCardProduct:
    return attrs.evolve(
        product, denominations=tuple(one for one in product.denominations if one.variant_id in variants)
    )
