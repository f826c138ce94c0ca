"""What is refunded and reversed of a redemption is at most what it took, per lot, in any number of calls."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loyalty import ALL, MemoryStorage, RefundRedemption
from loyalty.errors import RefundTooLarge
from loyalty.ledger.transfer import Transfer
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.programs import minor, money
from loyalty.testing.strategies import programs


def standing(shop: Shop) -> list[Transfer]:
    """Return the transfers that were not reversed."""
    transfers = books_of(shop.storages[0]).transfers
    gone = {one.refunds for one in transfers if one.kind == "reversal"}
    return [one for one in transfers if one.id not in gone]


@given(programs())
def test_no_program_refunds_more_than_was_redeemed(program: list[Step]) -> None:
    """Counted from the transfers, after every step."""
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
        left: Counter[tuple[str, str]] = Counter()
        for transfer in books_of(shop.storages[0]).transfers:
            left.update({(transfer.id, move.lot_id): move.amount for move in transfer.debit.lots})
        for transfer in standing(shop):
            for move in transfer.credit.lots if transfer.refunds is not None else ():
                left[str(transfer.refunds), move.source_lot_id or move.lot_id] -= move.amount

        assert min(left.values(), default=0) >= 0


@given(programs(), st.lists(st.integers(1, 30), max_size=6))
def test_refunds_of_an_order_end_exactly_at_what_it_paid(program: list[Step], amounts: list[int]) -> None:
    """However a refund is cut into calls, everything comes back in the end and then not one unit more."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    redemptions = [one for one in books_of(shop.storages[0]).transfers if one.kind == "redemption"]
    for redemption in redemptions:
        refunds = [one for one in standing(shop) if one.refunds == redemption.id]
        left = redemption.amount - sum(refund.amount for refund in refunds)
        for number, amount in enumerate([*amounts, ALL]):
            command = RefundRedemption(
                redemption_id=redemption.id,
                amount=ALL if amount is ALL else money(int(str(amount)), redemption.currency),
                idempotency_key=f"{redemption.id} {number}",
            )
            result, error = shop.execute(command)
            asked = left if amount is ALL else int(str(amount))
            if 0 < asked <= left:
                assert error is None
                left -= minor(result.amount)  # type: ignore[attr-defined]  # a Refund
            else:
                assert isinstance(error, RefundTooLarge)
                assert error.refundable is not None
                assert left == minor(error.refundable)

        assert 0 == left
