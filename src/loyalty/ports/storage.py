"""
The storage port: how work reaches the books.

A storage runs work; work never manages a transaction. That one choice gives
retries, joining the host's own transaction, and async use of the same use
cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol, TypeVar

import attrs

from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId, BatchId, GiftCardId, HoldId, LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.listing import CurrencySums, Place
from loyalty.ledger.origin_balance import OriginBalance
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.changes import Changes, RefundedOrder
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.store_credit.listing import StoreCreditFilter, StoreCreditSort

__all__ = ["AsyncStorage", "Found", "Movement", "Reader", "Storage", "TransferFilter", "UnitOfWork", "Wanted"]

Result = TypeVar("Result")


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What to load. The fields add up; each names cards and accounts in its own way.

    ``codes`` is how many cards the digests should lead to if each code had one.
    For each that is missing the storage does as much work as for one that is
    there, so that the time of an answer does not tell a stranger about codes.

    ``customers`` are pairs of customer id and currency, None for every currency
    the customer has an account in. ``owners`` are customers whose store credit
    and claimed cards are wanted. ``bought_in`` names orders that cards were
    bought in. ``successors_of`` names accounts, which are wanted too, and means
    those that took them over, one after the other to the last. ``hold_ids`` and
    ``held_for``, which names orders and means their open hold, bring the holds
    and all the accounts that they may reserve on.
    ``lot_ids`` are lots to bring along even if they are empty.
    """

    digests: tuple[str, ...] = ()
    gift_card_ids: tuple[GiftCardId, ...] = ()
    account_ids: tuple[AccountId, ...] = ()
    customers: tuple[tuple[str, str | None], ...] = ()
    owners: tuple[str, ...] = ()
    bought_in: tuple[str, ...] = ()
    hold_ids: tuple[HoldId, ...] = ()
    held_for: tuple[str, ...] = ()
    successors_of: tuple[AccountId, ...] = ()
    lot_ids: tuple[LotId, ...] = ()
    codes: int = 0


@attrs.frozen(kw_only=True)
class Found:
    """What was there, in the order of the account ids, and of the ids of holds. Accounts carry every lot with value."""

    gift_cards: tuple[GiftCard, ...] = ()
    store_credit_accounts: tuple[StoreCreditAccount, ...] = ()
    holds: tuple[Hold, ...] = ()

    def missing(self, wanted: Wanted) -> int:
        """Return how many of the wanted codes led to no card."""
        return wanted.codes - sum([card.code_digest in wanted.digests for card in self.gift_cards])

    def still(self, wanted: Wanted) -> Found:
        """Leave out what *wanted* leads to no longer: a card under another code, an account of another customer."""
        held = {tender.account_id for hold in self.holds for tender in hold.tenders}
        named = held.union(wanted.account_ids, self._successors(wanted.successors_of))
        return Found(
            gift_cards=tuple([card for card in self.gift_cards if card.account.id in named or _leads_to(wanted, card)]),
            store_credit_accounts=tuple(
                [credit for credit in self.store_credit_accounts if credit.id in named or _is_of(wanted, credit)]
            ),
            holds=self.holds,
        )

    def _successors(self, of: tuple[AccountId, ...]) -> Iterator[AccountId]:
        """Yield the successors that accounts name which are here; once named, a successor never changes."""
        named = {credit.id: credit.successor_id for credit in self.store_credit_accounts}
        for account_id in of:
            successor = named.get(account_id)
            while successor is not None:
                yield successor
                successor = named.get(successor)

    def accounts(self) -> tuple[Account, ...]:
        """Return the ledger accounts, those of cards first."""
        cards = [card.account for card in self.gift_cards]
        return (*cards, *(credit.account for credit in self.store_credit_accounts))

    def instant(self, now: datetime) -> datetime:
        """Return the time to decide by: *now*, or that of the last change to any account if the clock went back."""
        return max([now, *(account.recorded_at for account in self.accounts())])


def _leads_to(wanted: Wanted, card: GiftCard) -> bool:
    return (
        card.code_digest in wanted.digests
        or card.id in wanted.gift_card_ids
        or card.customer_id in wanted.owners
        or card.order_id in wanted.bought_in
    )


def _is_of(wanted: Wanted, credit: StoreCreditAccount) -> bool:
    customer_id, currency = credit.customer_id, credit.account.currency
    named = {(customer_id, currency), (customer_id, None)}
    return customer_id in wanted.owners or not named.isdisjoint(wanted.customers)


@attrs.frozen(kw_only=True)
class TransferFilter:
    """
    Which transfers. The fields narrow each other; None does not narrow.

    ``since`` is included, ``until`` is not; both compare ``recorded_at``.
    ``after`` is a sequence number on ``account_id`` and needs it. ``standing``
    leaves out what was reversed.
    """

    account_id: AccountId | None = None
    after: int | None = None
    order_id: str | None = None
    kind: TransferKind | None = None
    ids: tuple[TransferId, ...] | None = None
    refunds: tuple[TransferId, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    standing: bool = False
    limit: int | None = None


@attrs.frozen
class Movement:
    """The sum and number of transfers of one kind between two sides; None is a customer's side."""

    currency: str
    exponent: int
    kind: TransferKind
    debit_house: HouseAccount | None
    credit_house: HouseAccount | None
    amount: int
    count: int


class Reader(Protocol):
    """What queries may ask. Everything inside one piece of work is one consistent snapshot."""

    def find(self, wanted: Wanted) -> Found:
        """
        Load cards and accounts without locking them.

        **Order:** by account id. **Missing:** left out.
        """
        ...

    def gift_cards(
        self, wanted: GiftCardFilter, sort: GiftCardSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """
        Load a page of a list of cards, with their accounts.

        The cards that :meth:`GiftCardFilter.fits` says, the first *limit* of those
        beyond the place *after*.

        **Order:** by :meth:`GiftCardSort.place`, where None comes after every other
        key; all of it backwards if *descending*. **Concurrent:** a card that is
        there all the time is on exactly one of the pages that follow each other,
        unless its own sort key changes meanwhile, which only a balance does.
        """
        ...

    def gift_card_sums(self, wanted: GiftCardFilter) -> tuple[CurrencySums, ...]:
        """
        Sum a whole list of cards per currency and its decimals, by :meth:`GiftCardFilter.sums`.

        **Order:** by currency, then decimals.
        """
        ...

    def expiring_gift_cards(
        self, now: datetime, until: datetime, *, after: Place | None, limit: int
    ) -> tuple[GiftCard, ...]:
        """
        Load a page of the active cards with value, held or not, that ends after *now* and at *until* at the latest.

        A card that changed later than *now* is judged as of that change.

        **Order:** by the first such end, in microseconds, and the account's id;
        *after* is a place in this order.
        """
        ...

    def store_credit_accounts(
        self, wanted: StoreCreditFilter, sort: StoreCreditSort, *, descending: bool, after: Place | None, limit: int
    ) -> tuple[StoreCreditAccount, ...]:
        """
        Load a page of a list of store credit accounts; as :meth:`gift_cards`.

        **Order:** by :meth:`StoreCreditSort.place`, backwards if *descending*.
        """
        ...

    def store_credit_sums(self, wanted: StoreCreditFilter) -> tuple[CurrencySums, ...]:
        """Sum a whole list of accounts per currency and its decimals, in their order; as :meth:`gift_card_sums`."""
        ...

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        """
        Yield transfers, streaming.

        **Order:** on one account by its sequence; otherwise by ``recorded_at``, then id.
        """
        ...

    def spent_since(
        self, customer_id: str, currency: str, since: datetime, *, at: datetime, without: HoldId | None = None
    ) -> int:
        """
        Sum what a customer's own cards and store credit pay for orders, in minor units.

        That is what was redeemed from *since* (included) on, refunded or not,
        and what orders hold at *at*: not what has lapsed by then, whether or not
        a sweep wrote it down, and nothing for the hold *without*.
        """
        ...

    def products(self, ids: tuple[str, ...], *, variants: tuple[str, ...] | None = None) -> tuple[GiftCardProduct, ...]:
        """
        Load gift card products with all their denominations, or only those of *variants*.

        **Order:** by id. **Missing:** left out. Denominations stand in the order in
        which they were added.
        """
        ...

    def page_of_products(self, after: str | None, limit: int, *, on_sale: bool) -> tuple[GiftCardProduct, ...]:
        """Load the next products in the order of their ids, with all denominations; only those not retired if said."""
        ...

    def sales(self) -> Iterator[GiftCardSale]:
        """Yield every sale of gift cards, by order id, streaming."""
        ...

    def balances_by_origin(self, as_of: datetime | None) -> tuple[OriginBalance, ...]:
        """Sum what is owed per currency and origin, now or with transfers recorded until *as_of* (included)."""
        ...

    def movements(self, since: datetime | None, until: datetime | None) -> tuple[Movement, ...]:
        """Sum the transfers recorded from *since* (included) until *until* (not included), per kind and sides."""
        ...

    def page_of_accounts(self, after: AccountId | None, limit: int) -> Found:
        """Load the next cards and accounts in the order of account ids, with *every* lot, empty ones too."""
        ...

    def whole_accounts(self, account_ids: tuple[AccountId, ...]) -> Found:
        """
        Load cards and accounts with *every* lot, empty ones too; as :meth:`page_of_accounts`.

        **Order:** by account id. **Missing:** left out.
        """
        ...

    def transfers_of(self, account_ids: tuple[AccountId, ...]) -> Iterator[tuple[AccountId, Transfer]]:
        """Yield every transfer of these accounts, by account id and then by sequence, streaming."""
        ...

    def receipts(self) -> Iterator[Receipt]:
        """Yield every receipt, and so every event, by ``recorded_at``, then id; streaming."""
        ...

    def recorded(self, after: int) -> Iterator[OutboxEntry]:
        """
        Yield events, wherever they are on their way, and so what was committed; streaming.

        **Order:** by position, those beyond the position *after*. **Missing:** what
        versions without an outbox wrote. **Concurrent:** where several write at once,
        a position may be seen before a lower one, whose transaction took it first and
        is still open. None is taken later than a higher one.
        """
        ...

    def undelivered(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """
        Return events that are still to leave, due or not, in the hands of a worker or not.

        **Order:** by position, those beyond the position *after*; every position is
        more than 0. Of two events about one card or account, the one that was
        committed first comes first. **Missing:** what left, what was given up, and
        what versions without an outbox wrote.
        """
        ...

    def dead_letters(self, after: int, limit: int) -> tuple[OutboxEntry, ...]:
        """
        Return events that were given up.

        **Order:** by position, those beyond the position *after*.
        """
        ...

    def outbox_entries(self, event_ids: tuple[str, ...]) -> tuple[OutboxEntry, ...]:
        """
        Return these events and how far each has come, on its way, delivered or given up.

        **Order:** by position. **Missing:** left out, and so is what versions without
        an outbox wrote.
        """
        ...

    def unattached_transfers(self) -> tuple[TransferId, ...]:
        """Return transfers that name an account or a hold that is not there, or give back a transfer that is not."""
        ...

    def open_hold(self, order_id: str) -> Hold | None:
        """Return the open hold of an order as it is stored, lapsed or not, without its accounts."""
        ...

    def holds(self) -> Iterator[Hold]:
        """Yield every hold, by id, streaming."""
        ...

    def gifts(self, gift_card_ids: tuple[GiftCardId, ...]) -> tuple[Gift, ...]:
        """
        Return to whom these cards are sent.

        **Order:** by card id. **Missing:** left out.
        """
        ...

    def all_gifts(self) -> Iterator[Gift]:
        """Yield every gift, by card id, streaming."""
        ...

    def holds_captured_wrong(self) -> tuple[HoldId, ...]:
        """Return holds whose redemptions do not sum to what they say was captured, or to more than they held."""
        ...

    def batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """Return a batch, or None."""
        ...

    def batches(self) -> Iterator[GiftCardBatch]:
        """Yield every batch, by id, streaming."""
        ...

    def cards_of_batch(self, batch_id: BatchId, after: int, limit: int) -> tuple[GiftCard, ...]:
        """
        Load at most *limit* cards of a batch, those whose number is higher than *after*.

        **Order:** by number. **Missing:** an empty tuple.
        """
        ...

    def imported(self, source: str, source_ids: tuple[str, ...]) -> tuple[ImportedCard, ...]:
        """Return what is known of these cards of another system. **Order:** by id. **Missing:** left out."""
        ...

    def imported_cards(self) -> Iterator[ImportedCard]:
        """Yield every imported card, by source, then by source id; streaming."""
        ...

    def digests_taken(self, digests: tuple[str, ...]) -> frozenset[str]:
        """Return those of the digests that are of a card's present code."""
        ...

    def batches_issued_wrong(self) -> tuple[BatchId, ...]:
        """Return batches whose cards are not numbered from 1 to what they say was issued, each once; by id."""
        ...

    def redemptions_refunded_too_much(self) -> tuple[TransferId, ...]:
        """Return transfers of which more was given back than they moved; what was reversed does not count."""
        ...


class UnitOfWork(Reader, Protocol):
    """What a command may use. Reads see what is committed; what is locked stays as it is until the end."""

    def lock(self, wanted: Wanted) -> Found:
        """
        Load cards and accounts and keep others from changing them until the work is over.

        **Order:** locks are taken in the order of account ids, whatever the order
        of *wanted*. **Missing:** left out. **Concurrent:** waits for others that
        hold a lock, and then sees what they wrote; what *wanted* leads to no longer
        is left out, such as a card whose code they replaced.
        """
        ...

    def lock_order(self, order_id: str) -> RefundedOrder:
        """
        Load an order and keep others from refunding it as new value until the work is over.

        **Order:** before any account is locked, and one order only. **Missing:**
        version 0, which locks nothing; of several that write such an order one
        wins. **Concurrent:** as for :meth:`lock`.
        """
        ...

    def lock_sale(self, order_id: str) -> GiftCardSale:
        """
        Load the sale of gift cards in an order, and keep others from it until the work is over.

        **Order:** before any account is locked, and one order only. **Missing:**
        version 0, which locks nothing; of several that write such a sale one wins.
        **Concurrent:** as for :meth:`lock`.
        """
        ...

    def lock_batch(self, batch_id: BatchId) -> GiftCardBatch | None:
        """
        Load a batch and keep others from changing it until the work is over.

        **Order:** before any account is locked, and one batch only. **Missing:**
        None. **Concurrent:** as for :meth:`lock`.
        """
        ...

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """Return the receipt under this key, or None."""
        ...

    def used_keys(self, idempotency_keys: tuple[str, ...]) -> frozenset[str]:
        """Return those of the keys that a receipt stands under."""
        ...

    def accounts_with_expired_value(self, at: datetime, limit: int) -> tuple[AccountId, ...]:
        """Return accounts that have free value in a lot expired at *at*; the soonest expired first."""
        ...

    def lapsed_holds(self, at: datetime, limit: int) -> tuple[Hold, ...]:
        """Return holds that are stored as open and have lapsed at *at*; the soonest lapsed first, then by id."""
        ...

    def due_gifts(self, at: datetime, limit: int) -> tuple[Gift, ...]:
        """Return gifts of active cards that wait and are due at *at*; the soonest due first, then by card id."""
        ...

    def accounts_naming(self, person: Person, after: str | None, limit: int) -> tuple[AccountId, ...]:
        """
        Return the accounts of cards and of store credit that name a person, as owner, buyer or in texts beside them.

        **Order:** by account id, those above *after*. **Missing:** none that names
        the person; one that does not may be among them. The same holds for the
        methods that follow.
        """
        ...

    def holds_naming(self, person: Person, after: str | None, limit: int) -> tuple[Hold, ...]:
        """Return the next holds that name a person, by id."""
        ...

    def gifts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Gift, ...]:
        """Return the next gifts that name a person, as who gets or who gives it or in its message, by card id."""
        ...

    def transfers_naming(self, person: Person, after: str | None, limit: int) -> tuple[Transfer, ...]:
        """Return the next transfers that name a person in the texts beside them, by id."""
        ...

    def receipts_naming(self, person: Person, after: str | None, limit: int) -> tuple[Receipt, ...]:
        """Return the next receipts that name a person in what they answer or tell, by id."""
        ...

    def write(self, changes: Changes) -> bool:
        """
        Write everything, or nothing if the receipt's key is already known.

        Called once, as the last act of a piece of work.

        Returns:
            False if a receipt with the same idempotency key is there; then
            nothing at all was written.

        Raises:
            loyalty.errors.ConcurrentUpdate: If an account, an order, a sale, a product, a
                batch, a hold, a gift or an event in the outbox changed since it was loaded, or the
                order of a new hold has an open one, or a new product or imported card is there already.
            loyalty.errors.DuplicateRecord: If a unique value is taken.
        """
        ...


class Storage(Protocol):
    """Runs work in a transaction: all of it is kept, or nothing."""

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* and commit what it wrote.

        *work* may be called again after a lost race, so it must have no other effects.

        Raises:
            loyalty.errors.ConcurrentUpdate: If all retries lost their race.
            loyalty.errors.StorageUnavailable: If the storage did not answer; nothing was changed.
            loyalty.errors.OutcomeUnknown: If the connection broke while committing.
        """
        ...

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one consistent snapshot, without locking anything."""
        ...


class AsyncStorage(Protocol):
    """
    Runs the same work for tasks of an event loop.

    *work* and *question* are the plain, blocking-style functions that a
    :class:`Storage` takes; only whoever calls them awaits.
    """

    async def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* and commit what it wrote; as :meth:`Storage.run`.

        **Cancelled:** what *work* wrote is kept as a whole or not at all. Which
        of the two is as unknown to the caller as after ``OutcomeUnknown``: the
        same idempotency key tells. The next work finds nothing of it in its way.
        """
        ...

    async def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from one consistent snapshot, without locking anything."""
        ...
