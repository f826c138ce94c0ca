"""PAINS.md, pain 7: a process that is killed between two cards of an order leaves none of them, or all."""

from __future__ import annotations

import itertools
import os
import signal
from typing import Any, Final

from sqlalchemy import event

from loyalty import (
    GiftCardLine,
    GiftCardOrder,
    IssueGiftCardsForOrder,
    Loyalty,
    ReversalCause,
    ReverseGiftCardSale,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.books import Books
from loyalty.testing.kit.case import START, Stand
from loyalty.testing.programs import AnyCommand, money
from tests.faults.processes import lives_through, url_of

UNITS: Final = 4


def commands() -> tuple[AnyCommand, ...]:
    """Return what happens to a paid order of four cards, one after the other."""
    line = GiftCardLine(line_id="a", product_id="card", variant_id="25", quantity=UNITS, paid=money(7999))
    order = GiftCardOrder(order_id="sold", placed_at=START, lines=[line], is_paid=True)
    return (
        IssueGiftCardsForOrder(order=order, idempotency_key="placed"),
        ReverseGiftCardSale(order_id="sold", cause=ReversalCause.CHARGEBACK, idempotency_key="undone"),
    )


def _carry_out(url: str, place: int, dies_at: int) -> None:
    storage = SqlAlchemyStorage(url)
    ids = CountingIds(f"{place}-{dies_at}-")
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=ids)
    statements = itertools.count(1)

    def count(*_: Any) -> None:
        if next(statements) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(storage.engine, "before_cursor_execute", count)
    loyalty.execute(commands()[place])


def cards_of(books: Books) -> list[tuple[GiftCardStatus, int]]:
    """Return how the cards stand."""
    return [(card.status, card.account.posted) for card in books.gift_cards]


def test_a_process_that_is_killed_between_two_cards_leaves_none_or_all(stand: Stand) -> None:
    """At each statement of issuing and undoing: the next call with the same key does it once, whole."""
    stand.product()
    ends = ([(GiftCardStatus.ACTIVE, 2500)] * UNITS, [(GiftCardStatus.DEACTIVATED, 0)] * UNITS)
    for place, command in enumerate(commands()):
        before = stand.books()
        for dies_at in itertools.count(1):
            if lives_through(_carry_out, url_of(stand), place, dies_at):
                assert 1 < dies_at
                break
            assert before == stand.books(), f"command {place}, statement {dies_at}"

        after = stand.books()
        assert ends[place] == cards_of(after)
        stand.execute(command)
        assert after == stand.books()
        stand.require_sound()
