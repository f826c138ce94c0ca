"""Adding up what is owed per currency and origin."""

from __future__ import annotations

from loyalty.identifiers import LotId
from loyalty.ledger.lot import LotMove, LotOrigin
from loyalty.ledger.origin_balance import Moved, OriginBalance, sum_by_origin


def move(amount: int, origin: LotOrigin) -> LotMove:
    """Return a move of some lot."""
    return LotMove(lot_id=LotId("lot"), amount=amount, origin=origin)


def test_credits_add_and_debits_subtract() -> None:
    """What a customer was given less what was taken is what is owed."""
    paid, gift = LotOrigin.PURCHASED, LotOrigin.PROMOTIONAL
    moves = [
        Moved("USD", 2, (), (move(100, paid),)),
        Moved("USD", 2, (), (move(50, gift),)),
        Moved("USD", 2, (move(30, paid), move(50, gift)), ()),
    ]
    assert (OriginBalance("USD", 2, gift, 0), OriginBalance("USD", 2, paid, 70)) == sum_by_origin(moves)


def test_a_conversion_changes_nothing() -> None:
    """Value that moves between two customers is owed as before."""
    both = (move(100, LotOrigin.REFUND),)
    assert (OriginBalance("USD", 2, LotOrigin.REFUND, 0),) == sum_by_origin([Moved("USD", 2, both, both)])


def test_currencies_and_decimals_are_kept_apart_and_sorted() -> None:
    """Each currency, with each number of decimals it ever had, is a line of its own, in a stable order."""
    lines = sum_by_origin(
        Moved(currency, exponent, (), (move(1, LotOrigin.REFUND),))
        for currency, exponent in (("USD", 2), ("JPY", 0), ("USD", 3), ("EUR", 2))
    )
    assert [("EUR", 2), ("JPY", 0), ("USD", 2), ("USD", 3)] == [(line.currency, line.exponent) for line in lines]


def test_nothing_adds_up_to_nothing() -> None:
    """Without moves there is no line."""
    assert () == sum_by_origin([])
