"""A transfer is reversed once, whole, by its mirror image; a reversal never, and nothing is given back twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loyalty import MemoryStorage, Reversal, ReverseTransfer
from loyalty.errors import AlreadyReversed, InsufficientBalance, NotReversible, NotSpendable
from loyalty.testing import Shop, Step, books_of, require_sound
from loyalty.testing.programs import Verb, minor
from loyalty.testing.strategies import programs


def is_closed(error: object) -> bool:
    """Tell whether it is refused because the account was closed."""
    return isinstance(error, NotSpendable) and error.reason == "closed"


@given(programs(), st.randoms(use_true_random=False))
def test_every_transfer_is_reversed_at_most_once(program: list[Step], order: object) -> None:
    """In any order, twice each: the second time it is refused, and owed moves by exactly what the first had moved."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    known = list(books_of(shop.storages[0]).transfers)
    order.shuffle(known)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    done = {transfer.refunds for transfer in known if transfer.kind == "reversal"}
    for number, transfer in enumerate([*known, *known]):
        before = books_of(shop.storages[0]).owed()
        result, error = shop.execute(
            ReverseTransfer(transfer_id=transfer.id, actor="staff", reason="why", idempotency_key=f"last {number}")
        )
        after = books_of(shop.storages[0]).owed()
        moved = {currency: owed - before[currency] for currency, owed in after.items() if owed != before[currency]}
        rose = (transfer.credit.account_id is not None) - (transfer.debit.account_id is not None)

        if isinstance(result, Reversal):
            assert transfer.id not in done
            assert transfer.amount == minor(result.amount)
            assert ({transfer.currency: -rose * transfer.amount} if rose else {}) == moved
            done.add(transfer.id)
        else:
            assert isinstance(error, AlreadyReversed | InsufficientBalance | NotReversible) or is_closed(error)
            assert {} == moved
            assert transfer.id not in done or isinstance(error, AlreadyReversed) or is_closed(error)
    require_sound(books_of(shop.storages[0]))


@given(programs())
def test_undoing_the_last_thing_at_once_restores_every_lot(program: list[Step]) -> None:
    """Whatever it was, as long as it was no reversal: what each lot holds is as it was before. A merge is for good."""
    shop = Shop(MemoryStorage())
    shop.play_all(program[:-1])
    before = books_of(shop.storages[0])
    shop.play(program[-1])
    new = books_of(shop.storages[0]).transfers[len(before.transfers) :]
    if any(transfer.kind in {"reversal", "expiry"} for transfer in new):
        return
    for transfer in reversed(new):
        command = ReverseTransfer(transfer_id=transfer.id, actor="a", reason="b", idempotency_key=transfer.id)
        _, error = shop.execute(command)
        if program[-1].verb is Verb.MERGE and is_closed(error):
            return
        assert error is None

    held = {lot.id: lot.remaining for account in before.accounts for lot in account.lots if lot.remaining}
    after = books_of(shop.storages[0]).accounts
    assert held == {lot.id: lot.remaining for account in after for lot in account.lots if lot.remaining}
