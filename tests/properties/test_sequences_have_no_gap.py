"""The transfers of an account are numbered 1, 2, 3 and so on, whatever the clock does."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.strategies import programs


@given(programs())
def test_numbers_are_gapless_and_times_do_not_fall(program: list[Step]) -> None:
    """Also where the clock went back by an hour."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    books = books_of(shop.storages[0])
    for account in books.accounts:
        history = books.history(account.id)
        recorded = [transfer.recorded_at for transfer, _, _ in history]

        assert list(range(1, account.sequence + 1)) == [side.sequence for _, side, _ in history]
        assert sorted(recorded) == recorded
        assert not recorded or recorded[-1] <= account.recorded_at
