"""Blocking a store credit account and letting it go again."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty import (
    ALL,
    BlockStoreCreditAccount,
    CaptureHold,
    DebitStoreCredit,
    GetStoreCreditAccount,
    ListTenders,
    PayWithBalances,
    PlaceHold,
    RefundRedemption,
    StoreCreditStatus,
    StoreCreditView,
    UnblockStoreCreditAccount,
)
from loyalty.errors import IdempotencyConflict, InvalidRequest, NotSpendable, StoreCreditAccountNotFound
from tests.use_cases.shop import Shop, usd


def block(shop: Shop, account_id: str) -> StoreCreditView:
    """Block an account by its id."""
    return shop.execute(BlockStoreCreditAccount(account_id=account_id, reason="fraud", idempotency_key=shop.key()))


def unblock(shop: Shop, account_id: str) -> StoreCreditView:
    """Unblock an account by its id."""
    return shop.execute(UnblockStoreCreditAccount(account_id=account_id, idempotency_key=shop.key()))


def test_a_blocked_account_keeps_its_value_and_pays_nothing() -> None:
    """Blocking stops spending and moves no value; every way to pay is told why."""
    shop = Shop()
    account = shop.grant("20.00").account
    transfers = shop.books().transfers
    blocked = block(shop, account.id)
    assert (StoreCreditStatus.BLOCKED, usd("20.00"), usd("0.00")) == (
        blocked.status, blocked.posted, blocked.available,
    )  # fmt: skip
    assert blocked == shop.credit()
    assert transfers == shop.books().transfers
    assert shop.ask(ListTenders(customer_id="ada", currency="USD")).store_credit is None
    with pytest.raises(NotSpendable) as caught:
        shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("1.00"), idempotency_key="d"))
    assert "blocked" == caught.value.reason
    with pytest.raises(NotSpendable):
        shop.execute(PayWithBalances(order_id="1", amount_due=usd("1.00"), customer_id="ada", idempotency_key="p"))


def test_an_unblocked_account_pays_again() -> None:
    """A block is reversible."""
    shop = Shop()
    account = shop.grant("20.00").account
    block(shop, account.id)
    assert (StoreCreditStatus.OPEN, usd("20.00")) == (
        unblock(shop, account.id).status, shop.credit().available,
    )  # fmt: skip
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("20.00"), idempotency_key="d"))


def test_an_account_is_named_by_its_customer_and_currency() -> None:
    """As well as by its id, and only the one account of that currency is blocked."""
    shop = Shop()
    account = shop.grant("20.00").account
    other = shop.grant("5.00", "bob").account
    named: dict[str, Any] = {"customer_id": "ada", "currency": "USD"}
    blocked = shop.execute(BlockStoreCreditAccount(idempotency_key="b", **named))
    assert (account.id, StoreCreditStatus.BLOCKED) == (blocked.id, blocked.status)
    assert StoreCreditStatus.OPEN is shop.ask(GetStoreCreditAccount(account_id=other.id)).status
    assert StoreCreditStatus.OPEN is shop.execute(UnblockStoreCreditAccount(idempotency_key="u", **named)).status


def test_blocking_twice_and_unblocking_an_open_account_change_nothing() -> None:
    """The same status again is answered and leaves the account as it was."""
    shop = Shop()
    account = shop.grant("20.00").account
    assert shop.credit() == unblock(shop, account.id)
    block(shop, account.id)
    before = shop.books().found
    assert StoreCreditStatus.BLOCKED is block(shop, account.id).status
    assert before == shop.books().found


def test_a_blocked_account_takes_grants_and_refunds() -> None:
    """What is owed to the customer reaches him; he cannot spend it yet."""
    shop = Shop()
    account = shop.grant("20.00").account
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("5.00"), order_id="1", idempotency_key="d"))
    block(shop, account.id)
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r"))
    shop.grant("1.00")
    assert (usd("21.00"), usd("0.00")) == (shop.credit().posted, shop.credit().available)


def test_a_block_stops_a_capture_and_keeps_the_hold() -> None:
    """What was held before stays held; once unblocked it can be captured."""
    shop = Shop()
    account = shop.grant("20.00").account
    hold = shop.execute(PlaceHold(order_id="1", amount_due=usd("5.00"), customer_id="ada", idempotency_key="hold"))
    assert usd("5.00") == block(shop, account.id).held
    with pytest.raises(NotSpendable):
        shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="c"))
    unblock(shop, account.id)
    assert usd("5.00") == shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="c")).amount


@pytest.mark.parametrize("kind", [BlockStoreCreditAccount, UnblockStoreCreditAccount])
def test_a_closed_account_stays_closed(kind: type[BlockStoreCreditAccount | UnblockStoreCreditAccount]) -> None:
    """Closing is final."""
    shop = Shop()
    account = shop.grant("20.00").account
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        shop.execute(kind(account_id=account.id, idempotency_key="k"))
    assert "closed" == caught.value.reason
    assert before == shop.books()


@pytest.mark.parametrize("kind", [BlockStoreCreditAccount, UnblockStoreCreditAccount])
def test_an_unknown_account_is_told(kind: type[BlockStoreCreditAccount | UnblockStoreCreditAccount]) -> None:
    """By id, by customer and by currency; the account of a card is none."""
    shop = Shop()
    shop.grant("20.00")
    card = shop.issue().gift_card
    unknown: tuple[dict[str, Any], ...] = (
        {"account_id": "nobody"},
        {"account_id": card.account_id},
        {"customer_id": "bob", "currency": "USD"},
        {"customer_id": "ada", "currency": "EUR"},
    )
    for named in unknown:
        with pytest.raises(StoreCreditAccountNotFound):
            shop.execute(kind(idempotency_key="k", **named))


def test_an_account_is_named_once() -> None:
    """By its id, or by its customer together with a currency."""
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"account_id": "a", "customer_id": "ada", "currency": "USD"},
        {"customer_id": "ada"},
        {"account_id": "a", "currency": "USD"},
    )
    for named in wrong:
        with pytest.raises(InvalidRequest):
            BlockStoreCreditAccount(idempotency_key="k", **named)


def test_a_replayed_block_answers_the_same_and_another_content_conflicts() -> None:
    """Also after the account was unblocked: a replay says what happened then, and blocks nothing anew."""
    shop = Shop()
    account = shop.grant("20.00").account
    command = BlockStoreCreditAccount(account_id=account.id, idempotency_key="k")
    first = shop.execute_twice(command)
    unblock(shop, account.id)
    assert first == shop.execute(command)
    assert StoreCreditStatus.OPEN is shop.credit().status
    with pytest.raises(IdempotencyConflict):
        shop.execute(UnblockStoreCreditAccount(account_id=account.id, idempotency_key="k"))


def test_the_events_tell_of_the_account_and_why() -> None:
    """One event for each, with the reason that was given."""
    shop = Shop()
    account = shop.grant("20.00").account
    block(shop, account.id)
    assert "StoreCreditAccountBlocked" == shop.last_receipt().event
    assert '"reason":"fraud"' in shop.last_receipt().event_data
    unblock(shop, account.id)
    assert "StoreCreditAccountUnblocked" == shop.last_receipt().event
    assert f'"account_id":"{account.id}"' in shop.last_receipt().event_data
