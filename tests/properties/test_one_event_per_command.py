"""Every committed command leaves exactly one event, a refused or repeated one leaves none."""

from __future__ import annotations

import json

from hypothesis import given

import loyalty.events
from loyalty import Expired, Lapsed, MemoryStorage
from loyalty.testing import Shop, Step, books_of, receipt_of
from loyalty.testing.strategies import programs
from loyalty.use_cases.command import Command


@given(programs())
def test_events_are_counted_by_commands(program: list[Step]) -> None:
    """A sweep that found nothing is no command that was carried out."""
    shop = Shop(MemoryStorage())
    for step in program:
        before = len(books_of(shop.storages[0]).receipts)
        played = shop.play(step)
        expected = int(played.is_committed)
        if isinstance(played.result, Expired):
            expected = int(played.result.accounts > 0)
        if isinstance(played.result, Lapsed):
            expected = int(played.result.holds > 0)

        assert before + expected == len(books_of(shop.storages[0]).receipts)


@given(programs())
def test_every_event_is_one_that_the_library_names(program: list[Step]) -> None:
    """Its name is a public event and its data has the event's fields."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for played in shop.committed:
        assert isinstance(played.command, Command)
        receipt = receipt_of(shop.storages[0], played.command.idempotency_key)
        assert receipt is not None
        event = getattr(loyalty.events, receipt.event)

        assert receipt.event in loyalty.events.__all__
        assert set(json.loads(receipt.event_data)) == {field.name for field in event.__attrs_attrs__}
        assert type(played.command).__name__ == receipt.command
