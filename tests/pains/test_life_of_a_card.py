"""PAINS.md, what happens to a card after it was sold: lost codes, statuses, terms, reloads, small remainders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from moneyed import Money

from loyalty import (
    Audit,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ClaimGiftCard,
    DeactivateGiftCard,
    ExpireValue,
    GetBalance,
    HouseAccount,
    Liability,
    LotOrigin,
    Movements,
    OrderLine,
    Policies,
    RefundRedemption,
    ReinstateGiftCard,
    ReloadGiftCard,
    ReplaceGiftCardCode,
    Statement,
    TransferKind,
    us_cash_out,
)
from loyalty.errors import CashOutNotDue, GiftCardNotFound, InvalidTime, NotEligible, NotSpendable
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


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


def test_pain_10_a_reload_is_not_paid_with_the_card_itself() -> None:
    """An order whose line is stored value is not paid with stored value, so a card cannot be topped up with itself."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1")
    line = OrderLine(id="a", amount=usd("20.00"), is_stored_value=True)
    before = shop.books()
    with pytest.raises(NotEligible):
        shop.redeem(issued, "20.00", "77", lines=(line,))
    assert before == shop.books()
    shop.execute(ReloadGiftCard(code=issued.code, amount=usd("20.00"), order_id="77", idempotency_key="reload"))
    (movements,) = shop.ask(Movements())
    assert usd("-70.00") == movements.house[HouseAccount.SALES], "every unit on the card was paid for from outside"


def test_pain_10_an_expiring_card_is_not_renewed_with_itself() -> None:
    """Nor does a reload bring back what has ended."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    with pytest.raises(NotSpendable):
        shop.execute(ReloadGiftCard(code=issued.code, amount=usd("1.00"), idempotency_key="reload"))
    assert usd("0.00") == shop.card(issued).available


def test_pain_24_a_changed_end_is_exclusive_to_the_microsecond() -> None:
    """Through the last local second of a day, in the zone that the shop means, and not at the next instant."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    midnight = datetime(2027, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    command: dict[str, Any] = {"code": issued.code, "actor": "staff/7", "reason": "kept for the holidays"}
    with pytest.raises(InvalidTime):
        ChangeGiftCardExpiry(expires_at=datetime(2027, 1, 1), idempotency_key="k", **command)  # noqa: DTZ001  # naive on purpose
    shop.execute(ChangeGiftCardExpiry(expires_at=midnight, idempotency_key="k", **command))
    shop.clock.now = midnight - MICROSECOND
    shop.redeem(issued, "1.00")
    shop.clock.now = midnight
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "1.00")


def test_pain_25_a_new_term_does_not_make_one_expiry_of_a_mixed_balance() -> None:
    """Value that has ended stays ended, and a reload moves the end of what was bought, lot by lot."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + 9 * DAY)
    promotional: dict[str, Any] = {"origin": LotOrigin.PROMOTIONAL, "expires_at": NOW + DAY}
    shop.execute(ReloadGiftCard(code=issued.code, amount=usd("7.00"), idempotency_key="gift", **promotional))
    purchased: dict[str, Any] = {"amount": usd("5.00"), "expires_at": NOW + 30 * DAY}
    shop.execute(ReloadGiftCard(code=issued.code, idempotency_key="reload", **purchased))
    shop.clock.advance(DAY)
    assert (usd("7.00"),) == shop.execute(ExpireValue()).amounts
    shop.clock.advance(20 * DAY)
    assert usd("55.00") == shop.card(issued).available


def test_pain_25_expired_value_is_shown_as_expired_and_comes_back_lot_by_lot() -> None:
    """Nothing vanishes: the history shows the expiry, and what comes back carries on the lots it came from."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    shop.execute(ExpireValue())
    reinstated = shop.execute(
        ReinstateGiftCard(
            gift_card_id=issued.gift_card.id,
            amount=usd("20.00"),
            expires_at=NOW + 9 * DAY,
            actor="staff/7",
            reason="the parcel came late",
            idempotency_key="reinstate",
        )
    )
    assert (usd("20.00"), NOW + 9 * DAY) == (reinstated.gift_card.available, reinstated.gift_card.expires_at)
    kinds = [entry.kind for entry in shop.ask(Statement(account_id=issued.gift_card.account_id)).entries]
    assert [TransferKind.ISSUE, TransferKind.EXPIRY, TransferKind.REINSTATEMENT] == kinds


def test_pain_40_expiry_reinstatement_and_cash_out_are_transfers_and_the_trial_balance_is_zero() -> None:
    """Each has a house account of its own, and after every step the house's side is what customers are owed."""
    shop = Shop(policies=Policies(cash_out=us_cash_out))
    issued = shop.issue("9.00", origin=LotOrigin.PURCHASED, expires_at=NOW + DAY)

    def tied() -> dict[HouseAccount, Money]:
        (movements,) = shop.ask(Movements())
        house = sum((amount for amount in movements.house.values()), usd("0"))
        assert usd("0.00") == movements.closing + house
        assert shop.ask(Audit()).is_clean
        return {account: amount for account, amount in movements.house.items() if amount}

    shop.clock.advance(DAY)
    shop.execute(ExpireValue())
    assert {HouseAccount.SALES: usd("-9.00"), HouseAccount.BREAKAGE: usd("9.00")} == tied()
    named: dict[str, Any] = {"gift_card_id": issued.gift_card.id}
    by_staff: dict[str, Any] = {"actor": "staff/7", "reason": "grace"}
    shop.execute(ReinstateGiftCard(expires_at=None, idempotency_key="back", **named, **by_staff))
    assert {HouseAccount.SALES: usd("-9.00")} == tied()
    shop.execute(CashOutGiftCard(jurisdiction="US-CA", idempotency_key="out", **named))
    assert {HouseAccount.SALES: usd("-9.00"), HouseAccount.CASH_OUT: usd("9.00")} == tied()


def test_pain_10_no_money_comes_out_of_what_the_shop_gave_away() -> None:
    """A promotional card, or goodwill, is never paid out in money, whatever the law says about small remainders."""
    shop = Shop(policies=Policies(cash_out=us_cash_out))
    for origin in LotOrigin:
        issued = shop.issue("1.00", origin=origin)
        command = CashOutGiftCard(code=issued.code, jurisdiction="US-CA", idempotency_key=origin.value)
        if origin is LotOrigin.PURCHASED:
            assert usd("1.00") == shop.execute(command).amount
        else:
            with pytest.raises(CashOutNotDue):
                shop.execute(command)
