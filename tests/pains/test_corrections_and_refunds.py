"""PAINS.md, what corrections, refunds of orders, refund plans and taxes touch. One test per pain."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from moneyed import Money

import loyalty
from loyalty import (
    ALL,
    AdjustValue,
    Audit,
    CardPayment,
    Direction,
    PayWithBalances,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    RefundRedemption,
    RefundTender,
    ReverseTransfer,
    Statement,
    in_proportion,
    plan_refund,
    prepaid_tax,
)
from loyalty.errors import AlreadyReversed, InvalidRequest, NotReversible, RefundTooLarge
from loyalty.use_cases.command import Command
from tests.use_cases.shop import Shop, usd

BY_STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "typed twice"}


def test_pain_03_reversal_gives_back_more_than_was_taken() -> None:
    """Two owners of one revert: whoever comes second is refused, be it a refund or a reversal."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = shop.redeem(issued, "20.00", "1"), shop.redeem(issued, "20.00", "2")
    shop.execute(ReverseTransfer(transfer_id=first.id, idempotency_key="a", **BY_STAFF))
    shop.execute(RefundRedemption(order_id="2", amount=ALL, idempotency_key="b"))
    before = shop.books()
    command: Any
    for command, error in (
        (ReverseTransfer(transfer_id=first.id, idempotency_key="c", **BY_STAFF), AlreadyReversed),
        (RefundRedemption(order_id="1", amount=ALL, idempotency_key="d"), RefundTooLarge),
        (ReverseTransfer(transfer_id=second.id, idempotency_key="e", **BY_STAFF), NotReversible),
        (RefundRedemption(order_id="2", amount=ALL, idempotency_key="f"), RefundTooLarge),
    ):
        with pytest.raises(error):
            shop.execute(command)
    assert before == shop.books()
    assert usd("50.00") == shop.card(issued).posted


def test_pain_03_each_new_allocation_mints_new_credit() -> None:
    """A ceiling per order, not per call, and not per account that is named."""
    shop = Shop()
    order: dict[str, Any] = {"order_id": "1", "amount": usd("30.00"), "refundable": usd("45.00")}
    shop.execute(RefundOrderToStoreCredit(customer_id="ada", idempotency_key="a", **order))
    command: Any
    for command in (
        RefundOrderToStoreCredit(customer_id="ada", idempotency_key="b", **order),
        RefundOrderToStoreCredit(customer_id="bob", idempotency_key="c", **order),
        RefundAsGiftCard(idempotency_key="d", **order),
    ):
        with pytest.raises(RefundTooLarge) as caught:
            shop.execute(command)
        assert usd("15.00") == caught.value.refundable


def test_pain_14_lost_or_invented_pennies_over_tenders() -> None:
    """Two tenders of 1.00 give 1.03 back in 51 and 52 cents, and the rest closes both at zero."""
    facts = [("a", usd("0")), ("b", usd("0"))]

    def refund(amount: Any) -> list[Money]:
        tenders = [
            RefundTender(id=id_, captured=usd("1.00"), refunded=refunded, is_stored_value=True)
            for id_, refunded in facts
        ]
        plan = {part.tender_id: part.amount for part in plan_refund(tenders, amount, in_proportion)}
        facts[:] = [(id_, refunded + plan.get(id_, usd("0"))) for id_, refunded in facts]
        return list(plan.values())

    assert usd("1.03") == sum(refund(usd("1.03")), usd("0"))
    assert usd("0.97") == sum(refund(ALL), usd("0"))
    assert [("a", usd("1.00")), ("b", usd("1.00"))] == facts


def test_pain_16_rollbacks_that_do_not_roll_back() -> None:
    """A compensation is an entry of its own that names what it undoes, undoes only that, and deletes nothing."""
    shop = Shop()
    issued = shop.issue("50.00")
    mine, other = shop.redeem(issued, "20.00", "1"), shop.redeem(issued, "20.00", "2")
    before = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    shop.execute(ReverseTransfer(transfer_id=mine.id, idempotency_key="a", **BY_STAFF))
    *same, undone = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    assert list(before) == same
    assert (mine.id, mine.amount) == (undone.refunds, undone.amount)
    assert other.amount == shop.execute(RefundRedemption(order_id="2", amount=ALL, idempotency_key="b")).amount
    assert shop.ask(Audit()).is_clean


def test_pain_32_the_tax_is_that_of_the_order_and_not_of_the_tenders() -> None:
    """Whatever pays, the gross amount is what it was; a taxed card says how much of it was taxed at its sale."""
    shop = Shop()
    taxed, untaxed = shop.issue("50.00", tax_rate="19"), shop.issue("50.00")
    payment = shop.execute(
        PayWithBalances(order_id="1", amount_due=usd("119.00"), codes=(taxed.code, untaxed.code), idempotency_key="p")
    )
    assert usd("119.00") == payment.amount + payment.remaining_due
    rates = {card.gift_card.id: card.gift_card.tax_rate for card in (taxed, untaxed)}
    parts = prepaid_tax(
        [
            CardPayment(gift_card_id=str(part.gift_card_id), amount=part.amount, tax_rate=rates[part.gift_card_id])  # type: ignore[index]  # cards paid
            for part in payment.parts
        ]
    )
    assert {taxed.gift_card.id: usd("7.98"), untaxed.gift_card.id: usd("0.00")} == {
        part.gift_card_id: part.tax for part in parts
    }


def test_pain_36_editing_an_order_forgets_how_it_was_paid() -> None:
    """45 by card and 15 by check, the item of 40 comes back: the check gives its 15, the card the other 25."""
    shop = Shop()
    issued = shop.issue("45.00")
    paid = shop.redeem(issued, "45.00")
    tenders = (
        RefundTender(id=paid.id, captured=paid.amount, refunded=usd("0"), is_stored_value=True),
        RefundTender(id="check", captured=usd("15.00"), refunded=usd("0"), is_stored_value=False),
    )
    plan = plan_refund(tenders, usd("40.00"))
    assert {"check": usd("15.00"), paid.id: usd("25.00")} == {part.tender_id: part.amount for part in plan}
    assert usd("40.00") == sum((part.amount for part in plan), usd("0"))
    shop.execute(RefundRedemption(redemption_id=paid.id, amount=usd("25.00"), idempotency_key="r"))
    assert usd("25.00") == shop.card(issued).posted


def test_pain_46_adjustments_without_a_reason() -> None:
    """By delta only, with who and why: no command has a field for a balance, and corrections require both."""
    for name in loyalty.__all__:
        thing: Any = getattr(loyalty, name)
        if isinstance(thing, type) and issubclass(thing, Command):
            assert not {"balance", "posted", "available", "held", "set_to"} & set(attrs.fields_dict(thing))
    for kind in (AdjustValue, ReverseTransfer):
        fields = attrs.fields_dict(kind)
        assert {attrs.NOTHING} == {fields["actor"].default, fields["reason"].default}
    with pytest.raises(InvalidRequest):
        AdjustValue(
            customer_id="ada", amount=usd("1"), direction=Direction.DEBIT, actor="a", reason="", idempotency_key="k"
        )
