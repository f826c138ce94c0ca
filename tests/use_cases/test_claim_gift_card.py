"""Claiming a gift card: it moves no value and happens once."""

from __future__ import annotations

import pytest

from loyalty import ClaimGiftCard, CodeKeys, GiftCardStatus, RedeemGiftCard
from loyalty.errors import AlreadyClaimed, GiftCardNotFound, IdempotencyConflict, MalformedCode, NotSpendable
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd


def claim(shop: Shop, code: str, customer_id: str = "ada", key: str | None = None) -> ClaimGiftCard:
    """Return a claim that is ready to be executed."""
    return ClaimGiftCard(code=code, customer_id=customer_id, idempotency_key=key or shop.key())


def test_a_claim_binds_the_card_and_moves_no_value() -> None:
    """The card is the customer's from now on, and worth what it was."""
    shop = Shop()
    issued = shop.issue("50.00")
    transfers = shop.books().transfers
    card = shop.execute(claim(shop, issued.code))
    assert ("ada", NOW, usd("50.00")) == (card.customer_id, card.claimed_at, card.available)
    assert card == shop.card(issued)
    assert transfers == shop.books().transfers


def test_the_customer_spends_without_the_code() -> None:
    """After the claim the customer pays by the card's id."""
    shop = Shop()
    issued = shop.issue("50.00")
    card = shop.execute(claim(shop, issued.code))
    redemption = shop.execute(
        RedeemGiftCard(gift_card_id=card.id, customer_id="ada", amount=usd("5"), order_id="1", idempotency_key="k")
    )
    assert usd("45.00") == redemption.balance_after


def test_the_same_customer_again_changes_nothing() -> None:
    """A second claim by the same customer under another key is answered and leaves the card as it was."""
    shop = Shop()
    issued = shop.issue("50.00")
    first = shop.execute(claim(shop, issued.code))
    found, transfers = shop.books().found, shop.books().transfers
    assert first == shop.execute(claim(shop, issued.code))
    assert (found, transfers) == (shop.books().found, shop.books().transfers)


def test_another_customer_is_refused() -> None:
    """A card is claimed by one customer."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(claim(shop, issued.code))
    before = shop.books()
    with pytest.raises(AlreadyClaimed):
        shop.execute(claim(shop, issued.code, "bob"))
    assert before == shop.books()


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_a_card_that_is_not_active_cannot_be_claimed(status: GiftCardStatus) -> None:
    """Pending, blocked and deactivated cards are not claimed."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    with pytest.raises(NotSpendable) as caught:
        shop.execute(claim(shop, issued.code))
    assert status.value == caught.value.reason


def test_a_card_can_be_claimed_until_it_expires() -> None:
    """One microsecond before its expiry a card is claimed; at it and after it no more."""
    shop = Shop()
    early, late = shop.issue(expires_at=NOW + DAY), shop.issue(expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert "ada" == shop.execute(claim(shop, early.code)).customer_id
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND):
        shop.clock.now = instant
        with pytest.raises(NotSpendable) as caught:
            shop.execute(claim(shop, late.code))
        assert "expired" == caught.value.reason


def test_an_unknown_code_is_not_found() -> None:
    """A well-formed code that was never issued belongs to no card."""
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    shop = Shop()
    with pytest.raises(GiftCardNotFound):
        shop.execute(claim(shop, stranger.code))


def test_a_malformed_code_is_told_without_a_look_up() -> None:
    """What cannot be a code is refused as such."""
    shop = Shop()
    with pytest.raises(MalformedCode):
        shop.execute(claim(shop, "GIFT-0000-0000"))


def test_another_owner_comes_before_a_block() -> None:
    """That the card is somebody's is told before that it is blocked."""
    shop = Shop()
    issued = shop.issue(customer_id="ada")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(AlreadyClaimed):
        shop.execute(claim(shop, issued.code, "bob"))


def test_a_replay_answers_again() -> None:
    """The same claim twice is one claim, and answered even after the card was blocked."""
    shop = Shop()
    issued = shop.issue("50.00")
    command = claim(shop, issued.code, key="once")
    first = shop.execute_twice(command)
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    assert first == shop.execute(command)


def test_another_customer_under_the_same_key_is_a_conflict() -> None:
    """The customer belongs to the content of a claim."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(claim(shop, issued.code, key="once"))
    with pytest.raises(IdempotencyConflict):
        shop.execute(claim(shop, issued.code, "bob", key="once"))


def test_old_codes_are_claimed_after_a_rotation() -> None:
    """A retired secret still finds its cards."""
    shop = Shop()
    issued = shop.issue("50.00")
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert "ada" == rotated.execute(claim(shop, issued.code)).customer_id


def test_events_tell_the_first_claim_from_the_second() -> None:
    """Each committed claim has one event, and only the first says so."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(claim(shop, issued.code))
    assert '"first_time":true' in shop.last_receipt().event_data
    shop.execute(claim(shop, issued.code))
    assert '"first_time":false' in shop.last_receipt().event_data
