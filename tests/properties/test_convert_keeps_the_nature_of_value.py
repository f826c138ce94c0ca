"""Value that is converted keeps its origin, expiry, beginning, priority and tax treatment, lot by lot."""

from __future__ import annotations

from hypothesis import given

from loyalty import Conversion, MemoryStorage
from loyalty.ledger.lot import Lot
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.programs import minor
from loyalty.testing.strategies import programs


def nature(lot: Lot) -> tuple[object, ...]:
    """Return what must not change."""
    return (lot.origin, lot.expires_at, lot.not_before, lot.priority, lot.tax_treatment)


@given(programs(longest=40))
def test_every_new_lot_is_like_its_source(program: list[Step]) -> None:
    """And together they hold what was converted."""
    shop = Shop(MemoryStorage())
    for step in program:
        before = {lot.id: lot for account in books_of(shop.storages[0]).accounts for lot in account.lots}
        played = shop.play(step)
        if not isinstance(played.result, Conversion) or not played.is_committed:
            continue
        target = books_of(shop.storages[0]).account(played.result.account.id)
        opened = [lot for lot in target.lots if lot.id not in before]

        assert minor(played.result.amount) == sum(lot.amount for lot in opened)
        for lot in opened:
            assert lot.source_lot_id is not None
            source = before[lot.source_lot_id]
            assert nature(source) == nature(lot)
            assert source.remaining == lot.remaining == lot.amount
