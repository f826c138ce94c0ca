"""
What ought to become of store credit accounts that are moved between, stopped, closed and merged, in plain integers.

Of the rest of the oracle it knows the plain cards, accounts and lots, and how to
find and fill them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from loyalty.errors import (
    AccountNotEmpty,
    CurrencyMismatch,
    InsufficientBalance,
    InvalidRequest,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.testing.oracle_records import Facts, PlainAccount, PlainCard, PlainLot, PlainShare, Refusal
from loyalty.testing.programs import minor
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.change_credit_status import ChangeCreditStatus
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.merge_customers import CustomerMerge, MergeCustomers
from loyalty.use_cases.transfer_store_credit import StoreCreditTransfer, TransferStoreCredit
from loyalty.use_cases.unblock_store_credit_account import UnblockStoreCreditAccount

__all__ = ["AccountLife", "facts_of_account_life"]


@attrs.frozen(kw_only=True)
class AccountLife:
    """The life of store credit accounts, with what the rest of the oracle does for it."""

    cards: list[PlainCard]
    credits: list[PlainAccount]
    named: Callable[[str | None, str | None, str], PlainAccount | None]
    opened: Callable[[str, str, datetime], PlainAccount]
    draw: Callable[[list[PlainLot], int, datetime], list[PlainShare]]
    copy: Callable[[PlainLot, int, datetime, datetime | None], PlainLot]
    fill: Callable[[PlainAccount, list[PlainLot], datetime, str], None]
    note: Callable[[datetime, PlainAccount, PlainLot, str, int], None]
    show: Callable[[PlainAccount, datetime], Facts]

    def rules(self) -> dict[type, Callable[[Any, datetime], Facts]]:
        """Return what each command about accounts comes to."""
        return {
            TransferStoreCredit: self._transfer,
            BlockStoreCreditAccount: self._block,
            UnblockStoreCreditAccount: self._unblock,
            CloseStoreCreditAccount: self._close,
            MergeCustomers: self._merge,
        }

    def _transfer(self, command: TransferStoreCredit, now: datetime) -> Facts:
        amount, currency = minor(command.amount), command.amount.currency.code
        source = self.named(command.from_account_id, command.from_customer_id, currency)
        target = self.named(command.to_account_id, command.to_customer_id, currency)
        if source is None or (target is None and command.to_customer_id is None):
            raise Refusal(StoreCreditAccountNotFound)
        if source is target:
            raise Refusal(InvalidRequest)
        both = [source] if target is None else [source, target]
        if source.status != "open":
            raise Refusal(NotSpendable, reason=source.status)
        if target is not None:
            target.require_not_closed()
        if any(account.currency != currency for account in both):
            raise Refusal(CurrencyMismatch)
        at = max([now, *(account.recorded for account in both)])
        shares = self.draw(source.lots, amount, at)
        if sum(share.taken for share in shares) < amount:
            raise Refusal(InsufficientBalance, requested=amount, available=source.free(at))
        target = target or self.opened(str(command.to_customer_id), currency, now)
        self._move(source, target, [(share.lot, share.taken) for share in shares], at)
        return {"amount": amount, "source": self.show(source, at), "target": self.show(target, at)}

    def _move(
        self, source: PlainAccount, target: PlainAccount, shares: list[tuple[PlainLot, int]], at: datetime
    ) -> None:
        copies = [self.copy(lot, amount, at, lot.expires) for lot, amount in shares]
        for lot, amount in shares:
            lot.remaining -= amount
            self.note(at, source, lot, "move", -amount)
        source.moved(at)
        self.fill(target, copies, at, "move")

    def _merge(self, command: MergeCustomers, now: datetime) -> Facts:
        old, new = command.from_customer_id, command.into_customer_id
        cards = sorted((card for card in self.cards if card.owner == old), key=lambda card: card.account.id)
        own = sorted((one for one in self.credits if one.customer == old), key=lambda one: one.id)
        others = {one.currency: one for one in self.credits if one.customer == new}
        there = [*(card.account for card in cards), *own]
        at = max([now, *(one.recorded for one in (*there, *others.values()))])
        for account in there:
            if account.held(at):
                raise Refusal(AccountNotEmpty, posted=account.posted, held=account.held(at))
        left = [one for one in own if one.status != "closed"]
        for one in left:
            if one.posted and one.status != "open":
                raise Refusal(NotSpendable, reason=one.status)
            if one.currency in others:
                others[one.currency].require_not_closed()
        amounts = [(one.currency, one.posted) for one in left if one.posted]
        takers = [others.get(one.currency) or self.opened(new, one.currency, at) for one in left]
        for one, taker in zip(left, takers, strict=True):
            if one.posted:
                self._move(one, taker, [(lot, lot.remaining) for lot in one.lots if lot.remaining], at)
            one.status, one.successor = "closed", taker
        for card in cards:
            card.owner = new
        shown = [self.show(taker, at) for taker in takers]
        return {"amounts": amounts, "accounts": shown, "gift_card_ids": [card.id for card in cards]}

    def _block(self, command: BlockStoreCreditAccount, now: datetime) -> Facts:
        return self._set_status(command, "blocked", now)

    def _unblock(self, command: UnblockStoreCreditAccount, now: datetime) -> Facts:
        return self._set_status(command, "open", now)

    def _close(self, command: CloseStoreCreditAccount, now: datetime) -> Facts:
        account = self._there(command)
        held = account.held(max(now, account.recorded))
        if account.posted:
            raise Refusal(AccountNotEmpty, posted=account.posted, held=held)
        return self._set_status(command, "closed", now)

    def _set_status(self, command: ChangeCreditStatus, status: str, now: datetime) -> Facts:
        account = self._there(command)
        if account.status != status:
            account.require_not_closed()
        account.status = status
        return self.show(account, max(now, account.recorded))

    def _there(self, command: ChangeCreditStatus) -> PlainAccount:
        account = self.named(command.account_id, command.customer_id, str(command.currency))
        if account is None:
            raise Refusal(StoreCreditAccountNotFound)
        return account


def facts_of_account_life(result: object, shown: Callable[[object], Facts]) -> Facts | None:
    """Return what an answer about moved or merged accounts says, in the words of the oracle; None if it is another."""
    if isinstance(result, StoreCreditTransfer):
        both = {"source": shown(result.source), "target": shown(result.target)}
        return {"amount": minor(result.amount), **both}
    if isinstance(result, CustomerMerge):
        return {
            "amounts": [(amount.currency.code, minor(amount)) for amount in result.amounts],
            "accounts": [shown(account) for account in result.accounts],
            "gift_card_ids": list(result.gift_card_ids),
        }
    return None
