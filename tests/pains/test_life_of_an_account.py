"""PAINS.md, what happens to a customer's account: value that moves, accounts that end, people who merge or leave."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty import (
    ALL,
    Audit,
    CloseStoreCreditAccount,
    DebitStoreCredit,
    EraseCustomer,
    GetStoreCreditAccount,
    Liability,
    LotOrigin,
    MergeCustomers,
    Movements,
    RefundRedemption,
    Statement,
    StoreCreditStatus,
    TransferStoreCredit,
)
from loyalty.errors import AccountNotEmpty, InvalidRequest, NotSpendable
from loyalty.testing import books_of
from tests.use_cases.shop import DAY, Shop, usd


def send(shop: Shop, source: str, target: str, amount: str) -> None:
    """Move store credit from one customer to another."""
    shop.execute(
        TransferStoreCredit(
            from_customer_id=source, to_customer_id=target, amount=usd(amount), idempotency_key=shop.key()
        )
    )


def test_pain_10_value_loops() -> None:
    """Value that goes round among accounts comes back as what it was: no more, no younger, and of the same origin."""
    shop = Shop()
    ends = shop.clock() + 9 * DAY
    shop.grant("20.00", origin=LotOrigin.PROMOTIONAL, expires_at=ends)
    for source, target in (("ada", "bob"), ("bob", "cy"), ("cy", "ada")) * 3:
        send(shop, source, target, "20.00")
        shop.clock.advance(DAY)
    with pytest.raises(InvalidRequest):
        send(shop, "ada", "ada", "20.00")
    (lot,) = [lot for account in books_of(shop.storage).accounts for lot in account.lots if lot.remaining]
    assert (2000, LotOrigin.PROMOTIONAL, ends) == (lot.remaining, lot.origin, lot.expires_at)
    assert usd("0.00") == shop.credit("ada").available
    (movements,) = shop.ask(Movements())
    assert (usd("20.00"), usd("180.00"), usd("20.00")) == (movements.granted, movements.moved, movements.closing)


def test_pain_17_history_edited_or_deleted() -> None:
    """An account is closed, never deleted, and only at zero with nothing held; its entries are there byte for byte."""
    shop = Shop()
    account = shop.grant("20.00").account
    close = CloseStoreCreditAccount(account_id=account.id, idempotency_key="close")
    with pytest.raises(AccountNotEmpty):
        shop.execute(close)
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("20.00"), idempotency_key="debit"))
    transfers = shop.books().transfers
    shop.execute(close)
    assert transfers == shop.books().transfers
    assert 2 == len(shop.ask(Statement(account_id=account.id)).entries)
    assert StoreCreditStatus.CLOSED is shop.ask(GetStoreCreditAccount(account_id=account.id)).status
    with pytest.raises(NotSpendable):
        shop.grant("1.00")


def test_pain_44_merging_customers() -> None:
    """Merged between two spendings, twice over: lot by lot, once, and what is refunded later finds the customer."""
    shop = Shop()
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("5.00"), order_id="1", idempotency_key="before"))
    owed = shop.ask(Liability()).total
    command = MergeCustomers(from_customer_id="ada", into_customer_id="bob", idempotency_key="merge")
    shop.execute_twice(command)
    assert owed == shop.ask(Liability()).total
    with pytest.raises(NotSpendable):
        shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("5.00"), order_id="2", idempotency_key="after"))
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund"))
    assert (usd("0.00"), usd("20.00")) == (shop.credit("ada").posted, shop.credit("bob").posted)
    shop.clock.advance(DAY)
    assert usd("0.00") == shop.credit("bob").available
    assert shop.ask(Audit()).is_clean


@pytest.mark.parametrize("is_merged_first", [False, True])
def test_pain_44_deleting_customers(is_merged_first: bool) -> None:
    """Who leaves is forgotten, and the books are what they were: no entry, balance or total goes with the person."""
    shop = Shop()
    said: dict[str, Any] = {"actor": "ada", "note": "called from ada@example.com"}
    shop.grant("20.00", **said)
    shop.issue("5.00", customer_id="ada", recipient="Ada <ada@example.com>", **said)
    if is_merged_first:
        shop.execute(MergeCustomers(from_customer_id="ada", into_customer_id="bob", idempotency_key="m", **said))
    owed, entries = shop.ask(Liability()).total, len(shop.books().transfers)
    for customer_id in ("ada", "bob") if is_merged_first else ("ada",):
        shop.execute(EraseCustomer(customer_id=customer_id, known_as=("ada@example.com",)))
    shown = repr(books_of(shop.storage))
    assert not any(trace in shown for trace in ("'ada'", '"ada"', "ada@example.com"))
    assert (owed, entries) == (shop.ask(Liability()).total, len(shop.books().transfers))
    assert shop.ask(Audit()).is_clean
