"""Showing the code of a card again, and who saw it."""

from __future__ import annotations

import json

import attrs
import pytest

from loyalty import (
    BlockGiftCard,
    ClaimGiftCard,
    CodeFormat,
    CodeKeys,
    IssuedGiftCard,
    Loyalty,
    ReplaceGiftCardCode,
    RevealGiftCardCode,
)
from loyalty.errors import CodeNotKnown, GiftCardNotFound, IdempotencyConflict
from tests.use_cases.shop import KEYS, SECRET, Shop


def reveal(shop: Shop, issued: IssuedGiftCard, *, by: Loyalty | None = None, key: str | None = None) -> IssuedGiftCard:
    """Show the code of a card to a member of staff."""
    command = RevealGiftCardCode(
        gift_card_id=issued.gift_card.id, actor="staff/7", reason="phoned", idempotency_key=key or shop.key()
    )
    return (by or shop.loyalty).execute(command)


def test_the_code_is_shown_again_and_who_saw_it_is_recorded() -> None:
    """The record names the card, which of its codes, the actor and the reason, and not the code."""
    shop = Shop()
    issued = shop.issue("50.00")
    assert issued.code == reveal(shop, issued).code
    receipt = shop.last_receipt()
    assert {
        "gift_card_id": issued.gift_card.id,
        "version": 1,
        "actor": "staff/7",
        "reason": "phoned",
    } == json.loads(receipt.event_data)
    assert "GiftCardCodeRevealed" == receipt.event
    assert issued.code not in str(receipt)


def test_nothing_but_the_record_changes() -> None:
    """The card and its balance are as they were; a blocked and a claimed card can be shown to staff, too."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key=shop.key()))
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))
    before = shop.books()
    assert issued.code == reveal(shop, issued).code
    after = shop.books()
    assert (before.found, before.transfers) == (after.found, after.transfers)
    assert len(before.receipts) + 1 == len(after.receipts)


def test_a_replaced_code_is_shown_as_it_is_now() -> None:
    """And the key of an earlier showing shows what was shown then."""
    shop = Shop()
    issued = shop.issue("50.00")
    first = reveal(shop, issued, key="first")
    replaced = shop.execute(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))
    assert (replaced.code, 2) == (reveal(shop, issued).code, reveal(shop, issued).code_version)
    assert first == reveal(shop, issued, key="first")
    assert issued.code == first.code


def test_the_same_key_answers_the_same_and_other_content_conflicts() -> None:
    """As for every command."""
    shop = Shop()
    issued, other = shop.issue("50.00"), shop.issue("50.00")
    command = RevealGiftCardCode(gift_card_id=issued.gift_card.id, actor="staff/7", idempotency_key="shown")
    assert issued.code == shop.execute_twice(command).code
    with pytest.raises(IdempotencyConflict):
        shop.execute(attrs.evolve(command, gift_card_id=other.gift_card.id))


def test_a_code_is_shown_under_its_own_key_and_format() -> None:
    """Keys that were rotated and formats that were retired still tell the code."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.code_format = CodeFormat(prefix="NEW", symbols=24, retired=(CodeFormat(),))
    later = shop.with_keys(CodeKeys.from_secret("another secret of the same shop", retired=[SECRET]))
    assert issued.code == reveal(shop, issued, by=later).code


def test_a_code_that_nobody_can_derive_is_not_shown() -> None:
    """A chosen one; one whose key was thrown away; one whose format was forgotten."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    chosen, derived = shop.issue("50.00", code="WELCOME-TO-THE-SHOP"), shop.issue("50.00")
    without_key = shop.with_keys(CodeKeys.from_secret("another secret of the same shop"))
    shop.code_format = CodeFormat(prefix="NEW")
    without_format = shop.with_keys(KEYS)
    before = shop.books()
    for issued, loyalty in ((chosen, shop.loyalty), (derived, without_key), (derived, without_format)):
        with pytest.raises(CodeNotKnown):
            reveal(shop, issued, by=loyalty)
    assert before == shop.books()


def test_an_unknown_card_is_not_found() -> None:
    """Nothing is recorded."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(GiftCardNotFound):
        shop.execute(RevealGiftCardCode(gift_card_id="nobody", actor="staff/7", idempotency_key="k"))
    assert before == shop.books()
