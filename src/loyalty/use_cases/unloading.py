"""
Taking back the value of a sold card whose sale is undone.

Each transfer that loaded the card is undone by itself, so that what is taken back goes
where it came from. Three things can have become of its value: it is on the card and
free, it is on the card and held, or it has left the card. The first is clawed
back, the second waits, and the third is written off as a loss, once. If some of
that comes back later, it is clawed back against the loss. Whatever undoes a load names
it, so never more is undone than was loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.identifiers import LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import Lot, LotMove
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Context, Request

__all__ = ["UnloadedCard", "unload"]

_LOSS = Side(house=HouseAccount.LOSS)


@attrs.frozen(kw_only=True)
class UnloadedCard:
    """
    A card before and after, and the sums in minor units.

    ``taken`` and ``lost`` are of this time; ``clawed_back``, ``spent`` and
    ``held`` are how it stands now.
    """

    before: GiftCard
    after: GiftCard
    transfers: tuple[Transfer, ...]
    taken: int
    lost: int
    clawed_back: int
    spent: int
    held: int


def unload(
    request: Request[Any], uow: UnitOfWork, context: Context, card: GiftCard, history: Sequence[Transfer]
) -> UnloadedCard:
    """Return *card* without what its sale loaded; *history* are the standing transfers of the order."""
    work = _Unloading(request, context, card, history)
    loads = [one for one in history if one.kind is TransferKind.ISSUE and one.credit.account_id == card.account.id]
    origins = _origins(uow, work.account, loads)
    for loaded in loads:
        work.undo(loaded, [lot for lot in work.account.lots if origins.get(lot.id) == loaded.id])
    return work.done()


def _origins(uow: UnitOfWork, account: Account, loads: Sequence[Transfer]) -> Mapping[LotId, TransferId]:
    """
    Return which load each lot carries on.

    A lot that was granted again names the one it carries on, which may be empty
    and so not at hand; then it is read.
    """
    origins = {move.lot_id: loaded.id for loaded in loads for move in loaded.credit.lots}
    known = {lot.id: lot.source_lot_id for lot in account.lots}
    while unknown := {source for source in known.values() if source is not None} - known.keys() - origins.keys():
        found = uow.find(Wanted(account_ids=(account.id,), lot_ids=tuple(sorted(unknown))))
        read = {lot.id: lot.source_lot_id for one in found.accounts() for lot in one.lots if lot.id in unknown}
        known.update(dict.fromkeys(unknown) | read)
    for lot_id in known:
        root: LotId | None = lot_id
        while root is not None and root not in origins:
            root = known.get(root)
        if root is not None:
            origins[lot_id] = origins[root]
    return origins


class _Unloading:
    """One card while its loads are undone, one after the other."""

    def __init__(self, request: Request[Any], context: Context, card: GiftCard, history: Sequence[Transfer]) -> None:
        self._request = request
        self._context = context
        self._card = card
        self._history = history
        self._at = card.account.instant(context.now)
        self._transfers: list[Transfer] = []
        self._taken = self._lost = self._clawed_back = self._spent = self._held = 0
        self.account = card.account.standing(self._at)

    def undo(self, loaded: Transfer, lots: Sequence[Lot]) -> None:
        """Claw back what is free of a load, and write off what has left the card."""
        losses = self._undoing(loaded.id, TransferKind.LOSS)
        returned = self._undoing(loaded.id, TransferKind.CLAWBACK)
        recovered = [(loss, sum(self._amounts(loss.id, TransferKind.CLAWBACK))) for loss in losses]
        free, held = sum(lot.free for lot in lots), sum(lot.held for lot in lots)
        undone = sum(one.amount for one in (*losses, *returned))
        back = min(free, loaded.amount - undone)
        self._claw_back(lots, back, Side(house=loaded.debit.house), loaded.id)
        rest = free - back
        for loss, amount in recovered:
            part = min(rest, loss.amount - amount)
            self._claw_back(lots, part, _LOSS, loss.id)
            rest -= part
        lost = max(0, loaded.amount - undone - back - held)
        if lost:
            self._post(TransferKind.LOSS, lost, _LOSS, Side(house=loaded.debit.house), loaded.id)
        before = sum(one.amount for one in returned) + sum(amount for _, amount in recovered)
        self._count(loaded.amount, taken=free, lost=lost, before=before, held=held)

    def done(self) -> UnloadedCard:
        """Return the card, stopped: for good if nothing is left on it."""
        card, after = self._card, self._card
        if card.status is not GiftCardStatus.DEACTIVATED:
            after = card.move_to(GiftCardStatus.BLOCKED if self.account.posted else GiftCardStatus.DEACTIVATED)
        if self._taken:
            after = after.with_account(self.account)
        elif after is not card or self._transfers:
            after = after.with_account(card.account.touched())
        return UnloadedCard(
            before=card,
            after=after,
            transfers=tuple(self._transfers),
            taken=self._taken,
            lost=self._lost,
            clawed_back=self._clawed_back,
            spent=self._spent,
            held=self._held,
        )

    def _undoing(self, of: TransferId, kind: TransferKind) -> list[Transfer]:
        return [one for one in self._history if one.refunds == of and one.kind is kind]

    def _amounts(self, of: TransferId, kind: TransferKind) -> list[int]:
        return [one.amount for one in self._undoing(of, kind)]

    def _claw_back(self, lots: Iterable[Lot], amount: int, house: Side, of: TransferId) -> None:
        """Take *amount* out of the lots as they are by now."""
        if amount == 0:
            return
        moves = _moves([self.account.lot(lot.id) for lot in lots], amount)
        self.account, side = self.account.debit(moves, self._at)
        self._post(TransferKind.CLAWBACK, amount, side, house, of)

    def _post(self, kind: TransferKind, amount: int, debit: Side, credit: Side, of: TransferId) -> None:
        self._transfers.append(
            self._request.transfer(
                self._context,
                kind,
                self.account,
                amount=amount,
                debit=debit,
                credit=credit,
                at=self._at,
                order_id=self._card.order_id,
                refunds=of,
            )
        )

    def _count(self, loaded: int, *, taken: int, lost: int, before: int, held: int) -> None:
        self._taken += taken
        self._lost += lost
        self._clawed_back += before + taken
        self._held += held
        self._spent += loaded - before - taken - held


def _moves(lots: Iterable[Lot], amount: int) -> tuple[LotMove, ...]:
    """Return moves that take *amount* of what is free, expired or not."""
    moves = []
    for lot in lots:
        taken = min(amount, lot.free)
        if taken:
            moves.append(LotMove(lot_id=lot.id, amount=taken, origin=lot.origin))
        amount -= taken
    return tuple(moves)
