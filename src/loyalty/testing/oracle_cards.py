"""
What ought to become of a card after its issue, once more, in plain integers.

Stopping it for good, another code, another term, more value, value that comes
back, a remainder in money, and what staff note. Of the rest of the oracle it
knows only the plain cards and lots, and how to put value on a card and note
that it moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from loyalty.errors import (
    CashOutNotDue,
    ChangedMeanwhile,
    ClaimedByAnother,
    CurrencyMismatch,
    InvalidTime,
    NotSpendable,
    RefundTooLarge,
)
from loyalty.money import ALL
from loyalty.testing.oracle_records import Facts, PlainAccount, PlainCard, PlainLot, PlainPast, Refusal
from loyalty.testing.programs import minor
from loyalty.use_cases.cash_out_gift_card import CashOut, CashOutGiftCard
from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard, Reinstatement
from loyalty.use_cases.reload_gift_card import Reload, ReloadGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.update_gift_card import UpdateGiftCard

__all__ = ["CardLife", "facts_of_card_life"]

Fill = Callable[[PlainAccount, list[PlainLot], datetime, str], None]
Note = Callable[[datetime, PlainAccount, PlainLot, str, int], None]
Show = Callable[[PlainCard, datetime], Facts]
Find = Callable[[Any, str | None], PlainCard]

_PAID_OUT_BELOW: Final = 20


@attrs.define(kw_only=True)
class CardLife:
    """What staff and bearers do with cards that exist."""

    find: Find
    fill: Fill
    note: Note
    show: Show
    name: Callable[[PlainCard], None]
    past: Mapping[str, PlainPast]
    reversed_: set[str]
    _editions: dict[str, int] = attrs.Factory(dict)

    def rules(self) -> dict[type, Callable[[Any, datetime], Facts]]:
        """Return what each command about the life of a card comes to."""
        return {
            DeactivateGiftCard: self._deactivate,
            ReplaceGiftCardCode: self._replace_code,
            UpdateGiftCard: self._update,
            ChangeGiftCardExpiry: self._change_expiry,
            ReloadGiftCard: self._reload,
            ReinstateGiftCard: self._reinstate,
            CashOutGiftCard: self._cash_out,
        }

    def _deactivate(self, command: DeactivateGiftCard, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        card.status = "deactivated"
        return self._shown(card, now)

    def _replace_code(self, command: ReplaceGiftCardCode, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        if card.status == "deactivated":
            raise Refusal(NotSpendable, reason="deactivated")
        self.name(card)
        return self._shown(card, now)

    def _update(self, command: UpdateGiftCard, now: datetime) -> Facts:
        card = self.find(None, command.gift_card_id)
        edition = self._editions.get(card.id, 1)
        if command.edition != edition:
            raise Refusal(ChangedMeanwhile)
        self._editions[card.id] = edition + 1
        return self._shown(card, now)

    def _change_expiry(self, command: ChangeGiftCardExpiry, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        at, ends = max(now, card.account.recorded), command.expires_at
        if card.status == "deactivated":
            raise Refusal(NotSpendable, reason="deactivated")
        _require_not_ended(card, at)
        living = _living(card, at)
        if ends is not None and (ends <= at or any(lot.begins is not None and ends <= lot.begins for lot in living)):
            raise Refusal(InvalidTime)
        for lot in living:
            lot.expires = ends
        card.expires, card.account.recorded = ends, at
        return self._shown(card, now)

    def _reload(self, command: ReloadGiftCard, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        at, ends = max(now, card.account.recorded), command.expires_at
        if card.status != "active":
            raise Refusal(NotSpendable, reason=card.status)
        _require_not_ended(card, at)
        if card.account.currency != command.amount.currency.code:
            raise Refusal(CurrencyMismatch)
        if ends is not None and ends <= at:
            raise Refusal(InvalidTime)
        if command.origin.value == "purchased":
            for lot in _living(card, at):
                if lot.origin == "purchased":
                    lot.expires = _later(lot.expires, ends)
            card.expires = _later(card.expires, ends)
        amount = minor(command.amount)
        lot = PlainLot(amount=amount, remaining=amount, origin=command.origin.value, opened=at, expires=ends)
        self.fill(card.account, [lot], at, "reload")
        return {"card": self._shown(card, now), "amount": amount, "balance_after": card.account.posted}

    def _reinstate(self, command: ReinstateGiftCard, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        account, ends = card.account, command.expires_at
        at = max(now, account.recorded)
        if card.status in {"pending", "deactivated"}:
            raise Refusal(NotSpendable, reason=card.status)
        if command.amount is not ALL and command.amount.currency.code != account.currency:
            raise Refusal(CurrencyMismatch)
        if ends is not None and ends <= at:
            raise Refusal(InvalidTime)
        new = sorted(
            (lot for lot in account.lots if not lot.lives(at) and lot.unheld(at)), key=lambda lot: lot.id or ""
        )
        shares = [*self._not_back(account), [(lot, lot.unheld(at)) for lot in new]]
        left = sum(amount for share in shares for _, amount in share)
        amount = left if command.amount is ALL else minor(command.amount)
        if not 0 < amount <= left:
            raise Refusal(RefundTooLarge, refundable=left)
        self._post(account, new, at)
        rest = amount
        for share in shares:
            back: list[PlainLot] = []
            for lot, most in share:
                part = min(most, rest)
                rest -= part
                if part:
                    back.append(_carried_on(lot, part, at, ends))
            if back:
                self.fill(account, back, at, "reinstatement")
        card.expires = _later(card.expires, ends)
        return {"card": self._shown(card, now), "amount": amount}

    def _not_back(self, account: PlainAccount) -> list[list[tuple[PlainLot, int]]]:
        """Return what each posted expiry took from which lot and has not come back."""
        lots = {lot.id: lot for lot in account.lots}
        expiries = [(id_, one) for id_, one in self.past.items() if one.kind == "expiry" and one.loser == account.id]
        shares = []
        for id_, expiry in expiries:
            if id_ in self.reversed_:
                continue
            back: dict[str, int] = {}
            for other, one in self.past.items():
                if one.of == id_ and other not in self.reversed_:
                    for _, amount, source in one.given:
                        back[source] = back.get(source, 0) + amount
            shares.append([(lots[lot_id], amount - back.get(lot_id, 0)) for lot_id, amount in expiry.taken])
        return shares

    def _post(self, account: PlainAccount, over: list[PlainLot], at: datetime) -> None:
        for lot in over:
            part = lot.unheld(at)
            self.note(at, account, lot, "expiry", -part)
            lot.remaining -= part
        if over:
            account.moved(at)

    def _cash_out(self, command: CashOutGiftCard, now: datetime) -> Facts:
        card = self.find(command.code, command.gift_card_id)
        account = card.account
        at = max(now, account.recorded)
        if command.gift_card_id is None or card.status != "deactivated":
            card.require_usable(command.customer_id, at)
        elif card.owner not in {None, command.customer_id}:
            raise Refusal(ClaimedByAnother)
        bought = [lot for lot in account.lots if lot.origin == "purchased"]
        amount = sum(lot.free(at) for lot in bought)
        if not amount:
            raise Refusal(CashOutNotDue, reason="nothing_paid")
        paid = sum(lot.remaining for lot in bought if lot.lives(at))
        if paid >= _PAID_OUT_BELOW:
            raise Refusal(CashOutNotDue, reason="no_rule", paid=paid)
        for lot in bought:
            part = lot.free(at)
            if part:
                self.note(at, account, lot, "cash_out", -part)
                lot.remaining -= part
        account.moved(at)
        return {"card": self._shown(card, now), "amount": amount}

    def _shown(self, card: PlainCard, now: datetime) -> Facts:
        return self.show(card, max(now, card.account.recorded))


def facts_of_card_life(result: object, shown: Callable[[object], Facts]) -> Facts | None:
    """Return what an answer about the life of a card says, in the words of the oracle; None if it is another answer."""
    if isinstance(result, Reload):
        entry = result.transfer
        return {
            "card": shown(result.gift_card),
            "amount": minor(entry.amount),
            "balance_after": minor(entry.balance_after),
        }
    if isinstance(result, Reinstatement | CashOut):
        return {"card": shown(result.gift_card), "amount": minor(result.amount)}
    return None


def _living(card: PlainCard, at: datetime) -> list[PlainLot]:
    return [lot for lot in card.account.lots if lot.remaining and lot.lives(at)]


def _require_not_ended(card: PlainCard, at: datetime) -> None:
    if card.expires is not None and card.expires <= at and not _living(card, at):
        raise Refusal(NotSpendable, reason="expired")


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _carried_on(lot: PlainLot, amount: int, at: datetime, ends: datetime | None) -> PlainLot:
    return PlainLot(
        amount=amount,
        remaining=amount,
        origin=lot.origin,
        opened=at,
        expires=ends,
        begins=lot.begins,
        priority=lot.priority,
        source=lot,
    )
