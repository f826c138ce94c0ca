"""No amount, balance, lot or hold is ever negative, and held is never more than posted."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.strategies import programs


@given(programs())
def test_no_balance_is_below_zero(program: list[Step]) -> None:
    """After every step, of accounts and lots alike."""
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
        for account in books_of(shop.storages[0]).accounts:
            assert 0 <= account.held <= account.posted
            for lot in account.lots:
                assert 0 <= lot.held <= lot.remaining <= lot.amount


@given(programs())
def test_every_movement_is_positive(program: list[Step]) -> None:
    """A transfer of nothing, or of less, does not exist; neither does such a move of a lot."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for transfer in books_of(shop.storages[0]).transfers:
        assert transfer.amount > 0
        for move in (*transfer.debit.lots, *transfer.credit.lots):
            assert move.amount > 0
