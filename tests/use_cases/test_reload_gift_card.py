"""Adding value to a gift card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty import (
    AdjustValue,
    AtLeastYears,
    Audit,
    ClaimGiftCard,
    Direction,
    ExpireValue,
    GiftCardStatus,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    Policies,
    RefundRedemption,
    Reload,
    ReloadGiftCard,
    ReverseTransfer,
    Statement,
    TaxTreatment,
    TransferKind,
    never_for_paid_value,
)
from loyalty.errors import (
    CurrencyMismatch,
    GiftCardNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidTime,
    MalformedCode,
    NotSpendable,
)
from loyalty.ledger.lot import Lot
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd

LAWFUL = Policies(expiry=AtLeastYears(5))
BY_STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}


def reload(shop: Shop, issued: IssuedGiftCard, amount: str = "20.00", **given: Any) -> Reload:
    """Add to a card, by its code."""
    return shop.execute(
        ReloadGiftCard(code=issued.code, amount=usd(amount), idempotency_key=given.pop("key", shop.key()), **given)
    )


def lots_of(shop: Shop, issued: IssuedGiftCard) -> list[Lot]:
    """Return the lots with value on a card, in the order in which they were opened."""
    return sorted(shop.storage._books.accounts[issued.gift_card.account_id].lots, key=lambda lot: lot.id)


def test_a_reload_adds_purchased_value() -> None:
    """The balance is more, the face value is what it was, and the entry says what happened."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1")
    shop.redeem(issued, "30.00")
    done = reload(shop, issued, order_id="77", actor="till-3")
    assert (usd("50.00"), usd("40.00"), usd("40.00")) == (
        done.gift_card.value, done.gift_card.posted, done.gift_card.available,
    )  # fmt: skip
    assert done.gift_card == shop.card(issued)
    assert (TransferKind.RELOAD, usd("20.00"), usd("40.00"), "77", "till-3") == (
        done.transfer.kind, done.transfer.amount, done.transfer.balance_after, done.transfer.order_id,
        done.transfer.actor,
    )  # fmt: skip
    assert done.transfer == shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    assert [LotOrigin.PURCHASED] * 2 == [lot.origin for lot in lots_of(shop, issued)]


def test_the_books_tell_where_it_came_from() -> None:
    """Purchased value comes from sales, and the roll-forward shows it as reloaded."""
    shop = Shop()
    issued = shop.issue("50.00")
    reload(shop, issued)
    (movements,) = shop.ask(Movements())
    assert (usd("50.00"), usd("20.00"), usd("70.00")) == (movements.issued, movements.reloaded, movements.closing)
    assert usd("-20.00") == movements.house[HouseAccount.SALES]
    assert shop.ask(Audit()).is_clean


def test_purchased_value_restarts_the_term_of_purchased_value() -> None:
    """What was bought before ends no earlier than what is bought now; a gift of the shop keeps its end."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("7.00"),
            direction=Direction.CREDIT,
            origin=LotOrigin.PROMOTIONAL,
            expires_at=NOW + 2 * DAY,
            idempotency_key="adjust",
            **BY_STAFF,
        )
    )
    done = reload(shop, issued, expires_at=NOW + 9 * DAY)
    assert [NOW + 9 * DAY, NOW + 2 * DAY, NOW + 9 * DAY] == [lot.expires_at for lot in lots_of(shop, issued)]
    assert (NOW + 9 * DAY, NOW) == (done.gift_card.expires_at, done.gift_card.loaded_at)


def test_a_reload_never_shortens_a_term() -> None:
    """A longer one stays, also one without an end."""
    shop = Shop()
    long, endless = shop.issue(order_id="1", expires_at=NOW + 90 * DAY), shop.issue(order_id="2")
    for issued, end in ((long, NOW + 90 * DAY), (endless, None)):
        done = reload(shop, issued, expires_at=NOW + DAY)
        assert [end, NOW + DAY] == [lot.expires_at for lot in lots_of(shop, issued)]
        assert end == done.gift_card.expires_at


def test_a_reload_without_an_end_lets_purchased_value_live_for_ever() -> None:
    """As an issue without one does."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    assert None is reload(shop, issued).gift_card.expires_at
    assert [None, None] == [lot.expires_at for lot in lots_of(shop, issued)]


def test_the_legal_term_restarts_at_the_reload() -> None:
    """Five years from now for all purchased value, whatever was asked for."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.clock.advance(365 * DAY)
    reload(shop, issued, expires_at=shop.clock.now + DAY)
    five_years = datetime(2032, 3, 1, 12, 0, tzinfo=UTC)
    assert [five_years, five_years] == [lot.expires_at for lot in lots_of(shop, issued)]
    shop.clock.now = five_years - MICROSECOND
    shop.redeem(issued, "70.00")


def test_where_paid_value_never_expires_a_reload_does_not_either() -> None:
    """The policy decides over the new value, and so over all purchased value."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.policies = Policies(expiry=never_for_paid_value)
    shop.loyalty = shop.with_keys(shop.loyalty._code_keys)
    assert None is reload(shop, issued, expires_at=NOW + DAY).gift_card.expires_at
    assert [None, None] == [lot.expires_at for lot in lots_of(shop, issued)]


def test_a_gift_of_the_shop_restarts_nothing() -> None:
    """Promotional value is added beside, with its own end and from its own house account."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    done = reload(shop, issued, origin=LotOrigin.PROMOTIONAL, expires_at=NOW + 9 * DAY)
    assert [NOW + DAY, NOW + 9 * DAY] == [lot.expires_at for lot in lots_of(shop, issued)]
    assert (NOW + DAY, None) == (done.gift_card.expires_at, done.gift_card.loaded_at)
    (movements,) = shop.ask(Movements())
    assert usd("-20.00") == movements.house[HouseAccount.PROMOTION]


def test_value_that_has_ended_is_not_revived() -> None:
    """Neither the part that a sweep has posted nor the part that it has not."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    reload(shop, issued, expires_at=NOW + DAY)
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("1.00"),
            direction=Direction.CREDIT,
            expires_at=NOW + 9 * DAY,
            idempotency_key="adjust",
            **BY_STAFF,
        )
    )
    shop.clock.advance(DAY)
    card = reload(shop, issued, "5.00", expires_at=shop.clock.now + DAY).gift_card
    assert (usd("76.00"), usd("6.00")) == (card.posted, card.available)
    shop.execute(ExpireValue())
    assert usd("6.00") == shop.card(issued).posted


@pytest.mark.parametrize("sweeps", [False, True])
@pytest.mark.parametrize("off", [-MICROSECOND, timedelta(0)])
def test_a_card_whose_term_is_over_is_not_reloaded(sweeps: bool, off: timedelta) -> None:
    """A microsecond before its end it is, at its end not any more; a sweep makes no difference."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY + off
    if sweeps:
        shop.execute(ExpireValue())
    before = shop.books()
    if off:
        assert usd("70.00") == reload(shop, issued).gift_card.available
        return
    with pytest.raises(NotSpendable) as caught:
        reload(shop, issued)
    assert "expired" == caught.value.reason
    assert before == shop.books()


def test_an_empty_card_is_reloaded() -> None:
    """Exhausted is no end."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "50.00")
    assert usd("20.00") == reload(shop, issued).gift_card.available


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_a_card_that_cannot_be_spent_takes_no_money(status: GiftCardStatus) -> None:
    """Nobody pays into a card that somebody stopped, or that waits for its own payment."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        reload(shop, issued)
    assert status.value == caught.value.reason
    assert before == shop.books()


def test_anybody_may_add_to_a_claimed_card() -> None:
    """It stays its customer's."""
    shop = Shop()
    issued = shop.issue()
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    assert ("ada", usd("70.00")) == (reload(shop, issued).gift_card.customer_id, shop.card(issued).available)


def test_new_value_is_taxed_as_the_card_unless_it_is_said() -> None:
    """A card that was sold says how; otherwise when it is redeemed."""
    shop = Shop()
    issued = shop.issue()
    reload(shop, issued)
    reload(shop, issued, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
    books = shop.storage._books
    account_id = issued.gift_card.account_id
    books.cards[account_id] = attrs.evolve(books.cards[account_id], tax_treatment=TaxTreatment.SINGLE_PURPOSE)
    reload(shop, issued)
    assert [
        TaxTreatment.MULTI_PURPOSE,
        TaxTreatment.MULTI_PURPOSE,
        TaxTreatment.SINGLE_PURPOSE,
        TaxTreatment.SINGLE_PURPOSE,
    ] == [lot.tax_treatment for lot in lots_of(shop, issued)]


def test_errors_come_in_order() -> None:
    """Malformed, unknown, blocked, ended, another currency, in the past, too large."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 9 * DAY)
    late: dict[str, Any] = {"expires_at": NOW, "idempotency_key": "k"}
    before = shop.books()
    unknown: dict[str, Any] = {"gift_card_id": "nobody"}
    malformed: dict[str, Any] = {"code": "GIFT-0000"}
    for given, error in ((malformed, MalformedCode), (unknown, GiftCardNotFound)):
        with pytest.raises(error):
            shop.execute(ReloadGiftCard(**given, amount=Money("1.00", "EUR"), **late))
    with pytest.raises(CurrencyMismatch):
        shop.execute(ReloadGiftCard(code=issued.code, amount=Money("1.00", "EUR"), **late))
    with pytest.raises(InvalidTime):
        shop.execute(ReloadGiftCard(code=issued.code, amount=usd("1.00"), **late))
    assert before == shop.books()
    shop.clock.now = NOW + 9 * DAY
    with pytest.raises(NotSpendable) as caught:
        shop.execute(ReloadGiftCard(code=issued.code, amount=Money("1.00", "EUR"), **late))
    assert "expired" == caught.value.reason
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(NotSpendable) as caught:
        shop.execute(ReloadGiftCard(code=issued.code, amount=Money("1.00", "EUR"), **late))
    assert "blocked" == caught.value.reason


def test_a_balance_does_not_grow_without_bounds() -> None:
    """More than an account can hold is refused, and nothing changes."""
    shop = Shop()
    issued = shop.issue(Money(10**13, "USD"))
    account_id = issued.gift_card.account_id
    books = shop.storage._books
    lot = attrs.evolve(books.accounts[account_id].lots[0], amount=10**18, remaining=10**18)
    books.accounts[account_id] = attrs.evolve(books.accounts[account_id], posted=10**18, lots=(lot,))
    before = shop.books()
    with pytest.raises(InvalidAmount):
        reload(shop, issued, "0.01")
    assert before == shop.books()


def test_a_replay_adds_nothing_and_other_content_is_a_conflict() -> None:
    """A key is one reload."""
    shop = Shop()
    issued = shop.issue()
    command = ReloadGiftCard(gift_card_id=issued.gift_card.id, amount=usd("5.00"), idempotency_key="once")
    shop.execute_twice(command)
    assert usd("55.00") == shop.card(issued).posted
    with pytest.raises(IdempotencyConflict):
        shop.execute(attrs.evolve(command, amount=usd("6.00")))


def test_a_reload_is_reversed_while_it_is_there() -> None:
    """Whole and once, out of its own lot; the term that it restarted stays."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    done = reload(shop, issued, expires_at=NOW + 9 * DAY)
    reversal = shop.execute(ReverseTransfer(transfer_id=done.transfer.id, idempotency_key="reverse", **BY_STAFF))
    card = shop.card(issued)
    assert (usd("20.00"), usd("50.00"), NOW + 9 * DAY) == (reversal.amount, card.available, card.expires_at)
    (movements,) = shop.ask(Movements())
    assert usd("-50.00") == movements.house[HouseAccount.SALES]


def test_a_reload_that_was_spent_is_not_reversed() -> None:
    """Not all of it is still there."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    done = reload(shop, issued, expires_at=NOW + 9 * DAY)
    shop.redeem(issued, "51.00")
    with pytest.raises(InsufficientBalance):
        shop.execute(ReverseTransfer(transfer_id=done.transfer.id, idempotency_key="reverse", **BY_STAFF))


def test_a_refund_goes_back_to_the_lots_as_they_end_now() -> None:
    """A lot that was emptied before the reload keeps its old end; one with value has the new one."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1", expires_at=NOW + DAY)
    shop.redeem(issued, "20.00", "2")
    reload(shop, issued, expires_at=NOW + 9 * DAY)
    shop.execute(RefundRedemption(order_id="2", amount=usd("20.00"), idempotency_key="refund"))
    shop.clock.advance(2 * DAY)
    assert usd("70.00") == shop.card(issued).available


def test_the_event_tells_what_was_added() -> None:
    """Card, transfer, amount, end and order."""
    shop = Shop()
    issued = shop.issue()
    done = reload(shop, issued, expires_at=NOW + DAY, order_id="77")
    receipt = shop.last_receipt()
    assert "GiftCardReloaded" == receipt.event
    for part in (issued.gift_card.id, done.transfer.id, "[2000,", (NOW + DAY).isoformat(), '"77"'):
        assert part in receipt.event_data
    assert "as_asked" in str(receipt.decisions)
