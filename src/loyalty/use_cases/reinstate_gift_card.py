"""Bring expired value back to a gift card."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidTime, NotSpendable, RefundTooLarge
from loyalty.events import GiftCardReinstated
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.entry import Entry
from loyalty.ledger.lot import Lot
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import ALL, Everything, minor_units
from loyalty.policies.expiry import later
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import TransferFilter, UnitOfWork, Wanted
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.expiring import expire

__all__ = ["ReinstateGiftCard", "Reinstatement"]


@attrs.frozen
class _Share:
    """What one expiry took from one lot, in minor units."""

    expiry: Transfer
    lot_id: LotId
    amount: int


@attrs.frozen(kw_only=True)
class Reinstatement:
    """What came back, the card after it, and the entries; the first posts what no sweep had posted as expired."""

    gift_card: GiftCardView
    amount: Money
    entries: tuple[Entry, ...]


@attrs.frozen(kw_only=True)
class ReinstateGiftCard(Command[Reinstatement]):
    """
    Give *amount* of the value that expired on a card back, with a new end.

    For staff, so *actor* and *reason* are required. It makes no difference
    whether a sweep has posted the expiry: what it has not is posted first. The
    value comes back from where it went, in new lots that carry on the old ones:
    origin, beginning, priority and tax treatment stay. It ends at *expires_at*
    (aware, UTC, the first instant at which it is no longer spendable; None is
    never), or as much later as the shop's expiry policy says, asked with the
    time at which the card was last loaded. What expired first comes back first.
    Blocked cards are reinstated too, and stay blocked.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is pending or deactivated.
        loyalty.errors.CurrencyMismatch: If the card is in another currency.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.RefundTooLarge: If less has expired and not come back yet;
            nothing, for ``ALL``.

    Guarantees:
        What comes back is never more than what expired, however often and however
        many at once (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = Reinstatement

    expires_at: datetime | None = attrs.field(converter=fields.to_utc)
    actor: str = attrs.field(validator=fields.is_text)
    reason: str = attrs.field(validator=fields.is_text)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    amount: Money | Everything = attrs.field(default=ALL, validator=fields.is_amount_or_all)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Reinstatement]:
        """Decide what comes back to the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, self.gift_card_id)), self.code)
        account, at = card.account, card.account.instant(context.now)
        self._require_possible(card, at)
        posted = tuple(uow.transfers(TransferFilter(account_id=account.id, kind=TransferKind.EXPIRY, standing=True)))
        lots, transfers = _lots_of(uow, account, posted), list[Transfer]()
        if (expired := expire(self, context, account, at)) is not None:
            account, expiry = expired
            transfers.append(expiry)
        shares = self._chosen(card, _not_back(uow, posted, tuple(transfers)))
        for expiry, parts in groupby(shares, key=attrgetter("expiry")):
            opened = tuple(self._lot(context, card, lots[part.lot_id], part.amount, at) for part in parts)
            account, side = account.credit(opened, at)
            transfers.append(self._back(context, account, expiry, side, at))
        return self._outcome(context, card, account, tuple(transfers))

    def _require_possible(self, card: GiftCard, at: datetime) -> None:
        if card.status in {GiftCardStatus.PENDING, GiftCardStatus.DEACTIVATED}:
            raise NotSpendable(f"a {card.status} gift card is not reinstated", reason=card.status.value)
        if self.amount is not ALL:
            card.account.require_currency(self.amount)
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("value must come back with an end in the future")

    def _chosen(self, card: GiftCard, shares: list[_Share]) -> Iterator[_Share]:
        """Yield what comes back of which expiry and lot; what expired first comes first."""
        left = sum([share.amount for share in shares])
        amount = left if self.amount is ALL else minor_units(self.amount)
        if not 0 < amount <= left:
            raise RefundTooLarge(refundable=card.account.money(left))
        for share in shares:
            if part := min(amount, share.amount):
                amount -= part
                yield attrs.evolve(share, amount=part)

    def _lot(self, context: Context, card: GiftCard, lot: Lot, amount: int, at: datetime) -> Lot:
        least = context.policies.expiry(lot.origin, self.expires_at, card.loaded_at or card.issued_at)
        return context.lot_like(lot, amount, at, expires_at=later(least, self.expires_at))

    def _back(self, context: Context, account: Account, expiry: Transfer, side: Side, at: datetime) -> Transfer:
        return self.transfer(
            context,
            TransferKind.REINSTATEMENT,
            account,
            amount=sum([move.amount for move in side.lots]),
            debit=Side(house=expiry.credit.house),
            credit=side,
            at=at,
            refunds=expiry.id,
        )

    def _outcome(
        self, context: Context, card: GiftCard, account: Account, transfers: tuple[Transfer, ...]
    ) -> Outcome[Reinstatement]:
        before = {lot.id for lot in card.account.lots}
        ends = card.expires_at
        for lot in account.lots:
            ends = ends if lot.id in before else later(ends, lot.expires_at)
        reinstated = attrs.evolve(card, account=account, expires_at=ends)
        back = [transfer for transfer in transfers if transfer.kind is TransferKind.REINSTATEMENT]
        amount = account.money(sum([transfer.amount for transfer in back]))
        return Outcome(
            result=Reinstatement(
                gift_card=GiftCardView.of(reinstated, account.recorded_at),
                amount=amount,
                entries=tuple(Entry.of(transfer, account.id) for transfer in transfers),
            ),
            event=GiftCardReinstated(
                gift_card_id=card.id,
                transfer_ids=tuple(transfer.id for transfer in back),
                amount=amount,
                expires_at=ends,
                actor=self.actor,
                reason=self.reason,
            ),
            changes=Changes(
                gift_cards=(reinstated,), accounts=(AccountChange(card.account, account),), transfers=transfers
            ),
            decisions=(context.policies.decided("expiry"),),
        )


def _not_back(uow: UnitOfWork, posted: tuple[Transfer, ...], new: tuple[Transfer, ...]) -> list[_Share]:
    """Return what has expired and not come back, in the order in which it expired; what was reversed is not back."""
    back: dict[tuple[TransferId | None, LotId], int] = {}
    ids = tuple([one.id for one in posted])
    for transfer in uow.transfers(TransferFilter(refunds=ids, standing=True)) if ids else ():
        for move in transfer.credit.lots:
            share = (transfer.refunds, move.source_lot_id or move.lot_id)
            back[share] = back.get(share, 0) + move.amount
    return [
        _Share(expiry, move.lot_id, move.amount - back.get((expiry.id, move.lot_id), 0))
        for expiry in posted + new
        for move in expiry.debit.lots
    ]


def _lots_of(uow: UnitOfWork, account: Account, posted: tuple[Transfer, ...]) -> dict[LotId, Lot]:
    """Return the lots of the account, with the emptied ones that *posted* names."""
    lots = {lot.id: lot for lot in account.lots}
    named = tuple(dict.fromkeys([move.lot_id for one in posted for move in one.debit.lots]))
    for found in uow.find(Wanted(account_ids=(account.id,), lot_ids=named)).accounts() if named else ():
        lots.update({lot.id: lot for lot in found.lots})
    return lots
