"""Every transfer ever seen is still there and equal, whatever happens later."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.ledger.transfer import Transfer
from loyalty.testing import Shop, Step, books_of, require_nothing_lost
from loyalty.testing.strategies import programs


@given(programs())
def test_what_was_recorded_stays_as_it_was(program: list[Step]) -> None:
    """History is only added to."""
    shop = Shop(MemoryStorage())
    seen: dict[str, Transfer] = {}
    before = books_of(shop.storages[0])
    for step in program:
        shop.play(step)
        after = books_of(shop.storages[0])
        require_nothing_lost(before, after)
        assert seen == {transfer.id: transfer for transfer in after.transfers if transfer.id in seen}
        seen = {transfer.id: transfer for transfer in after.transfers}
        before = after
