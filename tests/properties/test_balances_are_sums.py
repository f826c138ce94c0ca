"""The sum of transfers, the posted balance, the last balance after and the sum of lots are one number."""

from __future__ import annotations

from hypothesis import given

from loyalty import Audit, MemoryStorage, Statement
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.programs import minor
from loyalty.testing.strategies import programs


@given(programs())
def test_all_four_agree_after_every_step(program: list[Step]) -> None:
    """A cached balance never drifts."""
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
        books = books_of(shop.storages[0])
        for account in books.accounts:
            history = books.history(account.id)
            last = history[-1][1].balance_after if history else 0

            assert account.posted == sum(sign * transfer.amount for transfer, _, sign in history)
            assert account.posted == last
            assert account.posted == sum(lot.remaining for lot in account.lots)


@given(programs())
def test_a_statement_adds_up_line_by_line(program: list[Step]) -> None:
    """Each balance after is the one before plus a credit or minus a debit."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for account in books_of(shop.storages[0]).accounts:
        balance = 0
        for entry in shop.loyalty.ask(Statement(account_id=account.id)).entries if account.sequence else ():
            balance += minor(entry.amount) if entry.direction == "credit" else -minor(entry.amount)

            assert balance == minor(entry.balance_after)


@given(programs())
def test_the_audit_agrees(program: list[Step]) -> None:
    """The library's own check finds nothing after any program."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)

    assert () == shop.loyalty.ask(Audit()).findings
