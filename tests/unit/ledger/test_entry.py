"""Entries: a transfer as one account sees it."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty.errors import CorruptLedger
from loyalty.identifiers import AccountId, TransferId
from loyalty.ledger.entry import Direction, Entry
from loyalty.ledger.transfer import Reference, Side, TransferKind
from tests.unit.accounts import DAY, NOW
from tests.unit.ledger.test_transfer import ADA, BOB, SHOP, transfer_of


def test_the_debited_side_sees_a_debit_and_the_credited_side_a_credit() -> None:
    """The amount is positive for both; the direction is its sign."""
    transfer = transfer_of(ADA, BOB)
    out, into = Entry.of(transfer, AccountId("ada")), Entry.of(transfer, AccountId("bob"))
    assert (Direction.DEBIT, 3, Money("3.00", "USD"), Money("7.00", "USD")) == (
        out.direction, out.sequence, out.amount, out.balance_after,
    )  # fmt: skip
    assert (Direction.CREDIT, 1, Money("3.00", "USD"), Money("3.00", "USD")) == (
        into.direction, into.sequence, into.amount, into.balance_after,
    )  # fmt: skip
    assert transfer.id == out.id == into.id


def test_everything_the_caller_said_is_shown() -> None:
    """Order, refunded redemption, actor, reason, note, reference and both times stand on the entry."""
    entry = Entry.of(
        transfer_of(
            SHOP,
            BOB,
            kind=TransferKind.REFUND,
            order_id="1001",
            refunds=TransferId("earlier"),
            actor="staff",
            reason="return",
            note="n",
            reference=Reference("ticket", "77"),
            occurred_at=NOW - DAY,
        ),
        AccountId("bob"),
    )
    assert ("1001", "earlier", "staff", "return", "n") == (
        entry.order_id, entry.refunds, entry.actor, entry.reason, entry.note,
    )  # fmt: skip
    assert (Reference("ticket", "77"), NOW - DAY, NOW, TransferKind.REFUND) == (
        entry.reference, entry.occurred_at, entry.recorded_at, entry.kind,
    )  # fmt: skip


def test_a_balance_of_zero_is_shown() -> None:
    """Zero is a balance, not a missing one."""
    side = Side(account_id=AccountId("ada"), sequence=4, balance_after=0)
    assert Money("0.00", "USD") == Entry.of(transfer_of(side, SHOP), AccountId("ada")).balance_after


@pytest.mark.parametrize("account_id", ["stranger", "ada"])
def test_a_side_without_its_numbers_is_a_corrupt_ledger(account_id: str) -> None:
    """Whoever is no side of the transfer, or a side without sequence and balance, gets no entry."""
    transfer = transfer_of(Side(account_id=AccountId("ada")), SHOP)
    with pytest.raises(CorruptLedger):
        Entry.of(transfer, AccountId(account_id))


def test_directions_are_their_words() -> None:
    """The shown words are stable."""
    assert ["credit", "debit"] == list(Direction)
