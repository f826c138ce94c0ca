"""PAINS.md, what happens to a card after it was sold: lost codes, statuses, terms, reloads, small remainders."""

from __future__ import annotations

import pytest

from loyalty import (
    ClaimGiftCard,
    DeactivateGiftCard,
    GetBalance,
    Liability,
    RefundRedemption,
    ReplaceGiftCardCode,
    Statement,
)
from loyalty.errors import GiftCardNotFound, NotSpendable
from tests.use_cases.shop import Shop, usd


def test_pain_43_lost_code_mistyped_recipient() -> None:
    """Old code refused from the commit on; balance and history untouched; the new code can be shown again."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "20.00", "1001")
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    history = shop.ask(Statement(account_id=issued.gift_card.account_id))
    command = ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, reason="lost", idempotency_key="replace")
    replaced = shop.execute(command)
    with pytest.raises(GiftCardNotFound):
        shop.redeem(issued, "0.01", customer_id="ada")
    with pytest.raises(GiftCardNotFound):
        shop.ask(GetBalance(code=issued.code, customer_id="ada"))
    assert history == shop.ask(Statement(account_id=issued.gift_card.account_id))
    assert usd("30.00") == shop.ask(GetBalance(code=replaced.code, customer_id="ada")).available
    assert replaced.code == shop.execute(command).code


def test_pain_40_a_card_that_is_stopped_for_good_is_still_owed() -> None:
    """Deactivation moves nothing off the books; only a transfer does, and a refund still reaches the card."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "20.00", "1001")
    shop.execute(DeactivateGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="over"))
    assert usd("30.00") == shop.ask(Liability()).total["USD"]
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "0.01")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("20.00"), idempotency_key="refund"))
    assert usd("50.00") == shop.ask(Liability()).total["USD"]
