"""
What ought to become of rows of another system, once more, in plain integers.

It keeps its own record of what was said about each row. Of the rest of the
oracle it knows only the plain cards, and how to put value on one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from loyalty.errors import InvalidImport
from loyalty.testing.books import Books
from loyalty.testing.oracle_records import Facts, PlainAccount, PlainCard, PlainLot, Refusal
from loyalty.testing.programs import OLD_CODES, minor
from loyalty.use_cases.import_gift_cards import ImportGiftCards, ImportReport
from loyalty.use_cases.import_row import GiftCardRow

__all__ = ["Imports", "facts_of_import"]

Said = tuple[object, ...]


@attrs.define(kw_only=True)
class Imports:
    """The other system's cards, as they were taken over."""

    cards: list[PlainCard]
    fill: Callable[[PlainAccount, list[PlainLot], datetime, str], None]
    _said: dict[tuple[str, str], Said] = attrs.Factory(dict)
    _new: dict[int, PlainCard] = attrs.Factory(dict)

    def rules(self) -> dict[type, Callable[[Any, datetime], Facts]]:
        """Return what is to be asked for which command."""
        return {ImportGiftCards: self._import}

    def learn(self, result: object, books: Books) -> None:
        """Note the ids of the cards that the last import made."""
        if isinstance(result, ImportReport):
            accounts = {str(card.id): card.account.id for card in books.gift_cards}
            for place, card in self._new.items():
                card.id = str(result.rows[place].gift_card_id)
                card.account.id = accounts[card.id]
        self._new = {}

    def _import(self, command: ImportGiftCards, now: datetime) -> Facts:
        rows = [row for row in command.rows if isinstance(row, GiftCardRow)]
        ends = [self._end(command.source, rows, place, now) for place in range(len(rows))]
        if command.is_strict and any(end is not None and end != "known" for end in ends):
            raise Refusal(InvalidImport)
        total: dict[str, int] = {}
        for place, (row, end) in enumerate(zip(rows, ends, strict=True)):
            if end is None:
                self._new[place] = self._take_over(command.source, row, now)
            if end in {None, "known"}:
                total[row.value.currency.code] = total.get(row.value.currency.code, 0) + _left(row)
        told = ["imported" if end is None else end for end in ends]
        return {"rows": [(row.source_id, end) for row, end in zip(rows, told, strict=True)], "total": total}

    def _end(self, source: str, rows: list[GiftCardRow], place: int, now: datetime) -> str | None:
        """Return why a row makes no card, or None if it makes one."""
        row = rows[place]
        if any(row.source_id == one.source_id or row.code_digest == one.code_digest for one in rows[:place]):
            return "repeated"
        before = self._said.get((source, row.source_id))
        if before is not None:
            return "known" if before == _what_is_said(row) else "changed"
        if row.expires_at is not None and row.expires_at <= now:
            return "expired"
        return "code_taken" if any(card.code == _code(row) for card in self.cards) else None

    def _take_over(self, source: str, row: GiftCardRow, now: datetime) -> PlainCard:
        account = PlainAccount(currency=row.value.currency.code, recorded=now)
        card = PlainCard(account=account, value=minor(row.value), expires=row.expires_at, owner=row.customer_id)
        card.code = _code(row)
        left = _left(row)
        if left:
            lot = PlainLot(amount=left, remaining=left, origin=row.origin.value, opened=now, expires=row.expires_at)
            self.fill(account, [lot], now, "import")
        self.cards.append(card)
        self._said[source, row.source_id] = _what_is_said(row)
        return card


def _code(row: GiftCardRow) -> str:
    return OLD_CODES[str(row.code_digest)]


def _left(row: GiftCardRow) -> int:
    if row.balance is None:
        return minor(row.value)
    return minor(row.balance)


def _what_is_said(row: GiftCardRow) -> Said:
    return (minor(row.value), row.value.currency.code, row.balance, row.code_digest, row.expires_at, row.customer_id)


def facts_of_import(result: object) -> Facts | None:
    """Return what a real answer about an import says, in the words of the oracle; None if it is not about one."""
    if not isinstance(result, ImportReport):
        return None
    rows = [(row.source_id, row.reason or row.outcome.value) for row in result.rows]
    return {"rows": rows, "total": {amount.currency.code: minor(amount) for amount in result.totals}}
