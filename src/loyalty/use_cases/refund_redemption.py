"""Give back value that paid for an order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import ConcurrentUpdate, CorruptLedger, CurrencyMismatch, RedemptionNotFound, RefundTooLarge
from loyalty.events import RedemptionRefunded
from loyalty.identifiers import AccountId, GiftCardId, LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import ALL, Everything, minor_units, split_next, to_money
from loyalty.policies.decision import Decision
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, TransferFilter, UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.giving_back import give_back

__all__ = ["Refund", "RefundPart", "RefundRedemption"]

_REDEMPTIONS = Side(house=HouseAccount.REDEMPTIONS)


@attrs.frozen(kw_only=True)
class RefundPart:
    """What went back to one account for one redemption. ``id`` is the refund's transfer."""

    id: TransferId
    redemption_id: TransferId
    account_id: AccountId
    gift_card_id: GiftCardId | None
    amount: Money
    balance_after: Money


@attrs.frozen(kw_only=True)
class Refund:
    """
    What was given back. ``amount`` is the sum of ``parts``.

    ``forfeited`` is the part of it that went back to value that had expired, and
    ``regranted`` the part that had expired and was granted again.
    """

    order_id: str | None
    amount: Money
    forfeited: Money
    regranted: Money
    parts: tuple[RefundPart, ...]


@attrs.frozen(kw_only=True)
class RefundRedemption(Command[Refund]):
    """
    Give back *amount* of what stored value paid for an order, to the lots it came from.

    By *order_id* the refund is spread over all the order's redemptions in
    proportion to what each paid; by *redemption_id* it goes to that one. Several
    partial refunds are allotted together, so the last one closes every lot
    exactly. A refund that was reversed does not count; of a redemption that was
    reversed nothing is left to refund. ``ALL`` gives back whatever is left. A blocked card takes its refund
    too. Value whose lot has expired meanwhile follows the shop's policy: paid
    value is granted again for 30 days, promotional value is forfeited. What an
    account paid that was merged into another goes to that one.

    Raises:
        loyalty.errors.RedemptionNotFound: If nothing was redeemed there.
        loyalty.errors.CurrencyMismatch: If the order was paid in another currency.
        loyalty.errors.RefundTooLarge: If more would be given back than was
            redeemed and not yet refunded.
        loyalty.errors.NotSpendable: If some of it would go to a closed account that
            has no successor; refund that part as new value.

    Guarantees:
        Never more than was redeemed, in any number of calls
        (``tests/properties/test_refund_never_exceeds_redemption.py``).
    """

    result_type: ClassVar[type] = Refund

    amount: Money | Everything = attrs.field(validator=fields.is_amount_or_all)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    redemption_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the redemption is named once."""
        fields.require_one_of(order_id=self.order_id, redemption_id=self.redemption_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Refund]:
        """Decide the refund under the locks of every account that paid."""
        redemptions = self._redemptions(uow)
        found = uow.lock(_wanted(redemptions))
        if self.amount is not ALL:
            for account in found.accounts():
                account.require_currency(self.amount)
        ids = tuple(redemption.id for redemption in redemptions)
        earlier = tuple(uow.transfers(TransferFilter(refunds=ids, standing=True)))
        shares = _shares(redemptions, earlier)
        allotted = self._allot(shares, redemptions[0])
        at = found.instant(context.now)
        returns = _Returns(found)
        for redemption in redemptions:
            own = [(share, part) for share, part in allotted if share.of is redemption]
            if own:
                self._give_back(context, returns, redemption, own, at)
        outcome = returns.outcome(self.order_id or redemptions[0].order_id, redemptions[0])
        return attrs.evolve(outcome, decisions=returns.decided(context))

    def _give_back(
        self, context: Context, returns: _Returns, redemption: Transfer, own: list[tuple[_Share, int]], at: datetime
    ) -> None:
        paid, account = returns.accounts_of(redemption)
        shares = [(share.lot_id, amount) for share, amount in own]
        given = give_back(context, paid, shares, at, successor=account if account.id != paid.id else None)
        transfer = self.transfer(
            context,
            TransferKind.REFUND,
            account,
            amount=given.after.posted - account.posted,
            debit=_REDEMPTIONS,
            credit=given.side,
            at=at,
            order_id=redemption.order_id,
            refunds=redemption.id,
        )
        returns.forfeited += given.forfeited
        returns.regranted += given.regranted
        returns.add(given.after, transfer)

    def _redemptions(self, uow: UnitOfWork) -> tuple[Transfer, ...]:
        ids = None if self.redemption_id is None else (TransferId(self.redemption_id),)
        wanted = TransferFilter(order_id=self.order_id, ids=ids, kind=TransferKind.REDEMPTION)
        redemptions = tuple(uow.transfers(wanted))
        if not redemptions:
            raise RedemptionNotFound
        if self.amount is ALL:
            return _of_one_currency(redemptions)
        currency = self.amount.currency.code
        paid_in_it = tuple(redemption for redemption in redemptions if redemption.currency == currency)
        if not paid_in_it:
            raise CurrencyMismatch(expected=redemptions[0].currency, actual=currency)
        return paid_in_it

    def _allot(self, shares: list[_Share], like: Transfer) -> list[tuple[_Share, int]]:
        left = sum(share.redeemed - share.refunded for share in shares)
        amount = left if self.amount is ALL else minor_units(self.amount)
        if not 0 < amount <= left:
            raise RefundTooLarge(refundable=to_money(left, like.currency, like.exponent))
        parts = split_next(amount, [share.redeemed for share in shares], [share.refunded for share in shares])
        return [(share, part) for share, part in zip(shares, parts, strict=True) if part > 0]


@attrs.frozen
class _Share:
    """What one redemption took from one lot, and what of that was given back before."""

    of: Transfer
    lot_id: LotId
    redeemed: int
    refunded: int


class _Returns:
    """The accounts as they stand while refunds are added one by one."""

    def __init__(self, found: Found) -> None:
        self._before = {account.id: account for account in found.accounts()}
        self._after = dict(self._before)
        self._cards = {card.account.id: card.id for card in found.gift_cards}
        self._credits = {credit.id: credit for credit in found.store_credit_accounts}
        self._transfers: list[Transfer] = []
        self.forfeited = 0
        self.regranted = 0

    def accounts_of(self, redemption: Transfer) -> tuple[Account, Account]:
        """
        Return the account that paid, and the one that takes its refund: the same, or the last that took it over.

        Raises:
            loyalty.errors.NotSpendable: If that one is closed.
        """
        paid = self._after.get(redemption.debit.account_id or AccountId(""))
        if paid is None:
            raise CorruptLedger(f"the account that paid transfer {redemption.id} is not there")
        taker = self._credits.get(paid.id)
        if taker is None:
            return paid, paid
        while taker.successor_id is not None:
            taker = self._credits.get(taker.successor_id)
            if taker is None:
                raise ConcurrentUpdate("the account that paid was taken over by another meanwhile")
        taker.require_not_closed()
        return paid, self._after[taker.id]

    def add(self, after: Account, transfer: Transfer) -> None:
        """Keep the next state of an account and the transfer that led to it."""
        self._after[after.id] = after
        self._transfers.append(transfer)

    def decided(self, context: Context) -> tuple[Decision, ...]:
        """Return what was decided about value that had expired, if there was any."""
        if not (self.forfeited or self.regranted):
            return ()
        return (context.policies.decided("refund_expiry", f"forfeit {self.forfeited}, regrant {self.regranted}"),)

    def outcome(self, order_id: str | None, like: Transfer) -> Outcome[Refund]:
        """Return everything that was given back."""
        total = to_money(sum(transfer.amount for transfer in self._transfers), like.currency, like.exponent)
        refund = Refund(
            order_id=order_id,
            amount=total,
            forfeited=to_money(self.forfeited, like.currency, like.exponent),
            regranted=to_money(self.regranted, like.currency, like.exponent),
            parts=tuple(self._part(transfer) for transfer in self._transfers),
        )
        changed = [(self._before[id_], after) for id_, after in self._after.items() if after is not self._before[id_]]
        return Outcome(
            result=refund,
            event=RedemptionRefunded(
                order_id=order_id, transfer_ids=tuple(part.id for part in refund.parts), amount=total
            ),
            changes=Changes(
                accounts=tuple(AccountChange(before, after) for before, after in changed),
                transfers=tuple(self._transfers),
            ),
        )

    def _part(self, transfer: Transfer) -> RefundPart:
        side = transfer.credit
        account_id = AccountId(str(side.account_id))
        return RefundPart(
            id=transfer.id,
            redemption_id=TransferId(str(transfer.refunds)),
            account_id=account_id,
            gift_card_id=self._cards.get(account_id),
            amount=transfer.money,
            balance_after=to_money(side.balance_after or 0, transfer.currency, transfer.exponent),
        )


def _of_one_currency(redemptions: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
    currencies = sorted({redemption.currency for redemption in redemptions})
    if len(currencies) > 1:
        raise CurrencyMismatch("the order was paid in several currencies; name an amount", currencies[0], currencies[1])
    return redemptions


def _wanted(redemptions: Iterable[Transfer]) -> Wanted:
    sides = [redemption.debit for redemption in redemptions]
    ids = tuple(dict.fromkeys(side.account_id for side in sides if side.account_id is not None))
    return Wanted(
        account_ids=ids,
        successors_of=ids,
        lot_ids=tuple(dict.fromkeys(move.lot_id for side in sides for move in side.lots)),
    )


def _shares(redemptions: Iterable[Transfer], refunds: Iterable[Transfer]) -> list[_Share]:
    given: dict[tuple[TransferId | None, LotId], int] = {}
    for refund in refunds:
        for move in refund.credit.lots:
            share = (refund.refunds, move.source_lot_id or move.lot_id)
            given[share] = given.get(share, 0) + move.amount
    return [
        _Share(redemption, move.lot_id, move.amount, given.get((redemption.id, move.lot_id), 0))
        for redemption in redemptions
        for move in redemption.debit.lots
    ]
