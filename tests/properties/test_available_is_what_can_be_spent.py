"""Available is posted minus held, expired and not yet begun; exactly that can be spent, and one unit more cannot."""

from __future__ import annotations

from collections import Counter

from hypothesis import given

from loyalty import DebitStoreCredit, GetStoreCreditAccount, MemoryStorage, StoreCreditStatus
from loyalty.errors import InsufficientBalance, NotSpendable
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.programs import minor, money
from loyalty.testing.strategies import programs


@given(programs())
def test_available_is_what_the_lots_say(program: list[Step]) -> None:
    """
    Every lot counts while it lives, has begun and is not held by an order whose time has not come.

    Of an account that was stopped none does.
    """
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
    for credit in books_of(shop.storages[0]).store_credit_accounts:
        at = max(shop.clock(), credit.account.recorded_at)
        view = shop.loyalty.ask(GetStoreCreditAccount(account_id=credit.id))
        held = Counter[str]()
        for one in credit.account.reservations:
            if at < one.lapses_at:
                held.update({move.lot_id: move.amount for move in one.moves})
        expected = sum(
            lot.remaining - held[lot.id]
            for lot in credit.account.lots
            if (lot.expires_at is None or at < lot.expires_at) and (lot.not_before is None or lot.not_before <= at)
        )

        assert (expected if credit.status is StoreCreditStatus.OPEN else 0) == minor(view.available)
        assert credit.account.posted == minor(view.posted)


@given(programs())
def test_exactly_what_is_available_can_be_spent(program: list[Step]) -> None:
    """One minor unit more is refused, and what is available then goes to zero; of a stopped account nothing can be."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for number, account in enumerate(shop.accounts):
        view = shop.loyalty.ask(GetStoreCreditAccount(account_id=account.id))
        available = minor(view.available)
        if view.status is not StoreCreditStatus.OPEN:
            assert 0 == available
            command = DebitStoreCredit(
                account_id=account.id, amount=money(1, account.currency), idempotency_key=f"last {number}"
            )
            assert isinstance(shop.execute(command)[1], NotSpendable)
            continue
        for amount, kind in ((available + 1, InsufficientBalance), (available, None)):
            if 0 < amount <= 10**15:
                command = DebitStoreCredit(
                    account_id=account.id,
                    amount=money(amount, account.currency),
                    idempotency_key=f"last {number} {amount}",
                )
                _, error = shop.execute(command)

                assert (kind is None) is (error is None)
                assert kind is None or type(error) is kind
        if available <= 10**15:
            assert 0 == minor(shop.loyalty.ask(GetStoreCreditAccount(account_id=account.id)).available)
