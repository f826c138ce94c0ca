"""Correct a balance by an amount."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import GiftCardNotFound, InvalidRequest, InvalidTime, NotSpendable, StoreCreditAccountNotFound
from loyalty.events import ValueAdjusted
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.identifiers import AccountId, GiftCardId
from loyalty.ledger.account import Account
from loyalty.ledger.entry import Direction, Entry
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import minor_units
from loyalty.policies.decision import Decision
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import wanted_credit

__all__ = ["AdjustValue", "Adjustment"]

_ADJUSTMENTS = Side(house=HouseAccount.ADJUSTMENTS)


@attrs.frozen(kw_only=True)
class Adjustment:
    """By how much which account was corrected, and the entry that did it. ``gift_card_id`` is None for credit."""

    account_id: AccountId
    gift_card_id: GiftCardId | None
    direction: Direction
    amount: Money
    balance_after: Money
    transfer: Entry


@attrs.frozen(kw_only=True)
class AdjustValue(Command[Adjustment]):
    """
    Raise or lower a balance by exactly *amount*. No command sets a balance.

    For staff, so *actor* and *reason* are required. A card is named by
    *gift_card_id*, store credit by *customer_id* and the currency of *amount*,
    either of them by *account_id*. A credit opens a lot of *origin* (goodwill
    unless said otherwise) that ends at *expires_at*; a debit takes in the shop's
    spending order from what is available. Blocked cards and accounts are
    corrected too, deactivated cards and closed accounts get no value any more.

    Raises:
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.StoreCreditAccountNotFound: If there is no such account.
        loyalty.errors.CurrencyMismatch: If the account is in another currency.
        loyalty.errors.NotSpendable: If a credit would go to a card that is pending
            or deactivated, or to a closed account.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.InsufficientBalance: If a debit asks for more than is available.
    """

    result_type: ClassVar[type] = Adjustment

    amount: Money = attrs.field(validator=fields.is_amount)
    direction: Direction = attrs.field(validator=fields.is_one_of(Direction))
    actor: str = attrs.field(validator=fields.is_text)
    reason: str = attrs.field(validator=fields.is_text)
    account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    origin: LotOrigin = attrs.field(default=LotOrigin.GOODWILL, validator=fields.is_one_of(LotOrigin))
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def __attrs_post_init__(self) -> None:
        """Check that the account is named once, and that only new value is given an end."""
        fields.require_one_of(account_id=self.account_id, gift_card_id=self.gift_card_id, customer_id=self.customer_id)
        if self.direction is Direction.DEBIT and self.expires_at is not None:
            raise InvalidRequest("only a credit has an expiry")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Adjustment]:
        """Decide the correction on the locked account."""
        found = uow.lock(self._wanted())
        account = self._account(found)
        account.require_currency(self.amount)
        at = account.instant(context.now)
        if self.direction is Direction.CREDIT:
            _require_takes_value(found)
            after, transfer, decided = self._raise(context, account, at)
        else:
            after, transfer, decided = self._lower(context, account, at)
        return attrs.evolve(self._outcome(found, account, after, transfer), decisions=(decided,))

    def _wanted(self) -> Wanted:
        if self.gift_card_id is not None:
            return Wanted(gift_card_ids=(GiftCardId(self.gift_card_id),))
        return wanted_credit(self.account_id, self.customer_id, self.amount.currency.code)

    def _account(self, found: Found) -> Account:
        for account in found.accounts():
            return account
        raise StoreCreditAccountNotFound if self.gift_card_id is None else GiftCardNotFound

    def _raise(self, context: Context, account: Account, at: datetime) -> tuple[Account, Transfer, Decision]:
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("new value must expire in the future")
        expires_at, decided = context.expiry(self.origin, self.expires_at, at)
        lot = context.lot(minor_units(self.amount), self.origin, at, expires_at=expires_at)
        after, side = account.credit((lot,), at)
        return after, self._transfer(context, after, debit=_ADJUSTMENTS, credit=side, at=at), decided

    def _lower(self, context: Context, account: Account, at: datetime) -> tuple[Account, Transfer, Decision]:
        moves = account.draw(minor_units(self.amount), at, context.policies.spending_order)
        after, side = account.debit(moves, at)
        decided = context.policies.decided("spending_order")
        return after, self._transfer(context, after, debit=side, credit=_ADJUSTMENTS, at=at), decided

    def _transfer(self, context: Context, account: Account, *, debit: Side, credit: Side, at: datetime) -> Transfer:
        amount = minor_units(self.amount)
        return self.transfer(
            context, TransferKind.ADJUSTMENT, account, amount=amount, debit=debit, credit=credit, at=at
        )

    def _outcome(self, found: Found, before: Account, after: Account, transfer: Transfer) -> Outcome[Adjustment]:
        entry = Entry.of(transfer, after.id)
        return Outcome(
            result=Adjustment(
                account_id=after.id,
                gift_card_id=found.gift_cards[0].id if found.gift_cards else None,
                direction=self.direction,
                amount=entry.amount,
                balance_after=entry.balance_after,
                transfer=entry,
            ),
            event=ValueAdjusted(
                account_id=after.id,
                transfer_id=transfer.id,
                direction=self.direction.value,
                amount=entry.amount,
                actor=self.actor,
                reason=self.reason,
            ),
            changes=Changes(accounts=(AccountChange(before, after),), transfers=(transfer,)),
        )


def _require_takes_value(found: Found) -> None:
    """Check that nobody stopped the card or closed the account for good."""
    for card in found.gift_cards:
        if card.status in {GiftCardStatus.PENDING, GiftCardStatus.DEACTIVATED}:
            raise NotSpendable(f"the gift card is {card.status}", reason=card.status.value)
    for credit in found.store_credit_accounts:
        credit.require_not_closed()
