"""
What is checked of accounts and holds, whether all of them are looked at or a few.

A check only notes what does not fit. It is told of accounts page by page, each
with its transfers, and of holds afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

import attrs

from loyalty.identifiers import AccountId, HoldId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.storage import Found, Reader, Wanted
from loyalty.store_credit.account import StoreCreditStatus

__all__ = ["BATCH_WRONG", "CAPTURED_WRONG", "PAGE", "REFUNDED_TOO_MUCH", "UNATTACHED", "Check", "Finding"]

PAGE: Final = 500
"""How many accounts, or other things, are read at a time."""

CAPTURED_WRONG: Final = "captured something else than was redeemed for it, or more than it held"
UNATTACHED: Final = "names an account, a transfer or a hold that is not there"
REFUNDED_TOO_MUCH: Final = "took less than was given back for it"
BATCH_WRONG: Final = "has other cards than it says were issued"


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that does not fit: what it is about, its id, and what is wrong in figures."""

    subject: str
    id: str
    problem: str


def _in_order(found: Found) -> list[tuple[Account, int | None]]:
    """Return accounts in the order of their ids, each with its card's face value if it has a card."""
    cards: list[tuple[Account, int | None]] = [(card.account, card.value) for card in found.gift_cards]
    credit: list[tuple[Account, int | None]] = [(credit.account, None) for credit in found.store_credit_accounts]
    return sorted(cards + credit, key=lambda pair: pair[0].id)


def _is_issued_with(face: int, first: TransferKind | None, issued: int) -> bool:
    """Tell whether a card has the value that it was made with; of an imported one a part or all may be spent before."""
    if first is TransferKind.IMPORT:
        return issued <= face
    return issued == face if first in {TransferKind.ISSUE, TransferKind.REFUND} else True


class Check:
    """
    What was looked at so far, and what does not fit.

    Args:
        limit:
            How many findings at most.
    """

    def __init__(self, limit: int) -> None:
        """Start with nothing."""
        self.limit = limit
        self.accounts = 0
        self.entries = 0
        self.findings: list[Finding] = []
        self._owed: dict[str, int] = {}
        self._reserved: dict[HoldId, dict[AccountId, int]] = {}

    def found(self, subject: str, id_: str, problem: str) -> None:
        """Note what does not fit, unless enough is noted."""
        finding = Finding(subject=subject, id=id_, problem=problem)
        if len(self.findings) < self.limit and finding not in self.findings:
            self.findings.append(finding)

    def page(self, reader: Reader, found: Found) -> None:
        """Check one page of accounts, loaded with every lot, against all their transfers."""
        page = _in_order(found)
        entries = groupby(reader.transfers_of(tuple(account.id for account, _ in page)), key=itemgetter(0))
        self._accounts_of(page, entries)
        self._closed(found)

    def _accounts_of(
        self,
        page: list[tuple[Account, int | None]],
        entries: Iterator[tuple[AccountId, Iterator[tuple[AccountId, Transfer]]]],
    ) -> None:
        """Check one page of accounts against the entries of all of them, in the same order."""
        upcoming = next(entries, None)
        for account, face in page:
            history: Iterator[tuple[AccountId, Transfer]] = iter(())
            if upcoming is not None and upcoming[0] == account.id:
                history = upcoming[1]
            self._account(account, face, (transfer for _, transfer in history))
            if upcoming is not None and upcoming[0] == account.id:
                upcoming = next(entries, None)

    def _account(self, account: Account, face: int | None, history: Iterator[Transfer]) -> None:
        self.accounts += 1
        self._owed[account.currency] = self._owed.get(account.currency, 0) + account.posted
        balance, sequence, lots, issued, first = 0, 0, dict[LotId, int](), 0, None
        for transfer in history:
            self.entries += 1
            first = first or transfer.kind
            if sequence == 0 or transfer.kind is TransferKind.ISSUE:
                issued += transfer.amount
            balance, sequence = self._entry(account, transfer, balance, sequence, lots)
        if face is not None and not _is_issued_with(face, first, issued):
            self.found("account", account.id, f"has a card of {face}, but was issued with {issued}")
        self._sums(account, balance, sequence)
        self._lots(account, lots)
        self._reservations(account)

    def _entry(
        self, account: Account, transfer: Transfer, balance: int, sequence: int, lots: dict[LotId, int]
    ) -> tuple[int, int]:
        side = transfer.side_of(account.id)
        sign = -1 if side is transfer.debit else 1
        if side.sequence != sequence + 1:
            self.found("transfer", transfer.id, f"has sequence {side.sequence} after {sequence}")
        if (transfer.currency, transfer.exponent) != (account.currency, account.exponent):
            self.found("transfer", transfer.id, f"is in {transfer.currency} on an account in {account.currency}")
        if transfer.amount <= 0 or sum(move.amount for move in side.lots) != transfer.amount:
            self.found("transfer", transfer.id, f"moves {transfer.amount}, and its lots say otherwise")
        balance += sign * transfer.amount
        if side.balance_after != balance or balance < 0:
            self.found("transfer", transfer.id, f"says {side.balance_after} is left, but it is {balance}")
        for move in side.lots:
            lots[move.lot_id] = lots.get(move.lot_id, 0) + sign * move.amount
        return balance, side.sequence or sequence

    def _sums(self, account: Account, balance: int, sequence: int) -> None:
        if account.posted != balance:
            self.found("account", account.id, f"has posted {account.posted}, but its transfers sum to {balance}")
        if account.sequence != sequence:
            self.found("account", account.id, f"counts {account.sequence} transfers, but the last is {sequence}")
        if not 0 <= account.held <= account.posted:
            self.found("account", account.id, f"holds {account.held} of {account.posted}")

    def _lots(self, account: Account, moved: dict[LotId, int]) -> None:
        for lot in account.lots:
            expected = moved.pop(lot.id, 0)
            if lot.remaining != expected:
                self.found("lot", lot.id, f"has {lot.remaining}, but its transfers sum to {expected}")
            if not 0 <= lot.held <= lot.remaining <= lot.amount:
                self.found("lot", lot.id, f"holds {lot.held} of {lot.remaining} of {lot.amount}")
        for lot_id, amount in moved.items():
            self.found("lot", lot_id, f"is not there, but its transfers sum to {amount}")
        if sum(lot.held for lot in account.lots) != account.held:
            self.found("account", account.id, f"holds {account.held}, and its lots say otherwise")

    def _reservations(self, account: Account) -> None:
        held: dict[LotId, int] = {}
        for reservation in account.reservations:
            self._reserved.setdefault(reservation.hold_id, {})[account.id] = reservation.amount
            for move in reservation.moves:
                held[move.lot_id] = held.get(move.lot_id, 0) + move.amount
        if held != {lot.id: lot.held for lot in account.lots if lot.held}:
            self.found("account", account.id, f"reserves {sum(held.values())}, and its lots hold something else")

    def _closed(self, found: Found) -> None:
        """Check that nothing is on the closed accounts of one page."""
        for credit in found.store_credit_accounts:
            if credit.status is StoreCreditStatus.CLOSED and credit.account.posted:
                self.found("account", credit.id, f"is closed, but has posted {credit.account.posted}")

    @property
    def reserved(self) -> frozenset[HoldId]:
        """The holds that the accounts looked at reserve for, as far as they were not compared yet."""
        return frozenset(self._reserved)

    def holds(self, reader: Reader, holds: Iterable[Hold]) -> None:
        """Check that holds and what accounts reserve for them say the same; all that are reserved for must be there."""
        forgotten = [hold for hold in holds if self._is_forgotten(hold, self._reserved.pop(hold.id, {}))]
        for hold in forgotten:
            self._forgotten(reader, hold)
        for hold_id in self._reserved:
            self.found("hold", hold_id, "is not there, but value is reserved for it")

    def _is_forgotten(self, hold: Hold, reserved: dict[AccountId, int]) -> bool:
        """Check a hold against what accounts reserve for it; tell whether an open one lacks something."""
        if reserved and hold.status is not HoldStatus.OPEN:
            self.found("hold", hold.id, f"is {hold.status}, but {sum(reserved.values())} is still reserved for it")
        amounts = {tender.account_id: tender.amount for tender in hold.tenders}
        for account_id, amount in reserved.items():
            if amounts.get(account_id, 0) != amount:
                self.found("hold", hold.id, f"does not hold the {amount} that account {account_id} reserves for it")
        is_open = hold.status is HoldStatus.OPEN
        return is_open and any(amount and account_id not in reserved for account_id, amount in amounts.items())

    def _forgotten(self, reader: Reader, hold: Hold) -> None:
        """Find what an account stopped reserving before its time; every change of an account moves its time."""
        amounts = {tender.account_id: tender.amount for tender in hold.tenders}
        for account in reader.find(Wanted(hold_ids=(hold.id,))).accounts():
            is_missing = amounts[account.id] and account.reservation(hold.id) is None
            if is_missing and account.recorded_at < hold.lapses_at:
                self.found("hold", hold.id, f"holds {amounts[account.id]} that account {account.id} does not reserve")

    def everything(self, reader: Reader) -> None:
        """Check all accounts and all holds, page by page, and the whole."""
        after: AccountId | None = None
        while (found := reader.page_of_accounts(after, PAGE)).accounts():
            self.page(reader, found)
            after = max(account.id for account in found.accounts())
        self._whole(reader)
        for hold_id in reader.holds_captured_wrong():
            self.found("hold", hold_id, CAPTURED_WRONG)
        self.holds(reader, reader.holds())

    def _whole(self, reader: Reader) -> None:
        """Check that the house's side and the customers' side sum to zero, and that nothing hangs in the air."""
        given: dict[str, int] = {}
        for movement in reader.movements(None, None):
            net = (movement.debit_house is not None) - (movement.credit_house is not None)
            given[movement.currency] = given.get(movement.currency, 0) + net * movement.amount
        for currency in sorted({*given, *self._owed}):
            owed, from_house = self._owed.get(currency, 0), given.get(currency, 0)
            if owed != from_house:
                self.found("currency", currency, f"customers are owed {owed}, but the house gave {from_house}")
        for transfer_id in reader.redemptions_refunded_too_much():
            self.found("transfer", transfer_id, REFUNDED_TOO_MUCH)
        for batch_id in reader.batches_issued_wrong():
            self.found("batch", batch_id, BATCH_WRONG)
        for transfer_id in reader.unattached_transfers():
            self.found("transfer", transfer_id, UNATTACHED)
