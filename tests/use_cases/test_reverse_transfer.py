"""Reversing a transfer: whole, once, lot by lot, and only if the value is still there."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty import (
    ALL,
    AdjustValue,
    Audit,
    BlockGiftCard,
    CardsOfOrder,
    ConvertGiftCard,
    DebitStoreCredit,
    Direction,
    ExpireValue,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    PlaceHold,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    RefundRedemption,
    Reversal,
    ReverseTransfer,
    Statement,
    StoreCreditStatus,
    TransferKind,
)
from loyalty.errors import (
    AlreadyReversed,
    InsufficientBalance,
    InvalidRequest,
    LoyaltyError,
    NotReversible,
    NotSpendable,
    RefundTooLarge,
    TransferNotFound,
)
from tests.use_cases.shop import DAY, NOW, Shop, usd


def reverse(shop: Shop, transfer_id: str) -> Reversal:
    """Reverse a transfer, as staff would."""
    return shop.execute(
        ReverseTransfer(transfer_id=transfer_id, actor="staff/7", reason="typed twice", idempotency_key=shop.key())
    )


def last(shop: Shop, issued: IssuedGiftCard) -> str:
    """Return the last transfer on a card."""
    return shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1].id


def refuses(shop: Shop, transfer_id: str, kind: type[LoyaltyError]) -> LoyaltyError:
    """Expect that a reversal is refused so, and that nothing has changed."""
    before = shop.books()
    with pytest.raises(kind) as caught:
        reverse(shop, transfer_id)
    assert before == shop.books()
    return caught.value


def test_an_issue_is_undone() -> None:
    """The card is there and empty; the shop's own side has its value back."""
    shop = Shop()
    issued = shop.issue("50.00")
    reversal = reverse(shop, last(shop, issued))
    (movements,) = shop.ask(Movements())
    assert (usd("50.00"), usd("-50.00"), usd("0.00")) == (movements.issued, movements.reversed, movements.closing)
    assert usd("0.00") == movements.house[HouseAccount.PROMOTION]
    assert (usd("0.00"), True) == (shop.card(issued).posted, shop.card(issued).is_exhausted)
    assert (usd("50.00"), usd("0.00"), usd("0.00")) == (reversal.amount, reversal.forfeited, reversal.regranted)


def test_the_entry_says_who_undid_what_and_why() -> None:
    """A reversal stands in the history under the order, with the transfer it undoes."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    (entry,) = reverse(shop, redemption.id).entries
    assert (TransferKind.REVERSAL, Direction.CREDIT, redemption.id, "1001", "staff/7", "typed twice") == (
        entry.kind, entry.direction, entry.refunds, entry.order_id, entry.actor, entry.reason,
    )  # fmt: skip
    assert usd("50.00") == entry.balance_after


def test_who_and_why_are_required() -> None:
    """A correction without an actor or a reason cannot be constructed."""
    for missing in ({"actor": None}, {"reason": None}, {"actor": ""}, {"reason": " "}):
        with pytest.raises(InvalidRequest):
            ReverseTransfer(**{"transfer_id": "1", "actor": "a", "reason": "b", "idempotency_key": "k", **missing})  # type: ignore[arg-type]


def test_a_grant_that_was_spent_in_part_stays() -> None:
    """One cent less than all of it is not enough, and other value of the customer does not stand in for it."""
    shop = Shop()
    grant = shop.grant("10.00", expires_at=NOW + DAY)
    shop.grant("90.00")
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("0.01"), idempotency_key="d"))
    error = refuses(shop, grant.transfer.id, InsufficientBalance)
    assert isinstance(error, InsufficientBalance)
    assert (usd("10.00"), usd("9.99")) == (error.requested, error.available)


def test_held_value_is_not_taken_away() -> None:
    """What an order has reserved is no longer there for a reversal."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(PlaceHold(order_id="1", amount_due=usd("0.01"), codes=(issued.code,), idempotency_key="hold"))
    error = refuses(shop, last(shop, issued), InsufficientBalance)
    assert isinstance(error, InsufficientBalance)
    assert usd("49.99") == error.available
    shop.clock.advance(DAY)
    assert usd("50.00") == reverse(shop, last(shop, issued)).amount


def test_a_debit_and_an_adjustment_are_undone() -> None:
    """Corrections of staff are transfers like others."""
    shop = Shop()
    shop.grant("10.00")
    debit = shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("4.00"), idempotency_key="d"))
    reverse(shop, debit.transfer.id)
    assert usd("10.00") == shop.credit().posted
    for number, direction in enumerate(Direction):
        adjusted = shop.execute(
            AdjustValue(
                customer_id="ada", amount=usd("3.00"), direction=direction, actor="a", reason="b",
                idempotency_key=f"{number}",
            )
        )  # fmt: skip
        reverse(shop, adjusted.transfer.id)
        assert usd("10.00") == shop.credit().posted
    assert usd("0.00") == shop.ask(Movements())[0].house[HouseAccount.ADJUSTMENTS]


@pytest.mark.parametrize(
    ("origin", "available", "forfeited", "regranted"),
    [(LotOrigin.PURCHASED, "30.00", "0.00", "30.00"), (LotOrigin.PROMOTIONAL, "0.00", "30.00", "0.00")],
)
def test_a_redemption_of_value_that_expired_since_follows_the_refund_policy(
    origin: LotOrigin, available: str, forfeited: str, regranted: str
) -> None:
    """Paid value is granted again for 30 days, promotional value is forfeited: as if it had been refunded."""
    shop = Shop()
    issued = shop.issue("30.00", origin=origin, expires_at=NOW + DAY)
    redemption = shop.redeem(issued, "30.00")
    shop.clock.advance(DAY)
    reversal = reverse(shop, redemption.id)
    assert (usd(forfeited), usd(regranted)) == (reversal.forfeited, reversal.regranted)
    assert usd(available) == shop.card(issued).available
    shop.clock.advance(30 * DAY)
    assert usd("0.00") == shop.card(issued).available


def test_a_conversion_goes_back_even_if_it_has_expired_and_stays_expired() -> None:
    """Value that was only moved is not made younger by moving it back."""
    shop = Shop()
    issued = shop.issue("30.00", origin=LotOrigin.PURCHASED, expires_at=NOW + DAY)
    conversion = shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))
    shop.clock.advance(DAY)
    reversal = reverse(shop, conversion.transfer_id)
    assert (usd("30.00"), usd("0.00")) == (reversal.forfeited, reversal.regranted)
    assert (usd("30.00"), usd("0.00")) == (shop.card(issued).posted, shop.card(issued).available)
    assert ("ada", usd("0.00")) == (shop.card(issued).customer_id, shop.ask(Movements())[0].reversed)


def test_a_conversion_is_not_undone_once_a_part_is_spent() -> None:
    """All of the value must still be in the customer's account."""
    shop = Shop()
    issued = shop.issue("30.00")
    conversion = shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("1.00"), idempotency_key="d"))
    refuses(shop, conversion.transfer_id, InsufficientBalance)


def test_an_expiry_of_promotional_value_is_undone_and_posted_again() -> None:
    """The value is back on the books and as dead as before, so the next sweep finds it."""
    shop = Shop()
    issued = shop.issue("30.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    shop.execute(ExpireValue())
    reversal = reverse(shop, last(shop, issued))
    assert (usd("30.00"), usd("30.00")) == (reversal.forfeited, shop.card(issued).posted)
    assert usd("30.00") == shop.execute(ExpireValue()).amounts[0]


def test_a_redemption_refunded_in_part_is_not_undone_whole() -> None:
    """The rest is a refund; and when it is all refunded there is nothing to undo either."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    for amount in (usd("10.00"), ALL):
        shop.execute(RefundRedemption(order_id="1001", amount=amount, idempotency_key=shop.key()))
        error = refuses(shop, redemption.id, NotReversible)
        assert isinstance(error, NotReversible)
        assert "refunded" == error.reason


def test_after_a_reversal_nothing_is_refunded() -> None:
    """By order and by redemption; and the order shows that it was given back."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    reverse(shop, redemption.id)
    before = shop.books()
    for named in ({"order_id": "1001"}, {"redemption_id": redemption.id}):
        with pytest.raises(RefundTooLarge) as caught:
            shop.execute(RefundRedemption(amount=usd("0.01"), idempotency_key="r", **named))
        assert usd("0.00") == caught.value.refundable
    assert before == shop.books()
    assert usd("30.00") == shop.ask(CardsOfOrder(order_id="1001")).spent[0].refunded


def test_the_other_redemptions_of_the_order_are_refunded_still() -> None:
    """A reversal closes its own redemption and no other."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, _ = shop.redeem(issued, "10.00"), shop.redeem(issued, "20.00")
    reverse(shop, first.id)
    refund = shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r"))
    assert (usd("20.00"), usd("50.00")) == (refund.amount, shop.card(issued).posted)


def test_a_refund_is_undone_and_can_be_made_again() -> None:
    """A reversed refund counts no more; the audit agrees."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    for number in range(3):
        refund = shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key=f"{number}"))
        reverse(shop, refund.parts[0].id)
        assert usd("20.00") == shop.card(issued).posted
        assert usd("0.00") == shop.ask(CardsOfOrder(order_id="1001")).spent[0].refunded
    assert () == shop.ask(Audit()).findings


def test_a_regranted_refund_is_undone() -> None:
    """What was granted again is taken out of the new lot."""
    shop = Shop()
    issued = shop.issue("30.00", origin=LotOrigin.PURCHASED, expires_at=NOW + DAY)
    shop.redeem(issued, "30.00")
    shop.clock.advance(DAY)
    refund = shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r"))
    reverse(shop, refund.parts[0].id)
    assert usd("0.00") == shop.card(issued).posted
    again = shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r2"))
    assert (usd("30.00"), usd("30.00")) == (again.regranted, shop.card(issued).available)


def test_a_refund_as_new_value_is_undone_and_the_orders_ceiling_is_free_again() -> None:
    """Of store credit and of cards alike."""
    shop = Shop()
    order = {"order_id": "1001", "amount": usd("10.00"), "refundable": usd("10.00")}
    credit = shop.execute(RefundOrderToStoreCredit(customer_id="ada", idempotency_key="1", **order))  # type: ignore[arg-type]
    reverse(shop, credit.transfer.id)
    card = shop.execute(RefundAsGiftCard(idempotency_key="2", **order))  # type: ignore[arg-type]
    reverse(shop, last(shop, card))
    assert usd("0.00") == shop.credit().posted == shop.card(card).posted
    shop.execute(RefundOrderToStoreCredit(customer_id="ada", idempotency_key="3", **order))  # type: ignore[arg-type]
    assert usd("10.00") == shop.credit().posted


def test_a_reversal_happens_once_and_is_final() -> None:
    """Neither a second time, nor back again."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    reversal = reverse(shop, redemption.id)
    refuses(shop, redemption.id, AlreadyReversed)
    error = refuses(shop, reversal.id, NotReversible)
    assert isinstance(error, NotReversible)
    assert "reversal" == error.reason


def test_an_unknown_transfer() -> None:
    """There is nothing to undo."""
    refuses(Shop(), "nobody has this id", TransferNotFound)


def test_a_blocked_card_is_corrected_and_a_closed_account_is_not() -> None:
    """A block keeps customers out, not the shop; a closed account takes no value."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.redeem(issued, "30.00")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    reverse(shop, redemption.id)
    assert usd("50.00") == shop.card(issued).posted
    account = shop.grant("10.00").account
    debit = shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("10"), idempotency_key="d"))
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    refuses(shop, debit.transfer.id, NotSpendable)


def test_a_replay_answers_again() -> None:
    """Although the rules would now say that it is reversed."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    shop.execute_twice(
        ReverseTransfer(transfer_id=redemption.id, actor="staff/7", reason="typed twice", idempotency_key="k")
    )
    assert "TransferReversed" == shop.last_receipt().event


@pytest.mark.parametrize("amount", [Money(7, "JPY"), Money("0.007", "KWD")])
def test_every_currency(amount: Money) -> None:
    """The amount is the transfer's, to the last decimal."""
    shop = Shop()
    issued = shop.issue(amount)
    assert amount == reverse(shop, shop.redeem(issued, amount).id).amount
    assert amount == shop.card(issued).posted


def test_a_clock_that_went_back_keeps_the_order() -> None:
    """A reversal is never recorded before what it undoes."""
    shop = Shop()
    redemption = shop.redeem(shop.issue("50.00"), "30.00")
    shop.clock.advance(-DAY)
    (entry,) = reverse(shop, redemption.id).entries
    assert redemption.recorded_at == entry.recorded_at
