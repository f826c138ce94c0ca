"""No program of public calls ends with more value than the shop put in."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from moneyed import Money

from loyalty import (
    Activation,
    AdjustValue,
    Direction,
    GiftCardRow,
    GiftCardStatus,
    GiftCardView,
    GrantStoreCredit,
    ImportGiftCards,
    ImportReport,
    IssueGiftCard,
    MemoryStorage,
    OrderGiftCards,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    ReloadGiftCard,
    RowOutcome,
)
from loyalty.testing import Played, Shop, Step, Verb, books_of
from loyalty.testing.programs import minor
from loyalty.testing.strategies import programs

FUNDS: Final = (
    Verb.ISSUE, Verb.GRANT, Verb.ADJUST, Verb.REFUND_TO_CREDIT, Verb.REFUND_AS_CARD, Verb.SELL, Verb.ACTIVATE,
    Verb.RELOAD,
    Verb.IMPORT,
)  # fmt: skip
"""What makes value that was not there; a refund as new value gives back what was paid elsewhere."""


def funding(command: object) -> Money | None:
    """Return how much new value a command makes, if it makes any."""
    if isinstance(command, IssueGiftCard):
        return command.value
    if isinstance(command, AdjustValue):
        return command.amount if command.direction is Direction.CREDIT else None
    if isinstance(command, GrantStoreCredit | RefundOrderToStoreCredit | RefundAsGiftCard | ReloadGiftCard):
        return command.amount
    return None


def paid_for(result: object, seen: set[str]) -> list[Money]:
    """Return the face values of sold cards that are active now, and were not before; each counts once, ever."""
    cards: list[GiftCardView] = []
    if isinstance(result, OrderGiftCards):
        cards = [issued.gift_card for issued in result.gift_cards]
    if isinstance(result, Activation):
        cards = list(result.gift_cards)
    new = [card for card in cards if card.status is GiftCardStatus.ACTIVE and card.id not in seen]
    seen.update(card.id for card in new)
    return [card.value for card in new]


def taken_over(played: Played) -> list[Money]:
    """Return what was left on the cards of another system that a step made."""
    if not isinstance(played.command, ImportGiftCards) or not isinstance(played.result, ImportReport):
        return []
    pairs = zip(played.command.rows, played.result.rows, strict=True)
    new = [row for row, told in pairs if told.outcome is RowOutcome.IMPORTED]
    return [row.opening for row in new if isinstance(row, GiftCardRow)]


@given(programs(longest=50))
def test_what_is_owed_is_at_most_what_was_funded(program: list[Step]) -> None:
    """Only funding makes value, however it is paid, refunded, reversed and moved."""
    shop = Shop(MemoryStorage())
    funded: dict[str, int] = {}
    sold: set[str] = set()
    for step in program:
        played = shop.play(step)
        made = [funding(played.command), *paid_for(played.result, sold), *taken_over(played)]
        given = made if played.is_committed else []
        for new in given:
            if new is not None:
                funded[new.currency.code] = funded.get(new.currency.code, 0) + minor(new)
        for currency, owed in books_of(shop.storages[0]).owed().items():
            assert owed <= funded.get(currency, 0)


@given(programs(without=(*FUNDS, Verb.REUSE_KEY)))
def test_after_the_last_funding_value_rises_only_by_what_left_before(program: list[Step]) -> None:
    """A refund or a reversal gives back at most what was taken before."""
    shop = Shop(MemoryStorage())
    paid: dict[str, int] = {}
    for step in program:
        before = books_of(shop.storages[0]).owed()
        shop.play(step)
        after = books_of(shop.storages[0]).owed()
        for currency, owed in after.items():
            change = owed - before.get(currency, 0)
            if step.verb not in FUNDS:
                assert change <= paid.get(currency, 0)
                paid[currency] = paid.get(currency, 0) - change
