"""Redeeming a gift card: exactly the amount, the remainder stays, and nothing else is ever spent."""

from __future__ import annotations

import json
from datetime import timedelta

import attrs
import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    BlockGiftCard,
    ClaimGiftCard,
    CodeKeys,
    GiftCardStatus,
    HouseAccount,
    Movements,
    Policies,
    RedeemGiftCard,
    Reference,
    SpendingLimits,
    Statement,
    TransferKind,
)
from loyalty.errors import (
    ClaimedByAnother,
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    LimitExceeded,
    MalformedCode,
    NotEligible,
    NotSpendable,
)
from loyalty.identifiers import GiftCardId
from loyalty.ports.storage import TransferFilter
from tests.use_cases.checkout import MINUTE, hold, line
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, SECRET, Shop, usd


def test_a_part_is_taken_and_the_remainder_stays() -> None:
    """A partial redemption takes exactly the amount and answers what is left."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.redeem(issued, "30.00", "1001")
    assert (usd("30.00"), usd("20.00")) == (redemption.amount, redemption.balance_after)
    assert ("1001", issued.gift_card.id, issued.gift_card.account_id, NOW) == (
        redemption.order_id, redemption.gift_card_id, redemption.account_id, redemption.recorded_at,
    )  # fmt: skip
    card = shop.card(issued)
    assert (usd("20.00"), usd("20.00"), usd("50.00")) == (card.posted, card.available, card.value)
    assert card.is_partly_used


def test_all_of_it_may_be_taken_in_many_parts() -> None:
    """A card is spent to the last cent in any number of redemptions, and then it is exhausted."""
    shop = Shop()
    issued = shop.issue("1.00")
    left = [shop.redeem(issued, "0.01", f"order-{number}").balance_after for number in range(100)]
    assert [usd(f"{cents / 100:.2f}") for cents in range(99, -1, -1)] == left
    card = shop.card(issued)
    assert (True, False, False) == (card.is_exhausted, card.is_partly_used, card.is_disabled)
    assert () == shop.ask(Audit()).findings


def test_a_card_is_redeemed_by_its_id() -> None:
    """Staff and owners may name the card by its id instead of its code."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.execute(
        RedeemGiftCard(gift_card_id=issued.gift_card.id, amount=usd("50.00"), order_id="1", idempotency_key="k")
    )
    assert usd("0.00") == redemption.balance_after


@pytest.mark.parametrize("decorate", [str.lower, lambda code: code.replace("-", " "), lambda code: f"  {code}\t"])
def test_a_code_is_forgiven_its_decoration(decorate: object) -> None:
    """Case, spaces and dashes of a code do not matter."""
    shop = Shop()
    issued = shop.issue("50.00")
    typed = decorate(issued.code)  # type: ignore[operator]
    redemption = shop.execute(RedeemGiftCard(code=typed, amount=usd("1"), order_id="1", idempotency_key="k"))
    assert usd("49.00") == redemption.balance_after


def test_one_cent_too_much_is_refused_with_figures() -> None:
    """More than is available is refused whole, and staff learn both figures."""
    shop = Shop()
    issued = shop.issue("50.00")
    before = shop.books()
    with pytest.raises(InsufficientBalance) as caught:
        shop.redeem(issued, "50.01")
    assert (usd("50.01"), usd("50.00")) == (caught.value.requested, caught.value.available)
    assert before == shop.books()


def test_an_exhausted_card_has_an_insufficient_balance() -> None:
    """A card without value is not expired and not blocked; it just has nothing."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.redeem(issued, "5.00")
    with pytest.raises(InsufficientBalance) as caught:
        shop.redeem(issued, "0.01")
    assert usd("0.00") == caught.value.available


def test_a_code_with_a_wrong_check_symbol_is_malformed() -> None:
    """A typing mistake is told without any look-up."""
    shop = Shop()
    code = shop.issue().code
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    with pytest.raises(MalformedCode):
        shop.execute(RedeemGiftCard(code=wrong, amount=usd("1"), order_id="1", idempotency_key="k"))


@pytest.mark.parametrize("customer_id", [None, "bob"])
def test_a_claimed_card_is_not_for_others(customer_id: str | None) -> None:
    """A claimed card pays only if its customer is named, code or no code."""
    shop = Shop()
    issued = shop.issue()
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    before = shop.books()
    with pytest.raises(ClaimedByAnother):
        shop.redeem(issued, "1.00", customer_id=customer_id)
    assert before == shop.books()
    assert usd("49.00") == shop.redeem(issued, "1.00", customer_id="ada").balance_after


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_a_card_that_is_not_active_pays_nothing(status: GiftCardStatus) -> None:
    """Pending, blocked and deactivated cards are not spendable, and staff learn which."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        shop.redeem(issued, "1.00")
    assert status.value == caught.value.reason
    assert before == shop.books()


def test_value_is_spendable_until_its_expiry_and_not_at_it() -> None:
    """One microsecond before its expiry a card pays; at it and after it nothing, though no sweep ever ran."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("49.00") == shop.redeem(issued, "1.00").balance_after
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND, NOW + 400 * DAY):
        shop.clock.now = instant
        with pytest.raises(NotSpendable) as caught:
            shop.redeem(issued, "1.00")
        assert "expired" == caught.value.reason


def test_a_card_in_another_currency_pays_nothing() -> None:
    """Currencies never mix, and the error names both."""
    shop = Shop()
    issued = shop.issue("50.00")
    before = shop.books()
    with pytest.raises(CurrencyMismatch) as caught:
        shop.redeem(issued, Money("1.00", "EUR"))
    assert ("USD", "EUR") == (caught.value.expected, caught.value.actual)
    assert before == shop.books()


def test_a_currency_whose_decimals_changed_is_another_currency() -> None:
    """A dollar with three decimals is never taken from an account of dollars with two."""
    shop = Shop()
    issued = shop.issue("50.00")
    with pytest.raises(CurrencyMismatch):
        shop.redeem(issued, Money("1.000", Currency(code="USD", sub_unit=1000)))


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity", "10000000000000.01"])
def test_bad_amounts_never_become_a_command(amount: str) -> None:
    """Zero, negative, inexact, infinite and huge amounts are refused by the constructor."""
    with pytest.raises(InvalidAmount):
        RedeemGiftCard(gift_card_id=GiftCardId("c"), amount=usd(amount), order_id="1", idempotency_key="k")


def test_a_replay_answers_again_and_takes_nothing() -> None:
    """The same redemption twice is one redemption, even after the card is blocked, empty or expired."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    command = RedeemGiftCard(code=issued.code, amount=usd("50.00"), order_id="1", idempotency_key="1/pay")
    first = shop.execute_twice(command)
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="block"))
    shop.clock.advance(2 * DAY)
    before = shop.books()
    assert first == shop.execute(command)
    assert before == shop.books()


def test_a_replay_may_spell_the_code_differently() -> None:
    """The content of a command is the code's normal form, so a retry with lower case is a replay."""
    shop = Shop()
    issued = shop.issue("50.00")
    first = shop.execute(RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="1", idempotency_key="k"))
    again = shop.execute(RedeemGiftCard(code=issued.code.lower(), amount=usd("5"), order_id="1", idempotency_key="k"))
    assert first == again


def test_another_amount_under_the_same_key_is_a_conflict() -> None:
    """The same key with another amount, order or card is refused, whether or not the rules would allow it."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute(RedeemGiftCard(code=issued.code, amount=usd("50.00"), order_id="1", idempotency_key="k"))
    before = shop.books()
    for amount, order_id in ((usd("10.00"), "1"), (usd("50.00"), "2"), (Money("50.00", "EUR"), "1")):
        with pytest.raises(IdempotencyConflict) as caught:
            shop.execute(RedeemGiftCard(code=issued.code, amount=amount, order_id=order_id, idempotency_key="k"))
        assert "k" == caught.value.idempotency_key
    assert before == shop.books()


def test_a_refused_key_may_be_used_again() -> None:
    """A refusal stores nothing, so the same command may succeed later."""
    shop = Shop()
    issued = shop.issue("50.00")
    command = RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="1", idempotency_key="k")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(NotSpendable):
        shop.execute(command)
    shop.set_card_status(issued, GiftCardStatus.ACTIVE)
    assert usd("45.00") == shop.execute(command).balance_after


def test_a_replay_across_a_rotation_of_keys_is_equal() -> None:
    """A redemption made under the old secret is answered again under the new one."""
    shop = Shop()
    issued = shop.issue("50.00")
    command = RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="1", idempotency_key="k")
    first = shop.execute(command)
    before = shop.books()
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == rotated.execute(command)
    assert before == shop.books()


def test_a_clock_that_goes_back_revives_nothing() -> None:
    """Time on an account never goes back: what expired with its last transfer stays expired."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    shop.redeem(issued, "1.00")
    shop.clock.now = NOW - 30 * DAY
    redemption = shop.redeem(issued, "1.00")
    assert NOW + DAY - MICROSECOND == redemption.recorded_at
    entries = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    assert [1, 2, 3] == [entry.sequence for entry in entries]
    assert sorted(entry.recorded_at for entry in entries) == [entry.recorded_at for entry in entries]


def test_a_clock_that_goes_back_an_hour_keeps_the_sequence() -> None:
    """The sequence has no gap whatever the clock does."""
    shop = Shop()
    issued = shop.issue("50.00")
    for number in range(6):
        shop.clock.advance(timedelta(hours=-1 if number % 2 else 1))
        shop.redeem(issued, "1.00", f"order-{number}")
    entries = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    assert list(range(1, 8)) == [entry.sequence for entry in entries]
    assert () == shop.ask(Audit()).findings


def test_the_transfer_carries_all_the_caller_said() -> None:
    """Reference, actor, reason, note, metadata and both times stand on the transfer."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(
        issued,
        "5.00",
        actor="till/4",
        reason="sale",
        note="two\nlines",
        reference=Reference("invoice", "77"),
        occurred_at=NOW - DAY,
        metadata={"till": 4, "items": ["a", {"b": None}]},
    )
    (transfer,) = shop.storage.read(
        lambda reader: tuple(reader.transfers(TransferFilter(kind=TransferKind.REDEMPTION)))
    )
    assert ("till/4", "sale", "two\nlines") == (transfer.actor, transfer.reason, transfer.note)
    assert Reference("invoice", "77") == transfer.reference
    assert (NOW - DAY, NOW) == (transfer.occurred_at, transfer.recorded_at)
    assert {"till": 4, "items": ["a", {"b": None}]} == dict(transfer.metadata or {})


def test_the_books_say_where_the_value_went() -> None:
    """A redemption moves value to the house account of redemptions."""
    shop = Shop()
    shop.redeem(shop.issue("50.00"), "30.00")
    (movements,) = shop.ask(Movements())
    assert usd("30.00") == movements.house[HouseAccount.REDEMPTIONS] == movements.redeemed
    assert usd("20.00") == movements.closing


def test_a_redemption_writes_one_event_and_a_refusal_none() -> None:
    """There is one event per committed command."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    with pytest.raises(InsufficientBalance):
        shop.redeem(issued, "30.00")
    assert ["GiftCardIssued", "GiftCardRedeemed"] == [receipt.event for receipt in shop.books().receipts]


# --- order of errors --------------------------------------------------------


def test_whose_card_it_is_comes_before_what_is_on_it() -> None:
    """A stranger with the code of a claimed, blocked card in another currency hears that it is not his."""
    shop = Shop()
    issued = shop.issue("5.00", customer_id="ada")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(ClaimedByAnother):
        shop.redeem(issued, Money("50.00", "EUR"), customer_id="bob")


def test_a_block_comes_before_the_currency() -> None:
    """A blocked card is not spendable before its currency matters."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(NotSpendable):
        shop.redeem(issued, Money("50.00", "EUR"))


def test_an_expiry_comes_before_the_currency() -> None:
    """An expired card is not spendable before its currency matters."""
    shop = Shop()
    issued = shop.issue("5.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    with pytest.raises(NotSpendable):
        shop.redeem(issued, Money("50.00", "EUR"))


def test_a_block_comes_before_an_expiry() -> None:
    """What somebody decided is told before what time has done."""
    shop = Shop()
    issued = shop.issue("5.00", expires_at=NOW + DAY)
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    shop.clock.advance(DAY)
    with pytest.raises(NotSpendable) as caught:
        shop.redeem(issued, "5.00")
    assert "blocked" == caught.value.reason


def test_the_currency_comes_before_the_balance() -> None:
    """Another currency is told before too little of it."""
    shop = Shop()
    with pytest.raises(CurrencyMismatch):
        shop.redeem(shop.issue("5.00"), Money("50.00", "EUR"))


# --- lines, limits, holds ---------------------------------------------------


def test_an_exact_amount_beyond_the_eligible_lines_is_refused() -> None:
    """The card may pay for the lamp and not one cent of the gift card beside it."""
    shop = Shop()
    issued = shop.issue("100.00")
    lines = [line("lamp", "30.00"), line("present", "25.00", is_stored_value=True)]
    before = shop.books()
    with pytest.raises(NotEligible) as caught:
        shop.redeem(issued, "30.01", lines=lines)
    assert "stored value cannot buy stored value" == caught.value.reason
    assert before == shop.books()
    assert usd("30.00") == shop.redeem(issued, "30.00", lines=lines).amount


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (SpendingLimits(per_card=usd("7")), "per_card"),
        (SpendingLimits(per_order=usd("7")), "per_order"),
        (SpendingLimits(per_customer_and_day=usd("7")), "per_customer_and_day"),
    ],
    ids=["card", "order", "day"],
)
def test_an_exact_amount_beyond_a_limit_is_refused(limits: SpendingLimits, name: str) -> None:
    """The error names the limit and what it still allows, also after an earlier redemption for the order."""
    shop = Shop(policies=Policies(limits=limits))
    issued = shop.issue("50.00", customer_id="ada")
    shop.redeem(issued, "3.00", customer_id="ada")
    before = shop.books()
    with pytest.raises(LimitExceeded) as caught:
        shop.redeem(issued, "4.01", customer_id="ada")
    assert (name, usd("4.00")) == (caught.value.limit, caught.value.allowed)
    assert before == shop.books()
    assert usd("4.00") == shop.redeem(issued, "4.00", customer_id="ada").amount


def test_the_limit_of_a_customer_does_not_bind_a_bearers_card() -> None:
    """A card that nobody claimed counts for nobody, whoever redeems it."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("7"))))
    assert usd("9.00") == shop.redeem(shop.issue("50.00"), "9.00", customer_id="ada").amount


def test_what_the_customers_orders_hold_counts_until_it_lapses() -> None:
    """One microsecond before the hold's time its amount is used up; at it and after it it is not, without a sweep."""
    for moment, allowed in ((-MICROSECOND, "2.00"), (timedelta(0), "7.00"), (MICROSECOND, "7.00")):
        shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("7"))))
        issued = shop.issue("50.00", customer_id="ada")
        shop.grant("50.00")
        hold(shop, "5.00", customer_id="ada", order_id="1002")
        shop.clock.now = NOW + 15 * MINUTE + moment
        with pytest.raises(LimitExceeded) as caught:
            shop.redeem(issued, "7.01", customer_id="ada")
        assert usd(allowed) == caught.value.allowed


@pytest.mark.parametrize(
    ("limits", "name"),
    [(SpendingLimits(per_card=usd("7")), "per_card"), (SpendingLimits(per_order=usd("7")), "per_order")],
)
def test_what_the_orders_own_hold_reserves_counts_towards_its_limits(limits: SpendingLimits, name: str) -> None:
    """Paying beside the hold does not pass the limit by, as long as the hold has not lapsed."""
    shop = Shop(policies=Policies(limits=limits))
    issued = shop.issue("50.00")
    held = hold(shop, "5.00", codes=[issued.code])
    with pytest.raises(LimitExceeded) as caught:
        shop.redeem(issued, "2.01", held.order_id)
    assert (name, usd("2.00")) == (caught.value.limit, caught.value.allowed)
    assert usd("7.00") == shop.redeem(issued, "7.00", "another order").amount
    shop.clock.now = held.lapses_at
    assert usd("7.00") == shop.redeem(issued, "7.00", held.order_id).amount


def test_vetoes_come_before_limits_and_limits_before_the_balance() -> None:
    """Errors come in the order in which they are documented; a wrong currency comes before all three."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_order=usd("7"))))
    issued = shop.issue("5.00")
    present = [line("present", "25.00", is_stored_value=True)]
    with pytest.raises(CurrencyMismatch):
        shop.redeem(issued, Money("25.00", "EUR"), lines=[line("a", Money("25.00", "EUR"), is_stored_value=True)])
    with pytest.raises(NotEligible):
        shop.redeem(issued, "25.00", lines=present)
    with pytest.raises(LimitExceeded):
        shop.redeem(issued, "25.00")
    with pytest.raises(InsufficientBalance):
        shop.redeem(issued, "6.00")


def test_lines_are_in_the_amounts_currency() -> None:
    """Another currency, or other decimals, are refused by the constructor."""
    for wrong in (Money("1", "EUR"), Money("1.000", Currency(code="USD", sub_unit=1000))):
        with pytest.raises(CurrencyMismatch):
            RedeemGiftCard(
                gift_card_id="x", amount=usd("1"), order_id="1", lines=(line("a", wrong),), idempotency_key="k"
            )


def test_lines_belong_to_what_the_key_stands_for() -> None:
    """The same redemption with other lines under its key is a conflict."""
    shop = Shop()
    command = RedeemGiftCard(
        code=shop.issue().code, amount=usd("1"), order_id="1", lines=(line("a", "1.00"),), idempotency_key="once"
    )
    shop.execute_twice(command)
    for lines in ((), (line("b", "1.00"),), (line("a", "1.00", tags=("x",)),)):
        with pytest.raises(IdempotencyConflict):
            shop.execute(attrs.evolve(command, lines=lines))


def test_the_receipt_says_who_decided() -> None:
    """The spending order always; the rules and the limits where they were asked."""
    shop = Shop()
    issued = shop.issue()
    shop.redeem(issued, "1.00")
    assert ["spending_order"] == [one["policy"] for one in json.loads(shop.last_receipt().decisions or "")]
    shop.policies = Policies(limits=SpendingLimits(per_card=usd("7")))
    shop.loyalty = shop.with_keys(KEYS)
    shop.redeem(issued, "1.00", lines=[line("a", "1.00")])
    assert [("spending_order", None), ("eligibility", "no veto"), ("limits", "per card 700")] == [
        (one["policy"], one["said"]) for one in json.loads(shop.last_receipt().decisions or "")
    ]
