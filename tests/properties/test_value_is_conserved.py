"""Per currency, what customers are owed is exactly what the house gave, after every step of any program."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.strategies import programs


@given(programs())
def test_all_accounts_together_sum_to_zero(program: list[Step]) -> None:
    """Every transfer takes from one side what it gives to the other."""
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
        books = books_of(shop.storages[0])
        sums: dict[str, int] = {}
        for transfer in books.transfers:
            gained = (transfer.credit.account_id is not None) - (transfer.debit.account_id is not None)
            sums[transfer.currency] = sums.get(transfer.currency, 0) + gained * transfer.amount

        assert {currency: amount for currency, amount in sums.items() if amount} == {
            currency: owed for currency, owed in books.owed().items() if owed
        }


@given(programs())
def test_value_never_changes_its_currency(program: list[Step]) -> None:
    """A transfer is in the currency and exponent of the accounts on its sides."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    books = books_of(shop.storages[0])
    accounts = {account.id: (account.currency, account.exponent) for account in books.accounts}
    for transfer in books.transfers:
        for side in (transfer.debit, transfer.credit):
            if side.account_id is not None:
                assert accounts[side.account_id] == (transfer.currency, transfer.exponent)
