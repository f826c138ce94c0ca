"""Opening plus everything that moved is closing, for every window, and windows join without a gap."""

from __future__ import annotations

from datetime import datetime
from itertools import combinations_with_replacement, pairwise

from hypothesis import given

from loyalty import CurrencyMovements, Loyalty, MemoryStorage, Movements
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.programs import minor
from loyalty.testing.strategies import programs


def movements(loyalty: Loyalty, since: datetime | None, until: datetime | None) -> dict[str, CurrencyMovements]:
    """Return the roll-forward per currency."""
    return {row.currency: row for row in loyalty.ask(Movements(since=since, until=until))}


def times(shop: Shop) -> list[datetime | None]:
    """Return a few times at which something was recorded, and the ends of time."""
    recorded = sorted({transfer.recorded_at for transfer in books_of(shop.storages[0]).transfers})
    return [None, *recorded[:4], *recorded[-2:], None]


@given(programs())
def test_every_window_ties(program: list[Step]) -> None:
    """To the last minor unit, on the customers' side and on the house's."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    some = times(shop)
    for first, last in combinations_with_replacement(range(len(some)), 2):
        since, until = some[first], some[last]
        if since is not None and until is not None and until < since:
            continue
        for row in movements(shop.loyalty, since, until).values():
            rise = minor(row.issued) + minor(row.granted) + minor(row.refunded)
            rise += minor(row.reloaded) + minor(row.imported) + minor(row.reinstated)
            rise += minor(row.adjusted) + minor(row.reversed)
            fall = minor(row.redeemed) + minor(row.debited) + minor(row.expired)
            fall += minor(row.cashed_out) + minor(row.clawed_back)

            assert minor(row.opening) + rise - fall == minor(row.closing)
            assert fall - rise == sum(map(minor, row.house.values()))


@given(programs())
def test_closing_is_the_next_opening(program: list[Step]) -> None:
    """Windows that follow each other count every transfer once."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    whole = movements(shop.loyalty, None, None)
    recorded = sorted({transfer.recorded_at for transfer in books_of(shop.storages[0]).transfers})
    windows = [movements(shop.loyalty, *window) for window in pairwise([None, *recorded, None])]
    for currency, row in whole.items():
        parts = [window[currency] for window in windows if currency in window]

        assert minor(row.redeemed) == sum(minor(part.redeemed) for part in parts)
        assert minor(row.issued) + minor(row.granted) == sum(minor(part.issued) + minor(part.granted) for part in parts)
        for before, after in pairwise(parts):
            assert before.closing == after.opening
        assert row.closing == parts[-1].closing


@given(programs())
def test_the_whole_ends_at_what_is_owed(program: list[Step]) -> None:
    """From nothing to now."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    whole = movements(shop.loyalty, None, None)

    assert {code: owed for code, owed in books_of(shop.storages[0]).owed().items() if owed} == {
        code: minor(row.closing) for code, row in whole.items() if minor(row.closing)
    }
    assert all(0 == minor(row.opening) for row in whole.values())
