"""Converting a gift card into store credit: lot by lot, all of it, once."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty import (
    Audit,
    ClaimGiftCard,
    CodeKeys,
    Conversion,
    ConvertGiftCard,
    Direction,
    GiftCardStatus,
    IssuedGiftCard,
    Liability,
    LotOrigin,
    Movements,
    Statement,
    StoreCreditStatus,
    TaxTreatment,
    TransferKind,
)
from loyalty.errors import (
    ClaimedByAnother,
    IdempotencyConflict,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.ledger.lot import Lot
from loyalty.ports.storage import Wanted
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd


def convert(shop: Shop, issued: IssuedGiftCard, customer_id: str = "ada", key: str | None = None) -> Conversion:
    """Convert a card by its code."""
    return shop.execute(ConvertGiftCard(code=issued.code, customer_id=customer_id, idempotency_key=key or shop.key()))


def lots_of(shop: Shop, account_id: str) -> tuple[Lot, ...]:
    """Return the live lots of an account."""
    found = shop.storage.read(lambda reader: reader.find(Wanted(account_ids=(account_id,))))  # type: ignore[arg-type]
    return found.accounts()[0].lots


def test_all_value_becomes_store_credit() -> None:
    """The card is empty and the customer's afterwards, and the account holds what the card held."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "12.34")
    conversion = convert(shop, issued)
    assert usd("37.66") == conversion.amount == conversion.account.available
    assert ("ada", "USD", issued.gift_card.id) == (
        conversion.account.customer_id, conversion.account.currency, conversion.gift_card_id,
    )  # fmt: skip
    card = shop.card(issued)
    assert (usd("0.00"), "ada", True) == (card.posted, card.customer_id, card.is_exhausted)
    assert conversion.account == shop.credit()
    assert () == shop.ask(Audit()).findings


def test_the_shop_owes_the_same_as_before() -> None:
    """A conversion changes whom the shop owes, not how much, and touches no house account."""
    shop = Shop()
    issued = shop.issue("50.00")
    before = shop.ask(Liability()).total
    house = shop.ask(Movements())[0].house
    convert(shop, issued)
    assert before == shop.ask(Liability()).total
    assert house == shop.ask(Movements())[0].house
    assert usd("50.00") == shop.ask(Movements())[0].converted


def test_lots_keep_their_nature() -> None:
    """Converted value keeps origin, expiry and tax treatment, and names the lot it was."""
    shop = Shop()
    issued = shop.issue(
        "50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED, tax_treatment=TaxTreatment.SINGLE_PURPOSE
    )
    (before,) = lots_of(shop, issued.gift_card.account_id)
    (after,) = lots_of(shop, convert(shop, issued).account.id)
    assert (before.origin, before.expires_at, before.tax_treatment, before.remaining, before.priority) == (
        after.origin, after.expires_at, after.tax_treatment, after.remaining, after.priority,
    )  # fmt: skip
    assert before.id == after.source_lot_id


def test_converted_value_expires_when_the_card_would_have() -> None:
    """A conversion does not prolong anything."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    assert NOW + DAY == convert(shop, issued).account.expires_next
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("50.00") == shop.credit().available
    shop.clock.now = NOW + DAY
    assert usd("0.00") == shop.credit().available


def test_a_second_card_joins_the_same_account() -> None:
    """A customer has one account per currency, whatever he converts."""
    shop = Shop()
    first = convert(shop, shop.issue("10.00"))
    second = convert(shop, shop.issue("5.00"))
    euro = convert(shop, shop.issue(Money("7.00", "EUR")))
    assert first.account.id == second.account.id != euro.account.id
    assert (usd("15.00"), Money("7.00", "EUR")) == (shop.credit().available, shop.credit(currency="EUR").available)


def test_both_histories_show_the_conversion() -> None:
    """One transfer stands on the card's statement as a debit and on the account's as a credit."""
    shop = Shop()
    issued = shop.issue("10.00")
    conversion = convert(shop, issued)
    out = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    into = shop.ask(Statement(account_id=conversion.account.id)).entries[-1]
    assert conversion.transfer_id == out.id == into.id
    assert (Direction.DEBIT, Direction.CREDIT) == (out.direction, into.direction)
    assert TransferKind.CONVERSION is into.kind
    assert (usd("0.00"), usd("10.00")) == (out.balance_after, into.balance_after)


def test_a_claimed_card_is_converted_by_its_customer_with_the_id() -> None:
    """Whoever claimed the card converts it without the code."""
    shop = Shop()
    issued = shop.issue("10.00")
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    conversion = shop.execute(
        ConvertGiftCard(gift_card_id=issued.gift_card.id, customer_id="ada", idempotency_key="convert")
    )
    assert usd("10.00") == conversion.amount


def test_another_customers_card_is_refused() -> None:
    """A claimed card is converted by nobody else, and no account is opened on the way."""
    shop = Shop()
    issued = shop.issue("10.00", customer_id="ada")
    before = shop.books()
    with pytest.raises(ClaimedByAnother):
        convert(shop, issued, "bob")
    assert before == shop.books()
    with pytest.raises(StoreCreditAccountNotFound):
        shop.credit("bob")


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_a_card_that_is_not_active_is_not_converted(status: GiftCardStatus) -> None:
    """Pending, blocked and deactivated cards stay what they are."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        convert(shop, issued)
    assert status.value == caught.value.reason
    assert before == shop.books()


def test_a_card_can_be_converted_until_it_expires() -> None:
    """One microsecond before its expiry a card is converted; at it and after it no more."""
    shop = Shop()
    early, late = shop.issue(expires_at=NOW + DAY), shop.issue(expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("50.00") == convert(shop, early).amount
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND):
        shop.clock.now = instant
        with pytest.raises(NotSpendable) as caught:
            convert(shop, late)
        assert "expired" == caught.value.reason


def test_an_exhausted_card_has_nothing_to_convert() -> None:
    """A card without value is refused as exhausted, and so is one that was converted before."""
    shop = Shop()
    spent, converted = shop.issue("5.00"), shop.issue("5.00")
    shop.redeem(spent, "5.00")
    convert(shop, converted)
    for issued in (spent, converted):
        with pytest.raises(NotSpendable) as caught:
            convert(shop, issued)
        assert "exhausted" == caught.value.reason


def test_a_closed_account_takes_nothing() -> None:
    """Value does not disappear into a closed account; it stays on the card."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.set_credit_status(shop.grant("1.00").account.id, StoreCreditStatus.CLOSED)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        convert(shop, issued)
    assert "closed" == caught.value.reason
    assert before == shop.books()


def test_a_blocked_account_still_takes_value() -> None:
    """A block stops spending; what is put in waits."""
    shop = Shop()
    shop.set_credit_status(shop.grant("1.00").account.id, StoreCreditStatus.BLOCKED)
    account = convert(shop, shop.issue("5.00")).account
    assert (usd("6.00"), usd("0.00")) == (account.posted, account.available)


def test_a_replay_answers_again_and_converts_nothing() -> None:
    """The same conversion twice moves value once, though the card is empty the second time."""
    shop = Shop()
    issued = shop.issue("10.00")
    shop.execute_twice(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="once"))
    assert usd("10.00") == shop.credit().posted


def test_another_customer_under_the_same_key_is_a_conflict() -> None:
    """The customer belongs to the content, and the conflict hides nothing behind another error."""
    shop = Shop()
    issued = shop.issue("10.00")
    convert(shop, issued, "ada", "once")
    with pytest.raises(IdempotencyConflict):
        convert(shop, issued, "bob", "once")


def test_replays_and_old_codes_survive_a_rotation() -> None:
    """Under a new secret the same conversion is answered again, and cards of before are converted."""
    shop = Shop()
    issued, later = shop.issue("10.00"), shop.issue("5.00")
    command = ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="once")
    first = shop.execute(command)
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == rotated.execute(command)
    assert usd("15.00") == rotated.execute(
        ConvertGiftCard(code=later.code, customer_id="ada", idempotency_key="later")
    ).account.available  # fmt: skip


def test_whose_card_it_is_comes_before_a_block() -> None:
    """A stranger hears that the card is not his, whatever else is wrong with it."""
    shop = Shop()
    issued = shop.issue("10.00", customer_id="ada")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(ClaimedByAnother):
        convert(shop, issued, "bob")


def test_an_account_with_a_later_clock_keeps_its_order() -> None:
    """If the account was written to by a clock ahead of ours, its times never go back."""
    shop = Shop()
    issued = shop.issue("10.00")
    shop.clock.advance(DAY)
    shop.grant("1.00")
    shop.clock.advance(-DAY)
    conversion = convert(shop, issued)
    entries = shop.ask(Statement(account_id=conversion.account.id)).entries
    assert [(1, NOW + DAY), (2, NOW + DAY)] == [(entry.sequence, entry.recorded_at) for entry in entries]
    assert () == shop.ask(Audit()).findings


def test_one_event_tells_what_became_of_the_card() -> None:
    """The event names the card, the customer, the account and the amount."""
    shop = Shop()
    issued = shop.issue("10.00")
    conversion = convert(shop, issued)
    receipt = shop.last_receipt()
    assert "GiftCardConverted" == receipt.event
    for part in (issued.gift_card.id, '"ada"', conversion.account.id, '[1000,"USD",2]'):
        assert part in receipt.event_data
