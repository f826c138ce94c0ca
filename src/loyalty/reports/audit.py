"""
Re-adds every balance from its transfers and names what does not fit.

Never repairs anything. It walks the accounts in pages and streams their
transfers, so a ledger of any size is checked in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import attrs

from loyalty import fields
from loyalty.identifiers import AccountId, HoldId, LotId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold, HoldStatus
from loyalty.ledger.transfer import Transfer, TransferKind
from loyalty.ports.storage import Found, Reader, Wanted
from loyalty.reports.query import Query, QueryContext
from loyalty.store_credit.account import StoreCreditStatus

__all__ = ["Audit", "AuditReport", "Finding"]

PAGE = 500


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that does not fit: what it is about, its id, and what is wrong in figures."""

    subject: str
    id: str
    problem: str


@attrs.frozen(kw_only=True)
class AuditReport:
    """What was checked and found. ``findings`` begins with the first wrong row and stops at *limit*."""

    accounts: int
    transfers: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether everything fits."""
        return not self.findings


@attrs.frozen(kw_only=True)
class Audit(Query[AuditReport]):
    """
    Check that the books tie, from the transfers up.

    For every account: sequences have no gap, each balance after is the sum so
    far, the posted balance and every lot equal the sum of their moves,
    0 ≤ held ≤ posted, lots sum to the account, and a card that has any entry was
    issued with its face value, or imported with at most that. For the whole: what
    customers are owed is what the house accounts gave, nothing was given back
    beyond what was moved, no transfer hangs in the air, every hold was captured
    once and within what it held, accounts reserve for open holds as much as those
    say, and for no others, and closed accounts are empty. The cards of every batch are numbered without a gap.
    """

    limit: int = attrs.field(default=100, validator=fields.is_whole_number(1, 10_000))

    def answer(self, reader: Reader, context: QueryContext) -> AuditReport:  # noqa: ARG002  # asked of every query
        """Answer from the books."""
        check = _Check(self.limit)
        after: AccountId | None = None
        while (found := reader.page_of_accounts(after, PAGE)).accounts():
            page = _in_order(found)
            ids = tuple(account.id for account, _ in page)
            entries = groupby(reader.transfers_of(ids), key=itemgetter(0))
            check.accounts_of(page, entries)
            check.closed(found)
            after = ids[-1]
        check.whole(reader)
        check.holds(reader)
        return AuditReport(accounts=check.accounts, transfers=check.entries, findings=tuple(check.findings))


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


class _Check:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.accounts = 0
        self.entries = 0
        self.findings: list[Finding] = []
        self._owed: dict[str, int] = {}
        self._reserved: dict[HoldId, dict[AccountId, int]] = {}

    def found(self, subject: str, id_: str, problem: str) -> None:
        if len(self.findings) < self.limit:
            self.findings.append(Finding(subject=subject, id=id_, problem=problem))

    def accounts_of(
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
            self.account(account, face, (transfer for _, transfer in history))
            if upcoming is not None and upcoming[0] == account.id:
                upcoming = next(entries, None)

    def account(self, account: Account, face: int | None, history: Iterator[Transfer]) -> None:
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

    def closed(self, found: Found) -> None:
        """Check that nothing is on the closed accounts of one page."""
        for credit in found.store_credit_accounts:
            if credit.status is StoreCreditStatus.CLOSED and credit.account.posted:
                self.found("account", credit.id, f"is closed, but has posted {credit.account.posted}")

    def holds(self, reader: Reader) -> None:
        """Check that each hold, its reservations and its redemptions say the same."""
        for hold_id in reader.holds_captured_wrong():
            self.found("hold", hold_id, "captured something else than was redeemed for it, or more than it held")
        forgotten = [hold for hold in reader.holds() if self._is_forgotten(hold, self._reserved.pop(hold.id, {}))]
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

    def whole(self, reader: Reader) -> None:
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
            self.found("transfer", transfer_id, "took less than was given back for it")
        for batch_id in reader.batches_issued_wrong():
            self.found("batch", batch_id, "has other cards than it says were issued")
        for transfer_id in reader.unattached_transfers():
            self.found("transfer", transfer_id, "names an account, a transfer or a hold that is not there")
