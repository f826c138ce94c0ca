"""What the books are once a command has changed them. Nothing is decided here, and nothing changes in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import attrs

from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.account import Account
from loyalty.ports.changes import Changes
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount
from loyalty_json_file.books import Books

__all__ = ["books_after"]

Owner = TypeVar("Owner", GiftCard, StoreCreditAccount)


def books_after(books: Books, changes: Changes) -> Books:
    """Return the books with all *changes* in them."""
    receipts = (*changes.erased_receipts, *([changes.receipt] if changes.receipt is not None else []))
    return Books(
        gift_cards=_owners(books.gift_cards, changes.new_gift_cards, changes.gift_cards, changes),
        store_credit_accounts=_owners(
            books.store_credit_accounts, changes.new_store_credit_accounts, changes.store_credit_accounts, changes
        ),
        holds=books.holds
        | {change.after.id: change.after for change in changes.holds}
        | {hold.id: hold for hold in (*changes.new_holds, *changes.erased_holds)},
        gifts=books.gifts
        | {change.after.gift_card_id: change.after for change in changes.gifts}
        | {gift.gift_card_id: gift for gift in changes.new_gifts},
        products=books.products
        | {change.after.id: change.after for change in changes.products}
        | {product.id: product for product in changes.new_products},
        # Orders and sales carry the version that they were read with; what is stored has the next one.
        refunded_orders=books.refunded_orders
        | {one.order_id: attrs.evolve(one, version=one.version + 1) for one in changes.refunded_orders},
        sales=books.sales | {one.order_id: attrs.evolve(one, version=one.version + 1) for one in changes.sales},
        batches=books.batches | {batch.id: batch for batch in changes.batches},
        imported_cards=books.imported_cards + changes.imported_cards,
        transfers=books.transfers | {one.id: one for one in (*changes.transfers, *changes.erased_transfers)},
        receipts=books.receipts | {receipt.id: receipt for receipt in receipts},
        outbox=_outbox(books.outbox, changes, receipts),
    )


def _owners(
    known: Mapping[str, Owner], new: Iterable[Owner], changed: Iterable[Owner], changes: Changes
) -> dict[str, Owner]:
    """Return the cards, or the store credit accounts, with what changed of themselves and of their accounts."""
    owners: dict[str, Owner] = {**known, **{owner.account.id: owner for owner in new}}
    for owner in changed:
        # Its own facts. The account that it carries is the one that was read; the next one stands in the changes.
        owners[owner.account.id] = owner.with_account(owners[owner.account.id].account)
    for change in changes.accounts:
        if (owner_of := owners.get(change.after.id)) is not None:
            owners[change.after.id] = owner_of.with_account(_with_every_lot(owner_of.account, change.after))
    return owners


def _with_every_lot(stored: Account, after: Account) -> Account:
    """Return the account as it is to be, with the lots that were too empty to be loaded."""
    lots = {lot.id: lot for lot in (*stored.lots, *after.lots)}
    return attrs.evolve(after, lots=tuple(lots.values()))


def _outbox(known: Mapping[str, OutboxEntry], changes: Changes, receipts: Iterable[Receipt]) -> dict[str, OutboxEntry]:
    """Return the outbox with how far events have come, what they say now, and the new one behind all others."""
    entries: dict[str, OutboxEntry] = dict(known)
    for change in changes.outbox:
        # Only its way out; a person may have been erased meanwhile from what it says.
        entries[change.after.id] = change.after.saying(known[change.after.id].event_data)
    for receipt in receipts:
        entry = entries.get(receipt.id)
        entries[receipt.id] = _leaving(receipt, len(entries) + 1) if entry is None else entry.saying(receipt.event_data)
    return entries


def _leaving(receipt: Receipt, position: int) -> OutboxEntry:
    return OutboxEntry(
        id=receipt.id,
        position=position,
        event=receipt.event,
        event_data=receipt.event_data,
        recorded_at=receipt.recorded_at,
        about=receipt.about,
        due_at=receipt.recorded_at,
    )
