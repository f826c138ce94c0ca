"""Undo one earlier transfer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import AlreadyReversed, CorruptLedger, InsufficientBalance, NotReversible, TransferNotFound
from loyalty.events import TransferReversed
from loyalty.identifiers import TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.entry import Entry
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import to_money
from loyalty.policies.decision import Decision
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, TransferFilter, UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.giving_back import GivenBack, give_back

__all__ = ["Reversal", "ReverseTransfer"]

_OF_A_SALE = frozenset({TransferKind.CLAWBACK, TransferKind.LOSS})

_BETWEEN_CUSTOMERS = frozenset({TransferKind.CONVERSION, TransferKind.MOVE})


@attrs.frozen(kw_only=True)
class Reversal:
    """
    What was undone: ``reverses`` names it, ``id`` is the transfer that undid it.

    ``forfeited`` is the part of ``amount`` that went back to value that had
    expired, and ``regranted`` the part that had expired and was granted again.
    ``entries`` tells it as each customer's account sees it.
    """

    id: TransferId
    reverses: TransferId
    amount: Money
    forfeited: Money
    regranted: Money
    entries: tuple[Entry, ...]


@attrs.frozen(kw_only=True)
class ReverseTransfer(Command[Reversal]):
    """
    Undo exactly one earlier transfer, whole and once, by a transfer the other way round.

    For staff, so *actor* and *reason* are required. Value goes back lot by lot:
    what was issued, granted, reloaded, reinstated, refunded, converted or moved is
    taken out of the lots it went to, if all of it is still there, unspent and
    unheld; what was taken, also to be paid out in money, is given back to the lots
    it came from. Where such a lot has expired
    meanwhile, value follows the shop's policy for refunds, except that value which
    was only converted or moved keeps its expiry. Terms that a reload restarted stay.
    Blocked cards and accounts are corrected too. A reversal is final: what it did
    wrong is an ``AdjustValue``. A refund that was reversed can be made again.

    Raises:
        loyalty.errors.TransferNotFound: If there is no such transfer.
        loyalty.errors.NotReversible: If it is a reversal itself, belongs to a sale of
            gift cards that was reversed, or a part of it was refunded or reinstated.
        loyalty.errors.AlreadyReversed: If it was reversed before.
        loyalty.errors.NotSpendable: If value would go back to a closed account.
        loyalty.errors.InsufficientBalance: If not all of the value is still there.

    Guarantees:
        One of many reversals at once wins (``tests/storages/test_races.py``), and
        what is refunded and reversed is never more than what was moved
        (``tests/properties/test_a_transfer_is_reversed_once.py``).
    """

    result_type: ClassVar[type] = Reversal

    transfer_id: str = attrs.field(validator=fields.is_text)
    actor: str = attrs.field(validator=fields.is_text)
    reason: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Reversal]:
        """Decide the reversal under the locks of every account that took part."""
        original = self._original(uow)
        found = uow.lock(_wanted(original))
        _require_standing(uow, original)
        for credit in found.store_credit_accounts:
            if credit.id == original.debit.account_id:
                credit.require_not_closed()
        at = found.instant(context.now)
        loser, winner = _account(found, original.credit), _account(found, original.debit)
        taken = None if loser is None else loser.debit(_still_there(loser.standing(at), original), at)
        given = None if winner is None else _give_back(context, winner, original, at)
        changes = []
        if loser is not None and taken is not None:
            changes.append(AccountChange(loser, taken[0]))
        if winner is not None and given is not None:
            changes.append(AccountChange(winner, given.after))
        transfer = self.transfer(
            context,
            TransferKind.REVERSAL,
            changes[0].before,
            amount=original.amount,
            debit=Side(house=original.credit.house) if taken is None else taken[1],
            credit=Side(house=original.debit.house) if given is None else given.side,
            at=at,
            order_id=original.order_id,
            refunds=original.id,
        )
        return self._outcome(context, original, transfer, given, tuple(changes))

    def _original(self, uow: UnitOfWork) -> Transfer:
        """Return the transfer to undo; transfers never change, so it needs no lock."""
        for original in uow.transfers(TransferFilter(ids=(TransferId(self.transfer_id),))):
            if original.kind is TransferKind.REVERSAL:
                raise NotReversible("a reversal is not reversed; adjust the value", reason="reversal")
            if original.kind in _OF_A_SALE:
                raise NotReversible("a sale that was reversed stays so; adjust the value", reason="sale")
            return original
        raise TransferNotFound

    def _outcome(
        self,
        context: Context,
        original: Transfer,
        transfer: Transfer,
        given: GivenBack | None,
        changes: tuple[AccountChange, ...],
    ) -> Outcome[Reversal]:
        forfeited, regranted = (0, 0) if given is None else (given.forfeited, given.regranted)
        return Outcome(
            result=Reversal(
                id=transfer.id,
                reverses=original.id,
                amount=transfer.money,
                forfeited=to_money(forfeited, transfer.currency, transfer.exponent),
                regranted=to_money(regranted, transfer.currency, transfer.exponent),
                entries=tuple(Entry.of(transfer, change.after.id) for change in changes),
            ),
            event=TransferReversed(
                transfer_id=transfer.id,
                reverses=original.id,
                kind=original.kind.value,
                amount=transfer.money,
                order_id=original.order_id,
                actor=self.actor,
                reason=self.reason,
            ),
            changes=Changes(accounts=changes, transfers=(transfer,)),
            decisions=_decided(context, original, forfeited, regranted),
        )


def _decided(context: Context, original: Transfer, forfeited: int, regranted: int) -> tuple[Decision, ...]:
    if original.kind in _BETWEEN_CUSTOMERS or not (forfeited or regranted):
        return ()
    return (context.policies.decided("refund_expiry", f"forfeit {forfeited}, regrant {regranted}"),)


def _wanted(original: Transfer) -> Wanted:
    sides = (original.debit, original.credit)
    return Wanted(
        account_ids=tuple([side.account_id for side in sides if side.account_id is not None]),
        lot_ids=tuple(dict.fromkeys([move.lot_id for side in sides for move in side.lots])),
    )


def _require_standing(uow: UnitOfWork, original: Transfer) -> None:
    """Check, under the lock, that nothing of the transfer was given back before."""
    for earlier in uow.transfers(TransferFilter(refunds=(original.id,), standing=True)):
        if earlier.kind is TransferKind.REVERSAL:
            raise AlreadyReversed
        raise NotReversible("a part of it was refunded; refund the rest", reason="refunded")


def _account(found: Found, side: Side) -> Account | None:
    """Return the customer's account of a side, or None for the house's side."""
    if side.account_id is None:
        return None
    for account in found.accounts():
        if account.id == side.account_id:
            return account
    raise CorruptLedger(f"account {side.account_id} of a transfer is not there")


def _still_there(account: Account, original: Transfer) -> tuple[LotMove, ...]:
    """Return the moves that take out again what the transfer gave, if all of it is there and free."""
    moves = original.credit.lots
    free = [min(move.amount, account.lot(move.lot_id).free) for move in moves]
    if sum(free) != original.amount:
        raise InsufficientBalance(requested=original.money, available=account.money(sum(free)))
    return tuple([LotMove(lot_id=move.lot_id, amount=move.amount, origin=move.origin) for move in moves])


def _give_back(context: Context, account: Account, original: Transfer, at: datetime) -> GivenBack:
    """Give back what the transfer took. What only moved between customers goes back as it is, expired or not."""
    moves = original.debit.lots
    if original.kind in _BETWEEN_CUSTOMERS:
        after, side = account.give_back(moves, (), at)
        return GivenBack(after, side, sum(_expired(account, moves, at)), 0)
    return give_back(context, account, [(move.lot_id, move.amount) for move in moves], at)


def _expired(account: Account, moves: tuple[LotMove, ...], at: datetime) -> Iterator[int]:
    return (move.amount for move in moves if account.lot(move.lot_id).is_expired(at))
