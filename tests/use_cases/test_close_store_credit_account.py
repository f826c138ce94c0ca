"""Closing a store credit account: for good, and only when nothing is on it."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty import (
    ALL,
    AdjustValue,
    Audit,
    CaptureHold,
    CloseStoreCreditAccount,
    ConvertGiftCard,
    DebitStoreCredit,
    Direction,
    ExpireValue,
    GrantStoreCredit,
    LapseHolds,
    LotOrigin,
    OpenStoreCreditAccount,
    PlaceHold,
    RefundOrderToStoreCredit,
    RefundRedemption,
    ReverseTransfer,
    StoreCreditStatus,
    StoreCreditView,
    TransferStoreCredit,
    VoidHold,
)
from loyalty.errors import AccountNotEmpty, NotSpendable, StoreCreditAccountNotFound
from loyalty.use_cases.command import Command
from tests.use_cases.shop import DAY, MICROSECOND, Shop, usd


def close(shop: Shop) -> StoreCreditView:
    """Close ada's account in dollars."""
    return shop.execute(
        CloseStoreCreditAccount(customer_id="ada", currency="USD", reason="moved away", idempotency_key=shop.key())
    )


def refused(shop: Shop) -> AccountNotEmpty:
    """Expect that ada's account is not empty, and that nothing has changed."""
    before = shop.books()
    with pytest.raises(AccountNotEmpty) as caught:
        close(shop)
    assert before == shop.books()
    return caught.value


def spend(shop: Shop, amount: str, order_id: str | None = None) -> str:
    """Debit ada's account and return the transfer's id."""
    command = DebitStoreCredit(customer_id="ada", amount=usd(amount), order_id=order_id, idempotency_key=shop.key())
    return shop.execute(command).transfer.id


def test_an_empty_account_is_closed_and_keeps_its_history() -> None:
    """It is shown as closed, nothing moved, and every entry is still there."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00")
    transfers = shop.books().transfers
    closed = close(shop)
    assert (StoreCreditStatus.CLOSED, usd("0.00")) == (closed.status, closed.posted)
    assert closed == shop.credit()
    assert transfers == shop.books().transfers
    assert "StoreCreditAccountClosed" == shop.last_receipt().event
    assert '"reason":"moved away"' in shop.last_receipt().event_data
    assert shop.ask(Audit()).is_clean


def test_an_account_that_was_never_used_can_be_closed() -> None:
    """Empty is empty."""
    shop = Shop()
    shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="o"))
    assert StoreCreditStatus.CLOSED is close(shop).status


def test_a_blocked_account_can_be_closed() -> None:
    """It need not be unblocked before."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00")
    shop.set_credit_status(shop.credit().id, StoreCreditStatus.BLOCKED)
    assert StoreCreditStatus.CLOSED is close(shop).status


def test_a_cent_keeps_an_account_open() -> None:
    """The error says what is still there."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "19.99")
    error = refused(shop)
    assert (usd("0.01"), usd("0.00")) == (error.posted, error.held)
    spend(shop, "0.01")
    close(shop)


def test_what_an_order_holds_keeps_an_account_open() -> None:
    """All of it may be held; the error says so."""
    shop = Shop()
    shop.grant("5.00")
    hold = shop.execute(PlaceHold(order_id="1", amount_due=usd("5.00"), customer_id="ada", idempotency_key="hold"))
    error = refused(shop)
    assert (usd("5.00"), usd("5.00")) == (error.posted, error.held)
    shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="c"))
    close(shop)


def test_a_hold_counts_until_it_has_lapsed() -> None:
    """A microsecond before, at and after its time: what is held goes from all to nothing, what is posted stays."""
    shop = Shop()
    shop.grant("5.00")
    hold = shop.execute(PlaceHold(order_id="1", amount_due=usd("5.00"), customer_id="ada", idempotency_key="hold"))
    for step, held in (
        (hold.lapses_at - shop.clock() - MICROSECOND, "5.00"),
        (MICROSECOND, "0.00"),
        (MICROSECOND, "0.00"),
    ):
        shop.clock.advance(step)
        assert usd(held) == refused(shop).held


def test_expired_value_counts_until_it_is_posted() -> None:
    """What is on the books is on the account, spendable or not."""
    shop = Shop()
    shop.grant("5.00", expires_at=shop.clock() + DAY)
    shop.clock.advance(DAY)
    assert usd("5.00") == refused(shop).posted
    shop.execute(ExpireValue())
    close(shop)


def test_a_hold_of_nothing_does_not_bring_a_closed_account_back() -> None:
    """An order that named the account without holding any of it ends as ever, and sweeps pass it by."""
    shop = Shop()
    shop.grant("5.00")
    card = shop.issue("5.00")
    spend(shop, "5.00")
    for order in ("1", "2"):
        shop.execute(
            PlaceHold(
                order_id=order,
                amount_due=usd("2.00"),
                codes=(card.code,),
                customer_id="ada",
                idempotency_key=f"hold {order}",
            )
        )
    close(shop)
    held = PlaceHold(order_id="1", amount_due=usd("2.00"), codes=(card.code,), idempotency_key="instead")
    shop.execute(VoidHold(hold_id=shop.execute(held).id, idempotency_key="void"))
    shop.clock.advance(DAY)
    shop.execute(LapseHolds())
    assert StoreCreditStatus.CLOSED is shop.credit().status
    assert shop.ask(Audit()).is_clean


def test_nothing_comes_to_a_closed_account() -> None:
    """Every way in is refused with the reason, and the account stays empty."""
    shop = Shop()
    shop.grant("20.00")
    spent = spend(shop, "15.00", "1")
    spend(shop, "5.00")
    card, other = shop.issue("5.00"), shop.grant("9.00", "bob").account
    close(shop)
    staff: dict[str, Any] = {"actor": "staff/7", "reason": "why", "idempotency_key": "k"}
    ways: tuple[Command[Any], ...] = (
        GrantStoreCredit(customer_id="ada", amount=usd("1.00"), origin=LotOrigin.GOODWILL, idempotency_key="k"),
        RefundRedemption(order_id="1", amount=ALL, idempotency_key="k"),
        RefundOrderToStoreCredit(
            order_id="1", customer_id="ada", amount=usd("1.00"), refundable=usd("9.00"), idempotency_key="k"
        ),
        ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="k"),
        ReverseTransfer(transfer_id=spent, **staff),
        AdjustValue(customer_id="ada", amount=usd("1.00"), direction=Direction.CREDIT, **staff),
        TransferStoreCredit(from_account_id=other.id, to_customer_id="ada", amount=usd("1.00"), idempotency_key="k"),
    )
    before = shop.books()
    for command in ways:
        with pytest.raises(NotSpendable) as caught:
            shop.execute(command)
        assert "closed" == caught.value.reason
    assert before == shop.books()


def test_a_refund_that_stays_clear_of_a_closed_account_is_made() -> None:
    """Of an order that a card and a closed account paid, the card's part can be refunded by its redemption."""
    shop = Shop()
    shop.grant("5.00")
    card = shop.issue("5.00")
    redemption = shop.redeem(card, "5.00", "1")
    spend(shop, "5.00", "1")
    close(shop)
    with pytest.raises(NotSpendable):
        shop.execute(RefundRedemption(order_id="1", amount=usd("2.00"), idempotency_key="k"))
    shop.execute(RefundRedemption(redemption_id=redemption.id, amount=ALL, idempotency_key="k"))
    assert usd("5.00") == shop.card(card).available


def test_closing_twice_changes_nothing() -> None:
    """It is answered as closed."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00")
    close(shop)
    before = shop.books().found
    assert StoreCreditStatus.CLOSED is close(shop).status
    assert before == shop.books().found


def test_a_replayed_closing_answers_the_same() -> None:
    """And an account that is not there is told."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00")
    shop.execute_twice(CloseStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k"))
    unknown: tuple[dict[str, Any], ...] = ({"account_id": "none"}, {"customer_id": "ada", "currency": "EUR"})
    for named in unknown:
        with pytest.raises(StoreCreditAccountNotFound):
            shop.execute(CloseStoreCreditAccount(idempotency_key="another", **named))
