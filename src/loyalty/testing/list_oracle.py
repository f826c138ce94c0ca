"""
What a list must show, found by looking at every card and account one after the other.

It works on the books of a storage, in plain words, and knows nothing of
filters, places, cursors or SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moneyed import Money

from loyalty.codes.code import GiftCardCode
from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.account import Account
from loyalty.money import exponent_of, signed_minor_units
from loyalty.reports.gift_card_list import ListExpiringGiftCards, ListGiftCards
from loyalty.reports.store_credit_list import ListStoreCreditAccounts
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.testing.books import Books
from loyalty.testing.fakes import fake_code_keys

__all__ = ["accounts_listed", "cards_ending", "cards_listed", "totals_listed"]

FOREVER = datetime.max.replace(tzinfo=UTC)


def cards_listed(books: Books, query: ListGiftCards, now: datetime) -> list[GiftCard]:
    """Return the cards of the whole list, in its order."""
    gifts = {gift.gift_card_id: [gift.name, gift.address, gift.sender] for gift in books.gifts}
    shown = [
        card
        for card in books.gift_cards
        if _keeps_card(query, card, max(now, card.account.recorded_at), gifts.get(card.id, []))
    ]
    keys: dict[str, Callable[[GiftCard], Any]] = {
        "issued": lambda card: card.issued_at,
        "expires": lambda card: card.expires_at or FOREVER,
        "value": lambda card: card.value,
        "balance": lambda card: card.account.posted,
    }
    ordered = sorted(sorted(shown, key=lambda card: card.id), key=keys[query.sort.value])
    return ordered[::-1] if query.descending else ordered


def accounts_listed(books: Books, query: ListStoreCreditAccounts, now: datetime) -> list[StoreCreditAccount]:
    """Return the accounts of the whole list, in its order."""
    shown = [
        credit
        for credit in books.store_credit_accounts
        if _keeps_account(query, credit, max(now, credit.account.recorded_at))
    ]
    keys: dict[str, Callable[[StoreCreditAccount], Any]] = {
        "customer": lambda credit: (credit.customer_id, credit.account.currency),
        "opened": lambda credit: credit.account.opened_at,
        "balance": lambda credit: credit.account.posted,
    }
    ordered = sorted(sorted(shown, key=lambda credit: credit.id), key=keys[query.sort.value])
    return ordered[::-1] if query.descending else ordered


def cards_ending(books: Books, query: ListExpiringGiftCards, now: datetime) -> list[tuple[datetime, str, int]]:
    """Return when the first value of each card ends, the card, and how much ends in time; the soonest first."""
    found = []
    for card in books.gift_cards:
        at = max(now, card.account.recorded_at)
        ends = [(lot.expires_at, lot.remaining) for lot in card.account.lots if lot.remaining and lot.expires_at]
        soon = [(end, left) for end, left in ends if at < end <= now + query.within]
        if card.status == "active" and soon:
            found.append((min(end for end, _ in soon), card.account.id, card.id, sum(left for _, left in soon)))
    return [(end, id_, left) for end, _, id_, left in sorted(found)]


def totals_listed(
    listed: list[GiftCard] | list[StoreCreditAccount], now: datetime
) -> dict[tuple[str, int], tuple[int, int, int, int]]:
    """Return, per currency and decimals, how many there are, their face value, what is posted and what available."""
    sums: dict[tuple[str, int], tuple[int, int, int, int]] = {}
    for one in listed:
        account = one.account
        known = sums.get((account.currency, account.exponent), (0, 0, 0, 0))
        value = one.value if isinstance(one, GiftCard) else 0
        part = (1, value, account.posted, _available(one, max(now, account.recorded_at)))
        sums[account.currency, account.exponent] = tuple(map(sum, zip(known, part, strict=True)))  # type: ignore[assignment]  # four again
    return sums


def _available(one: GiftCard | StoreCreditAccount, at: datetime) -> int:
    if one.status not in {"active", "open"}:
        return 0
    reserved: dict[str, int] = {}
    for reservation in one.account.reservations:
        for move in reservation.moves if at < reservation.lapses_at else ():
            reserved[move.lot_id] = reserved.get(move.lot_id, 0) + move.amount
    return sum(
        lot.remaining - reserved.get(lot.id, 0)
        for lot in one.account.lots
        if (lot.expires_at is None or at < lot.expires_at) and (lot.not_before is None or lot.not_before <= at)
    )


def _keeps_card(query: ListGiftCards, card: GiftCard, at: datetime, of_gift: list[str | None]) -> bool:
    account, left = card.account, card.account.posted
    lots = [lot for lot in account.lots if lot.remaining]
    ends = [lot.expires_at or FOREVER for lot in lots]
    is_expired = max(ends) <= at if ends else card.expires_at is not None and card.expires_at <= at
    texts = [
        card.note, card.recipient, card.id, account.id, card.order_id, card.product_id, card.batch_id, card.customer_id,
        card.buyer_id, *of_gift,
    ]  # fmt: skip
    return all([
        query.status in {None, card.status},
        query.is_expired in {None, is_expired},
        query.is_exhausted in {None, left == 0 and card.status != "pending"},
        query.is_partly_used in {None, left != 0 and left < card.value},
        query.expiring_before is None or any(at < end < query.expiring_before for end in ends),
        query.currency in {None, account.currency},
        query.region in {None, card.region},
        _is_between(query.value_from, query.value_to, account, card.value),
        _is_between(query.balance_from, query.balance_to, account, left),
        (query.issued_since or card.issued_at) <= card.issued_at < (query.issued_until or FOREVER),
        query.expires_since is None or (card.expires_at is not None and query.expires_since <= card.expires_at),
        query.expires_until is None or (card.expires_at is not None and card.expires_at < query.expires_until),
        query.customer_id in {None, card.customer_id},
        query.buyer_id in {None, card.buyer_id},
        query.order_id in {None, card.order_id},
        query.product_id in {None, card.product_id},
        query.batch_id in {None, card.batch_id},
        query.tag is None or query.tag in card.tags,
        query.last_four is None or query.last_four.upper() == card.last_four,
        query.code is None or fake_code_keys().digest(GiftCardCode.of(query.code)) == card.code_digest,
        _is_in(query.text, texts),
    ])  # fmt: skip


def _keeps_account(query: ListStoreCreditAccounts, credit: StoreCreditAccount, at: datetime) -> bool:
    account = credit.account
    ends = [lot.expires_at for lot in account.lots if lot.remaining and lot.expires_at]
    return all([
        query.status in {None, credit.status},
        query.currency in {None, account.currency},
        query.customer_id in {None, credit.customer_id},
        _is_between(query.balance_from, query.balance_to, account, account.posted),
        query.is_empty in {None, account.posted == 0},
        query.expiring_before is None or any(at < end < query.expiring_before for end in ends),
        (query.opened_since or account.opened_at) <= account.opened_at < (query.opened_until or FOREVER),
        _is_in(query.text, [credit.id, credit.customer_id]),
    ])  # fmt: skip


def _is_between(lowest: Money | None, highest: Money | None, account: Account, minor: int) -> bool:
    bounds = [bound for bound in (lowest, highest) if bound is not None]
    is_same = all(
        (bound.currency.code, exponent_of(bound.currency)) == (account.currency, account.exponent) for bound in bounds
    )
    low = minor if lowest is None else signed_minor_units(lowest)
    high = minor if highest is None else signed_minor_units(highest)
    return is_same and low <= minor <= high


def _is_in(needle: str | None, texts: list[str | None]) -> bool:
    return needle is None or any(needle.lower() in text.lower() for text in texts if text is not None)
