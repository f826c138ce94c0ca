"""
What may never happen, checked on a whole ledger.

It adds up plain integers from the transfers and asks no rule of the library, so
it notices what the library's own audit might overlook.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.lot import Lot
from loyalty.ledger.transfer import Side, Transfer
from loyalty.testing.books import Books

__all__ = ["require_available", "require_nothing_lost", "require_sound"]


def require_sound(books: Books) -> None:
    """
    Check every law that can be seen on the books at one instant.

    Raises:
        AssertionError: If value appeared, vanished or became negative, if a
            cached sum is not the sum, if a sequence has a gap, if more was
            given back than taken, or captured than held, if accounts and holds do
            not say the same, or if value is on a closed account.
    """
    for transfer in books.transfers:
        _require_two_sides(transfer)
    for account in books.accounts:
        _require_sums(account, books)
    for credit in books.store_credit_accounts:
        assert credit.status != "closed" or credit.account.posted == 0, "value is on a closed account"
        assert credit.successor_id is None or credit.status == "closed"
    _require_conserved(books)
    _require_refunds_within(books)
    _require_holds(books)
    _require_batches(books)


def require_nothing_lost(before: Books, after: Books) -> None:
    """
    Check that history was only added to.

    Raises:
        AssertionError: If a transfer of *before* is missing or different, or
            if an account lost a lot or changed its currency, or if a hold
            vanished, or changed after it was resolved.
    """
    known = {transfer.id: transfer for transfer in after.transfers}
    for transfer in before.transfers:
        assert transfer == known.get(transfer.id)
    assert {receipt.id for receipt in before.receipts} <= {receipt.id for receipt in after.receipts}
    for account in before.accounts:
        later = after.account(account.id)
        assert (account.currency, account.exponent) == (later.currency, later.exponent)
        assert {lot.id for lot in account.lots} <= {lot.id for lot in later.lots}
        assert account.recorded_at <= later.recorded_at
        assert account.sequence <= later.sequence
    holds = {hold.id: hold for hold in after.holds}
    for hold in before.holds:
        assert _lasting(hold) == _lasting(holds[hold.id])
        if hold.status != "open":
            assert hold == holds[hold.id], "a hold was resolved twice"


def require_available(books: Books, at: datetime) -> None:
    """
    Check that what is available at *at* is what is posted, less all that is reserved, expired or not yet begun.

    Raises:
        AssertionError: If an account says something else.
    """
    for account in books.accounts:
        held: Counter[str] = Counter()
        for reservation in account.reservations:
            if at < reservation.lapses_at:
                held.update({move.lot_id: move.amount for move in reservation.moves})
        dead = sum(lot.remaining - held[lot.id] for lot in account.lots if not _can_be_spent(lot, at))
        assert account.posted - held.total() - dead == account.available(at)


def _can_be_spent(lot: Lot, at: datetime) -> bool:
    has_begun = lot.not_before is None or lot.not_before <= at
    return has_begun and (lot.expires_at is None or at < lot.expires_at)


def _lasting(hold: Hold) -> tuple[object, ...]:
    """Return what of a hold nothing may change."""
    accounts = [(tender.account_id, tender.at_most, tender.priority) for tender in hold.tenders]
    return (hold.order_id, hold.customer_id, hold.currency, hold.exponent, hold.placed_at, accounts)


def _require_two_sides(transfer: Transfer) -> None:
    assert transfer.amount > 0
    for side in (transfer.debit, transfer.credit):
        assert (side.account_id is None) is (side.house is not None), transfer
        if side.account_id is not None:
            assert transfer.amount == sum(move.amount for move in side.lots)
            assert all(move.amount > 0 for move in side.lots)
            assert len(side.lots) == len({move.lot_id for move in side.lots})


def _require_sums(account: Account, books: Books) -> None:
    history = books.history(account.id)
    balance, lots, recorded_at = 0, Counter[str](), account.opened_at
    for place, (transfer, side, sign) in enumerate(history, start=1):
        balance += sign * transfer.amount
        _add_moves(lots, side, sign)
        assert place == side.sequence, "the sequence has a gap"
        assert balance == side.balance_after
        assert balance >= 0
        assert min(lots.values()) >= 0
        assert (account.currency, account.exponent) == (transfer.currency, transfer.exponent)
        assert recorded_at <= transfer.recorded_at
        recorded_at = transfer.recorded_at
    assert len(history) == account.sequence
    assert balance == account.posted
    assert account.posted == sum(lot.remaining for lot in account.lots)
    assert 0 <= account.held <= account.posted
    assert account.held == sum(lot.held for lot in account.lots)
    assert {id_: amount for id_, amount in lots.items() if amount} == {
        lot.id: lot.remaining for lot in account.lots if lot.remaining
    }
    for lot in account.lots:
        assert 0 <= lot.held <= lot.remaining <= lot.amount


def _add_moves(lots: Counter[str], side: Side, sign: int) -> None:
    for move in side.lots:
        lots[move.lot_id] += sign * move.amount


def _require_conserved(books: Books) -> None:
    given: Counter[str] = Counter()
    for transfer in books.transfers:
        from_house, to_house = transfer.debit.house is not None, transfer.credit.house is not None
        given[transfer.currency] += (from_house - to_house) * transfer.amount
    assert {currency: owed for currency, owed in books.owed().items() if owed} == {
        currency: amount for currency, amount in given.items() if amount
    }


def _require_refunds_within(books: Books) -> None:
    known: dict[str, Transfer] = {transfer.id: transfer for transfer in books.transfers}
    reversals = [transfer for transfer in books.transfers if transfer.kind == "reversal"]
    reversed_ = {str(reversal.refunds) for reversal in reversals}
    assert len(reversals) == len(reversed_), "something was reversed twice"
    for reversal in reversals:
        _require_undone(known[str(reversal.refunds)], reversal)
    taken: Counter[tuple[str, str]] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    for transfer in books.transfers:
        taken.update({(transfer.id, move.lot_id): move.amount for move in transfer.debit.lots})
        if transfer.refunds is not None and transfer.id not in reversed_:
            assert transfer.refunds in known
            for move in transfer.credit.lots:
                given[transfer.refunds, move.source_lot_id or move.lot_id] += move.amount
    for share, amount in given.items():
        assert amount <= taken[share], "more was given back than taken"


def _require_undone(original: Transfer, reversal: Transfer) -> None:
    assert original.kind != "reversal", "a reversal was reversed"
    assert original.amount == reversal.amount
    for before, after in ((original.debit, reversal.credit), (original.credit, reversal.debit)):
        assert (before.account_id, before.house) == (after.account_id, after.house)
    assert _amounts(original.credit) == _amounts(reversal.debit)
    again = {move.source_lot_id or move.lot_id: move.amount for move in reversal.credit.lots}
    assert _amounts(original.debit) == Counter(again)


def _amounts(side: Side) -> Counter[str]:
    return Counter({move.lot_id: move.amount for move in side.lots})


def _require_holds(books: Books) -> None:
    holds = {hold.id: hold for hold in books.holds}
    assert len(holds) == len(books.holds)
    open_orders = [hold.order_id for hold in books.holds if hold.status == "open"]
    assert len(open_orders) == len(set(open_orders)), "an order has two open holds"
    for hold in books.holds:
        _require_hold(hold)
    for account in books.accounts:
        _require_reservations(account, {str(id_): hold for id_, hold in holds.items()})
    captured: Counter[str] = Counter()
    for transfer in books.transfers:
        if transfer.hold_id is not None:
            assert ("redemption", holds[transfer.hold_id].order_id) == (transfer.kind, transfer.order_id)
            held = {tender.account_id: tender.amount for tender in holds[transfer.hold_id].tenders}
            assert transfer.amount <= held[transfer.debit.account_id or holds[transfer.hold_id].tenders[0].account_id]
            captured[transfer.hold_id] += transfer.amount
    assert {hold.id: hold.captured for hold in books.holds if hold.captured} == dict(captured)


def _require_batches(books: Books) -> None:
    units: dict[str, list[int | None]] = {batch.id: [] for batch in books.batches}
    for card in books.gift_cards:
        if card.batch_id is not None:
            units[card.batch_id].append(card.unit)
    for batch in books.batches:
        assert sorted(unit or 0 for unit in units[batch.id]) == list(range(1, batch.issued + 1)), "a card is missing"
        assert 0 <= batch.revealed <= batch.issued <= batch.count


def _require_hold(hold: Hold) -> None:
    assert 0 <= hold.captured <= sum(tender.amount for tender in hold.tenders) <= hold.amount_due
    assert (hold.status == "open") is (hold.resolved_at is None)
    assert hold.status == "captured" or hold.captured == 0
    assert len(hold.tenders) == len({tender.account_id for tender in hold.tenders})
    for tender in hold.tenders:
        assert 0 <= tender.amount <= (hold.amount_due if tender.at_most is None else tender.at_most)


def _require_reservations(account: Account, holds: dict[str, Hold]) -> None:
    held: Counter[str] = Counter()
    for reservation in account.reservations:
        hold = holds[reservation.hold_id]
        amounts = {tender.account_id: tender.amount for tender in hold.tenders}
        assert hold.status == "open", "value is reserved for a hold that is closed"
        assert amounts[account.id] == sum(move.amount for move in reservation.moves)
        assert hold.lapses_at == reservation.lapses_at
        assert min(move.amount for move in reservation.moves) > 0
        held.update({move.lot_id: move.amount for move in reservation.moves})
    assert len(account.reservations) == len({reservation.hold_id for reservation in account.reservations})
    assert dict(held) == {lot.id: lot.held for lot in account.lots if lot.held}
    assert held.total() == account.held
