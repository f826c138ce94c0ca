"""Stopping a gift card for good."""

from __future__ import annotations

import pytest

from loyalty import (
    AdjustValue,
    BlockGiftCard,
    CaptureHold,
    ConvertGiftCard,
    DeactivateGiftCard,
    Direction,
    ExpireValue,
    GetHold,
    GiftCardStatus,
    GiftCardView,
    HoldStatus,
    Liability,
    PlaceHold,
    RefundRedemption,
    UnblockGiftCard,
    VoidHold,
)
from loyalty.errors import (
    NotSpendable,
)
from loyalty.identifiers import GiftCardId
from tests.use_cases.shop import DAY, Shop, usd


def deactivate(shop: Shop, gift_card_id: GiftCardId) -> GiftCardView:
    """Deactivate a card by its id."""
    return shop.execute(DeactivateGiftCard(gift_card_id=gift_card_id, reason="destroyed", idempotency_key=shop.key()))


def test_a_deactivated_card_pays_nothing_and_its_value_stays_owed() -> None:
    """It is stopped, no value moves, and what the shop owes is what it owed."""
    shop = Shop()
    issued = shop.issue("50.00")
    transfers = shop.books().transfers
    card = deactivate(shop, issued.gift_card.id)
    assert (GiftCardStatus.DEACTIVATED, True, usd("50.00"), usd("0.00")) == (
        card.status, card.is_disabled, card.posted, card.available,
    )  # fmt: skip
    assert card == shop.card(issued)
    assert transfers == shop.books().transfers
    assert usd("50.00") == shop.ask(Liability()).total["USD"]
    with pytest.raises(NotSpendable) as caught:
        shop.redeem(issued, "1.00")
    assert "deactivated" == caught.value.reason


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.ACTIVE, GiftCardStatus.BLOCKED])
def test_a_card_is_deactivated_from_every_other_status(status: GiftCardStatus) -> None:
    """Whether it waits for its payment, is spendable, or is blocked."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    assert GiftCardStatus.DEACTIVATED is deactivate(shop, issued.gift_card.id).status


@pytest.mark.parametrize("command", [BlockGiftCard, UnblockGiftCard])
def test_nothing_brings_it_back(command: type[BlockGiftCard | UnblockGiftCard]) -> None:
    """Deactivation is final."""
    shop = Shop()
    issued = shop.issue()
    deactivate(shop, issued.gift_card.id)
    before = shop.books()
    with pytest.raises(NotSpendable):
        shop.execute(command(gift_card_id=issued.gift_card.id, idempotency_key="again"))
    assert before == shop.books()


def test_again_changes_nothing() -> None:
    """Deactivating a deactivated card is answered and leaves it as it was."""
    shop = Shop()
    issued = shop.issue()
    first = deactivate(shop, issued.gift_card.id)
    found = shop.books().found
    assert first == deactivate(shop, issued.gift_card.id)
    assert found == shop.books().found


def test_staff_can_take_the_value_off_and_a_refund_still_arrives() -> None:
    """What is owed is owed until it is lowered, and money that belongs to the bearer goes back."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00", "1001")
    deactivate(shop, issued.gift_card.id)
    shop.execute(RefundRedemption(order_id="1001", amount=usd("30.00"), idempotency_key="r"))
    assert usd("50.00") == shop.card(issued).posted
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("50.00"),
            direction=Direction.DEBIT,
            actor="staff/7",
            reason="paid by bank transfer",
            idempotency_key="a",
        )
    )
    assert usd("0.00") == shop.card(issued).posted


def test_its_value_still_expires() -> None:
    """What nobody can spend leaves the books at its time, as on any other card."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=shop.clock.now + DAY)
    deactivate(shop, issued.gift_card.id)
    shop.clock.advance(DAY)
    assert (usd("50.00"),) == shop.execute(ExpireValue()).amounts


def test_what_an_order_holds_of_it_is_not_captured_and_can_be_let_go() -> None:
    """A hold that was placed before stays open, pays nothing, and ends by a void."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold = shop.execute(PlaceHold(order_id="1", amount_due=usd("20.00"), codes=(issued.code,), idempotency_key="hold"))
    deactivate(shop, issued.gift_card.id)
    before = shop.books()
    with pytest.raises(NotSpendable):
        shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))
    assert before == shop.books()
    assert HoldStatus.OPEN is shop.ask(GetHold(id=hold.id)).status
    shop.execute(VoidHold(hold_id=hold.id, idempotency_key="void"))
    assert (usd("50.00"), usd("0.00")) == (shop.card(issued).posted, shop.card(issued).held)


def test_a_deactivated_card_is_not_converted() -> None:
    """Nor does its value become store credit."""
    shop = Shop()
    issued = shop.issue()
    deactivate(shop, issued.gift_card.id)
    with pytest.raises(NotSpendable):
        shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))


def test_a_card_is_deactivated_by_its_code_and_replays() -> None:
    """A card may be named by its code; the same key answers the same."""
    shop = Shop()
    issued = shop.issue()
    view = shop.execute_twice(DeactivateGiftCard(code=issued.code, idempotency_key="once"))
    assert GiftCardStatus.DEACTIVATED is view.status


def test_the_event_tells_the_reason() -> None:
    """Staff's reason leaves with the event, and the code does not."""
    shop = Shop()
    issued = shop.issue()
    deactivate(shop, issued.gift_card.id)
    receipt = shop.last_receipt()
    assert ("GiftCardDeactivated", True) == (receipt.event, '"reason":"destroyed"' in receipt.event_data)
    assert issued.code not in repr(receipt)
