"""The tables that people read, made of what the library answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from moneyed import Money

from loyalty.cli.json_form import amount_text, time_text
from loyalty.cli.paper import Column, Sheet, facts
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.entry import Direction, Entry
from loyalty.store_credit.account import StoreCreditView

__all__ = ["STATES", "accounts_sheet", "card_facts", "cards_sheet", "day", "entries_sheet", "money", "state_of"]

STATES: Final = {
    "active": "green",
    "pending": "yellow",
    "blocked": "red",
    "deactivated": "red",
    "expired": "red",
    "exhausted": "dim",
    "open": "green",
    "closed": "red",
}


def money(amount: Money) -> str:
    """Return an amount as people read it: ``50.00 USD``."""
    return f"{amount_text(amount)} {amount.currency.code}"


def day(moment: datetime | None) -> str:
    """Return a time to the second, in UTC; nothing for none."""
    return "" if moment is None else time_text(moment.replace(microsecond=0))


def state_of(card: GiftCardView) -> str:
    """Return the stored status, and what is true besides."""
    conditions = {"expired": card.is_expired, "exhausted": card.is_exhausted, "partly used": card.is_partly_used}
    return ", ".join([card.status.value, *(name for name, is_so in conditions.items() if is_so)])


def card_facts(card: GiftCardView, *, code: str | None = None) -> Sheet:
    """Return all that is known about a card, with its whole *code* if it is to be shown."""
    return facts(
        [
            ("id", card.id),
            ("account", card.account_id),
            ("code", code or card.masked_code),
            ("state", state_of(card)),
            ("value", money(card.value)),
            ("posted", money(card.posted)),
            ("held", money(card.held) if card.held.amount else ""),
            ("available", money(card.available)),
            ("origin", card.origin.value),
            ("issued", day(card.issued_at)),
            ("expires", day(card.expires_at) or "never"),
            ("customer", card.customer_id or ""),
            ("claimed", day(card.claimed_at)),
            ("recipient", card.recipient or ""),
            ("order", card.order_id or ""),
            ("region", card.region or ""),
            ("tax rate", "" if card.tax_rate is None else f"{card.tax_rate:f} %"),
            ("tags", ", ".join(card.tags)),
            ("note", card.note or ""),
        ],
        STATES,
    )


def cards_sheet(cards: Iterable[GiftCardView]) -> Sheet:
    """Return one line for each card."""
    return Sheet(
        columns=(
            Column("id"),
            Column("code"),
            Column("state", colors=STATES),
            Column("value", is_number=True),
            Column("available", is_number=True),
            Column("expires", is_whole=True),
            Column("customer"),
            Column("order"),
        ),
        rows=[
            (
                card.id,
                card.masked_code,
                state_of(card),
                money(card.value),
                money(card.available),
                day(card.expires_at),
                card.customer_id or "",
                card.order_id or "",
            )
            for card in cards
        ],
        empty="No cards.",
    )


def accounts_sheet(accounts: Iterable[StoreCreditView]) -> Sheet:
    """Return one line for each store credit account."""
    return Sheet(
        columns=(
            Column("id"),
            Column("customer"),
            Column("state", colors=STATES),
            Column("posted", is_number=True),
            Column("held", is_number=True),
            Column("available", is_number=True),
            Column("expires next", is_whole=True),
        ),
        rows=[
            (
                account.id,
                account.customer_id,
                account.status.value,
                money(account.posted),
                money(account.held),
                money(account.available),
                day(account.expires_next),
            )
            for account in accounts
        ],
        empty="No accounts.",
    )


def entries_sheet(entries: Iterable[Entry]) -> Sheet:
    """Return one line for each credit and debit of an account."""
    return Sheet(
        columns=(
            Column("#", is_number=True),
            Column("recorded", is_whole=True),
            Column("kind", is_whole=True),
            Column("amount", is_number=True),
            Column("balance", is_number=True),
            Column("order"),
            Column("actor"),
            Column("reason"),
            Column("note"),
        ),
        rows=[_entry(entry) for entry in entries],
        empty="No entries.",
    )


def _entry(entry: Entry) -> tuple[str, ...]:
    sign = "-" if entry.direction is Direction.DEBIT else "+"
    return (
        str(entry.sequence),
        day(entry.recorded_at),
        entry.kind.value,
        f"{sign}{money(entry.amount)}",
        money(entry.balance_after),
        entry.order_id or "",
        entry.actor or "",
        entry.reason or "",
        entry.note or "",
    )
