"""Blocking a gift card and letting it go again."""

from __future__ import annotations

import pytest

from loyalty import BlockGiftCard, CodeKeys, GiftCardStatus, GiftCardView, RefundRedemption, UnblockGiftCard
from loyalty.errors import IdempotencyConflict, NotSpendable
from loyalty.identifiers import GiftCardId
from tests.use_cases.shop import SECRET, Shop, usd


def block(shop: Shop, gift_card_id: GiftCardId) -> GiftCardView:
    """Block a card by its id."""
    return shop.execute(BlockGiftCard(gift_card_id=gift_card_id, reason="fraud", idempotency_key=shop.key()))


def unblock(shop: Shop, gift_card_id: GiftCardId) -> GiftCardView:
    """Unblock a card by its id."""
    return shop.execute(UnblockGiftCard(gift_card_id=gift_card_id, idempotency_key=shop.key()))


def test_a_blocked_card_keeps_its_value_and_pays_nothing() -> None:
    """Blocking stops spending and moves no value."""
    shop = Shop()
    issued = shop.issue("50.00")
    transfers = shop.books().transfers
    card = block(shop, issued.gift_card.id)
    assert (GiftCardStatus.BLOCKED, True, usd("50.00"), usd("0.00")) == (
        card.status, card.is_disabled, card.posted, card.available,
    )  # fmt: skip
    assert card == shop.card(issued)
    assert transfers == shop.books().transfers
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "1.00")


def test_an_unblocked_card_pays_again() -> None:
    """A block is reversible."""
    shop = Shop()
    issued = shop.issue("50.00")
    block(shop, issued.gift_card.id)
    card = unblock(shop, issued.gift_card.id)
    assert (GiftCardStatus.ACTIVE, False, usd("50.00")) == (card.status, card.is_disabled, card.available)
    assert usd("49.00") == shop.redeem(issued, "1.00").balance_after


def test_a_card_is_blocked_by_its_code() -> None:
    """A card may be named by its code, under a retired secret too."""
    shop = Shop()
    issued = shop.issue("50.00")
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    blocked = rotated.execute(BlockGiftCard(code=issued.code, idempotency_key="b"))
    assert GiftCardStatus.BLOCKED is blocked.status
    assert GiftCardStatus.ACTIVE is shop.execute(UnblockGiftCard(code=issued.code, idempotency_key="u")).status


def test_blocking_twice_and_unblocking_an_active_card_change_nothing() -> None:
    """The same status again is answered and leaves the card as it was."""
    shop = Shop()
    issued = shop.issue()
    found = shop.books().found
    unblock(shop, issued.gift_card.id)
    assert found == shop.books().found
    first = block(shop, issued.gift_card.id)
    found = shop.books().found
    assert first == block(shop, issued.gift_card.id)
    assert found == shop.books().found


def test_a_deactivated_card_stays_so() -> None:
    """Deactivation is final: neither a block nor its lifting changes it."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, GiftCardStatus.DEACTIVATED)
    before = shop.books()
    for change in (block, unblock):
        with pytest.raises(NotSpendable) as caught:
            change(shop, issued.gift_card.id)
        assert "deactivated" == caught.value.reason
    assert before == shop.books()


def test_unblocking_does_not_activate_a_card_that_waits_for_its_payment() -> None:
    """A pending card was never blocked, so lifting a block does not make it spendable unpaid."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, GiftCardStatus.PENDING)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        unblock(shop, issued.gift_card.id)
    assert "pending" == caught.value.reason
    assert before == shop.books()


def test_a_card_that_waits_for_its_payment_is_not_blocked() -> None:
    """A pending card cannot be spent anyway; blocking it is refused, so that no unblocking can make it spendable."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, GiftCardStatus.PENDING)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        block(shop, issued.gift_card.id)
    assert "pending" == caught.value.reason
    assert before == shop.books()
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "1.00")


def test_a_replayed_block_does_not_block_again() -> None:
    """A block delivered again after the card was unblocked answers as before and leaves the card active."""
    shop = Shop()
    issued = shop.issue()
    command = BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="once")
    blocked = shop.execute_twice(command)
    unblock(shop, issued.gift_card.id)
    assert blocked == shop.execute(command)
    assert GiftCardStatus.ACTIVE is shop.card(issued).status


def test_block_and_unblock_under_one_key_are_a_conflict() -> None:
    """A key belongs to one command, even if both have the same fields."""
    shop = Shop()
    issued = shop.issue()
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="once"))
    before = shop.books()
    with pytest.raises(IdempotencyConflict):
        shop.execute(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="once"))
    assert before == shop.books()


def test_the_event_tells_the_reason() -> None:
    """Staff's reason leaves with the event."""
    shop = Shop()
    issued = shop.issue()
    block(shop, issued.gift_card.id)
    assert ("GiftCardBlocked", True) == (
        shop.last_receipt().event,
        '"reason":"fraud"' in shop.last_receipt().event_data,
    )
    unblock(shop, issued.gift_card.id)
    assert "GiftCardUnblocked" == shop.last_receipt().event


def test_a_refund_reaches_a_blocked_card() -> None:
    """Money that belongs to the bearer goes back even while he may not spend it."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00", "1001")
    block(shop, issued.gift_card.id)
    shop.execute(RefundRedemption(order_id="1001", amount=usd("30.00"), idempotency_key="r"))
    assert (usd("50.00"), usd("0.00")) == (shop.card(issued).posted, shop.card(issued).available)
