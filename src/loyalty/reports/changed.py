"""
Which accounts, holds and batches changed, by what the events tell, and whether they fit.

What is read grows with what changed and with the history of that, not with the
history of everything else.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeVar

import attrs

from loyalty.errors import InvalidRequest
from loyalty.identifiers import AccountId, BatchId, HoldId, TransferId
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import Reader, TransferFilter, Wanted
from loyalty.reports.audit_mark import Point
from loyalty.reports.checking import BATCH_WRONG, CAPTURED_WRONG, PAGE, REFUNDED_TOO_MUCH, UNATTACHED, Check

__all__ = ["check_changes"]

Name = TypeVar("Name", bound=str)

BATCH: Final = "batch_id "
"""How an event says which batch it is about."""


def check_changes(check: Check, reader: Reader, since: Point) -> Point:
    """
    Check all that events beyond *since* tell of, and return the last of them.

    Raises:
        loyalty.errors.InvalidRequest: If the event at *since* is not there.
    """
    if since.position and [since] != [Point.at(entry) for entry in reader.outbox_entries((since.event_id,))]:
        raise InvalidRequest("since is a mark of other books, or of later ones; run a whole audit")
    changed = _Changed(last=since)
    for entry in reader.recorded(since.position):
        changed.add(entry)
    holds = {hold.id: hold for hold in _holds(reader, changed.holds)}
    for hold in holds.values():
        changed.accounts.update(tender.account_id for tender in hold.tenders)
    captured = dict.fromkeys(holds, 0)
    for ids in _pages(changed.accounts):
        _accounts(check, reader, ids, captured)
    for hold_id, amount in captured.items():
        if holds[hold_id].captured != amount or amount > holds[hold_id].amount:
            check.found("hold", hold_id, CAPTURED_WRONG)
    reserved = list(_holds(reader, check.reserved - holds.keys()))
    check.holds(reader, [*holds.values(), *reserved])
    for batch_id in sorted(changed.batches):
        if not _is_numbered(reader, batch_id):
            check.found("batch", batch_id, BATCH_WRONG)
    return changed.last


@attrs.define
class _Changed:
    last: Point
    accounts: set[AccountId] = attrs.field(factory=set)
    holds: set[HoldId] = attrs.field(factory=set)
    batches: set[BatchId] = attrs.field(factory=set)

    def add(self, entry: OutboxEntry) -> None:
        """Take in what one event tells of."""
        self.last = Point.at(entry)
        self.accounts.update(AccountId(one) for one in entry.about if " " not in one)
        self.batches.update(BatchId(one.removeprefix(BATCH)) for one in entry.about if one.startswith(BATCH))
        if "hold" in entry.event_data or "replaced_id" in entry.event_data:
            said = json.loads(entry.event_data)
            named = [said.get("hold_id"), said.get("replaced_id"), *(said.get("hold_ids") or ())]
            self.holds.update(HoldId(one) for one in named if one is not None)


def _pages(names: Collection[Name]) -> Iterator[tuple[Name, ...]]:
    ordered = sorted(names)
    return (tuple(ordered[first : first + PAGE]) for first in range(0, len(ordered), PAGE))


def _holds(reader: Reader, ids: Collection[HoldId]) -> Iterator[Hold]:
    for page in _pages(ids):
        yield from reader.find(Wanted(hold_ids=page)).holds


def _accounts(check: Check, reader: Reader, ids: tuple[AccountId, ...], captured: dict[HoldId, int]) -> None:
    """Check a page of accounts, what their transfers name, and add up what was captured for holds."""
    found = reader.whole_accounts(ids)
    for missing in sorted({*ids} - {account.id for account in found.accounts()}):
        check.found("account", missing, "is not there, but an event tells of it")
    check.page(reader, found)
    transfers = {transfer.id: transfer for _, transfer in reader.transfers_of(ids)}
    for transfer in transfers.values():
        if transfer.hold_id in captured:
            captured[transfer.hold_id] += transfer.amount
    _names_nothing_missing(check, reader, transfers.values())
    _gave_back_no_more(check, reader, transfers)


def _names_nothing_missing(check: Check, reader: Reader, transfers: Collection[Transfer]) -> None:
    """Check that accounts, transfers and holds are there that transfers name."""
    sides = {
        side.account_id
        for transfer in transfers
        for side in (transfer.debit, transfer.credit)
        if side.account_id is not None
    }
    accounts = {account.id for page in _pages(sides) for account in reader.find(Wanted(account_ids=page)).accounts()}
    holds = {hold.id for hold in _holds(reader, {one.hold_id for one in transfers if one.hold_id is not None})}
    refunded = set(_amounts(reader, {one.refunds for one in transfers if one.refunds is not None}))
    for transfer in transfers:
        named = {side.account_id for side in (transfer.debit, transfer.credit)} - {None}
        is_held = transfer.hold_id is None or transfer.hold_id in holds
        is_refund = transfer.refunds is None or transfer.refunds in refunded
        if not (named <= accounts and is_held and is_refund):
            check.found("transfer", transfer.id, UNATTACHED)


def _gave_back_no_more(check: Check, reader: Reader, transfers: dict[TransferId, Transfer]) -> None:
    """Check that of none of the transfers, and of none that they give back, more was given back than it moved."""
    amounts = {id_: transfer.amount for id_, transfer in transfers.items()}
    amounts |= _amounts(reader, {one.refunds for one in transfers.values() if one.refunds is not None} - amounts.keys())
    given = dict.fromkeys(amounts, 0)
    for page in _pages(amounts):
        for refund in reader.transfers(TransferFilter(refunds=page, standing=True)):
            if refund.refunds is not None:
                given[refund.refunds] += refund.amount
    for id_ in sorted(given):
        if given[id_] > amounts[id_]:
            check.found("transfer", id_, REFUNDED_TOO_MUCH)


def _amounts(reader: Reader, ids: Iterable[TransferId]) -> dict[TransferId, int]:
    """Return what transfers moved, of those that are there."""
    pages = _pages(frozenset(ids))
    return {one.id: one.amount for page in pages for one in reader.transfers(TransferFilter(ids=page))}


def _is_numbered(reader: Reader, batch_id: BatchId) -> bool:
    """Tell whether the cards of a batch are numbered from 1 to what it says was issued."""
    batch, last = reader.batch(batch_id), 0
    while cards := reader.cards_of_batch(batch_id, last, PAGE):
        units = [card.unit for card in cards]
        if units != list(range(last + 1, last + len(cards) + 1)):
            return False
        last += len(cards)
    return batch is not None and batch.issued == last
