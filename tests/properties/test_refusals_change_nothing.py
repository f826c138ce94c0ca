"""A refused command leaves the books exactly as they were, and its key unused."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.testing import Shop, Step, Verb, books_of, receipt_of
from loyalty.testing.strategies import programs
from loyalty.use_cases.command import Command


@given(programs(longest=40))
def test_books_before_and_after_a_refusal_are_equal(program: list[Step]) -> None:
    """Cards, accounts, lots, transfers, receipts and events alike."""
    shop = Shop(MemoryStorage())
    for step in program:
        before = books_of(shop.storages[0])
        played = shop.play(step)
        if played.error is None:
            continue

        assert before == books_of(shop.storages[0])
        if isinstance(played.command, Command) and step.verb is not Verb.REUSE_KEY:
            assert receipt_of(shop.storages[0], played.command.idempotency_key) is None
