"""Take what was reserved for an order."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import CurrencyMismatch, InsufficientBalance
from loyalty.events import HoldCaptured
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId, HoldId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Transfer
from loyalty.money import ALL, Everything, exponent_of, minor_units
from loyalty.ports.changes import AccountChange, Changes, HoldChange
from loyalty.ports.storage import Found, UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.tenders.plan import Source, plan_payment
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.holding import open_hold, owners_of, reserved_moves, wanted_hold
from loyalty.use_cases.redemption import Redemption, redeem

__all__ = ["Capture", "CaptureHold"]


@attrs.frozen(kw_only=True)
class Capture:
    """
    What a hold became.

    ``amount`` was taken, the sum of ``parts``; ``released`` is free again;
    ``remaining_due`` is what of the order's amount due stored value did not pay.
    """

    hold_id: HoldId
    order_id: str
    amount: Money
    released: Money
    remaining_due: Money
    parts: tuple[Redemption, ...]


@attrs.frozen(kw_only=True)
class CaptureHold(Command[Capture]):
    """
    Take *amount* of what a hold reserves, all of it by default; the rest is free again.

    A smaller amount is taken in the order in which the value would be spent:
    by the tenders' priorities, then in the shop's spending order. Value whose
    lot has expired since the hold was placed is taken all the same. A block set
    meanwhile stops the capture; the hold stays as it is. Give *order_id* to be
    sure whose hold it is. Each redemption is one that can be refunded.

    Raises:
        loyalty.errors.HoldNotFound: If there is no such hold, or it is another order's.
        loyalty.errors.HoldClosed: If it was captured or voided, or has lapsed.
        loyalty.errors.CurrencyMismatch: If *amount* is in another currency.
        loyalty.errors.InsufficientBalance: If more is asked for than it holds.
        loyalty.errors.NotSpendable: If a card or account that is to pay was blocked,
            deactivated or closed meanwhile.

    Guarantees:
        A hold is resolved once, however many try
        (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = Capture

    hold_id: str = attrs.field(validator=fields.is_text)
    amount: Money | Everything = attrs.field(default=ALL, validator=fields.is_amount_or_all)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Capture]:
        """Decide the capture on all locked accounts of the hold."""
        found = uow.lock(wanted_hold(self.hold_id))
        at = found.instant(context.now)
        hold = open_hold(found, self.order_id, at)
        moves = self._moves(context, found, hold, at)
        owners = owners_of(found)
        for account_id in moves:
            _require_active(owners[account_id])
        parts = [
            (owners[account_id].account, *self._redeemed(context, owners[account_id], own, hold, at))
            for account_id, own in moves.items()
        ]
        return self._outcome(context, found, hold, parts, at)

    def _moves(self, context: Context, found: Found, hold: Hold, at: datetime) -> dict[AccountId, tuple[LotMove, ...]]:
        """Return what each account pays of what it reserves."""
        accounts = {account.id: account for account in found.accounts()}
        tenders = [tender for tender in hold.tenders if tender.amount]
        reserved = [reserved_moves(accounts[tender.account_id], hold) for tender in tenders]
        amount = self._amount(hold)
        if amount < hold.amount:
            sources = [
                Source(
                    account=accounts[tender.account_id].release(hold.id, at),
                    priority=tender.priority,
                    reserved=own,
                    is_usable=False,
                )
                for tender, own in zip(tenders, reserved, strict=True)
            ]
            reserved = list(plan_payment(amount, sources, at, context.policies.spending_order))
        return {tender.account_id: own for tender, own in zip(tenders, reserved, strict=True) if own}

    def _amount(self, hold: Hold) -> int:
        if self.amount is ALL:
            return hold.amount
        currency = self.amount.currency
        if (currency.code, exponent_of(currency)) != (hold.currency, hold.exponent):
            raise CurrencyMismatch(expected=hold.currency, actual=currency.code)
        amount = minor_units(self.amount)
        if amount > hold.amount:
            raise InsufficientBalance(
                "the hold reserves less than that", requested=self.amount, available=hold.money(hold.amount)
            )
        return amount

    def _redeemed(
        self,
        context: Context,
        owner: GiftCard | StoreCreditAccount,
        moves: tuple[LotMove, ...],
        hold: Hold,
        at: datetime,
    ) -> tuple[Account, Transfer, Redemption]:
        return redeem(
            self,
            context,
            owner.account,
            moves,
            order_id=hold.order_id,
            gift_card_id=owner.id if isinstance(owner, GiftCard) else None,
            at=at,
            hold_id=hold.id,
        )

    def _outcome(
        self,
        context: Context,
        found: Found,
        hold: Hold,
        parts: list[tuple[Account, Account, Transfer, Redemption]],
        at: datetime,
    ) -> Outcome[Capture]:
        paid = {before.id for before, _, _, _ in parts}
        amount = sum(transfer.amount for _, _, transfer, _ in parts)
        freed = [
            AccountChange(account, account.release(hold.id, at))
            for account in found.accounts()
            if account.id not in paid and account.reservation(hold.id) is not None
        ]
        capture = Capture(
            hold_id=hold.id,
            order_id=hold.order_id,
            amount=hold.money(amount),
            released=hold.money(hold.amount - amount),
            remaining_due=hold.money(hold.amount_due - amount),
            parts=tuple(redemption for _, _, _, redemption in parts),
        )
        return Outcome(
            result=capture,
            event=HoldCaptured(
                hold_id=hold.id,
                order_id=hold.order_id,
                redemption_ids=tuple(part.id for part in capture.parts),
                amount=capture.amount,
                released=capture.released,
            ),
            changes=Changes(
                accounts=(*(AccountChange(before, after) for before, after, _, _ in parts), *freed),
                holds=(HoldChange(hold, hold.resolve("capture", at, captured=amount)),),
                transfers=tuple(transfer for _, _, transfer, _ in parts),
            ),
            decisions=(context.policies.decided("spending_order"),) if amount < hold.amount else (),
        )


def _require_active(owner: GiftCard | StoreCreditAccount) -> None:
    if isinstance(owner, GiftCard):
        owner.require_active()
    else:
        owner.require_open()
