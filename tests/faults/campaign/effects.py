"""
What a command does to the books, told without ids, and what it should do.

What it should do is what it does in memory, where nothing ever fails.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import attrs

from loyalty import MemoryStorage
from loyalty.ledger.transfer import Transfer
from loyalty.testing import Books
from loyalty.testing.invariants import require_nothing_lost, require_sound
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from tests.faults.campaign.tally import Tally

__all__ = ["KEY", "NOTE", "Effect", "effect_between", "require_books_that_tie", "require_one_effect", "wanted"]

KEY = "once"
NOTE = "a note"


@attrs.frozen(kw_only=True)
class Effect:
    """The transfers, receipts and events that were added, and by how much what is owed has changed."""

    transfers: Counter[tuple[object, ...]]
    receipts: Counter[tuple[str, str, str | None]]
    owed: dict[str, int]


def effect_between(before: Books, after: Books) -> Effect:
    """
    Return what was added.

    Raises:
        AssertionError: If anything was taken away or rewritten.
    """
    require_nothing_lost(before, after)
    known = {transfer.id for transfer in before.transfers}
    kept = {receipt.id for receipt in before.receipts}
    owed = Counter(after.owed())
    owed.subtract(before.owed())
    return Effect(
        transfers=Counter(_facts(transfer) for transfer in after.transfers if transfer.id not in known),
        receipts=Counter(
            (receipt.command, receipt.event, receipt.idempotency_key)
            for receipt in after.receipts
            if receipt.id not in kept
        ),
        owed={currency: amount for currency, amount in owed.items() if amount},
    )


def _facts(transfer: Transfer) -> tuple[object, ...]:
    sides = (transfer.debit.house, transfer.credit.house)
    return (transfer.kind, transfer.currency, transfer.amount, transfer.order_id, *sides)


@cache
def wanted(name: str) -> Effect:
    """Return what a command of the kit comes to where nothing fails."""
    stand = Stand(MemoryStorage())
    prepared = prepare(stand)
    before = stand.books()
    stand.execute(COMMANDS[name][0](prepared, KEY, NOTE))
    return effect_between(before, stand.books())


def require_books_that_tie(stand: Stand, tally: Tally) -> Books:
    """Check the books from outside and by the library's own audit, and return them."""
    stand.require_sound()
    tally.checks["audits"] += 1
    return stand.books()


def require_one_effect(stand: Stand, before: Books, name: str, command: Any, tally: Tally) -> None:
    """Carry the command out, and again, and find that it happened once: transfers, receipt, event."""
    first = stand.execute(command)
    after = stand.books()
    assert wanted(name) == effect_between(before, after), f"{name} had another effect"
    assert 1 == _events_of(stand, after), f"{name} has not exactly one event"
    assert first == stand.execute(command), f"{name} answered otherwise when called again"
    assert after == stand.books(), f"{name} changed something when called again"
    require_sound(after)
    tally.commands += 2
    tally.checks["single effects"] += 1
    tally.checks["replays"] += 1


def _events_of(stand: Stand, books: Books) -> int:
    """Return how many events of the command under our key wait to leave."""
    (receipt,) = [receipt for receipt in books.receipts if receipt.given_key == KEY]
    waiting = stand.storage.read(lambda reader: reader.undelivered(0, 1000))
    return [entry.id for entry in waiting].count(receipt.id)
