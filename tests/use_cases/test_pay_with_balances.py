"""Paying for one order with several cards and store credit, all or none."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    CardsOfOrder,
    CodeKeys,
    GetHold,
    GiftCardStatus,
    HoldStatus,
    LotOrigin,
    Payment,
    PayWithBalances,
    Policies,
    SpendingLimits,
    StoreCreditStatus,
)
from loyalty.errors import (
    ClaimedByAnother,
    CurrencyMismatch,
    GiftCardNotFound,
    HoldClosed,
    IdempotencyConflict,
    InvalidAmount,
    InvalidRequest,
    MalformedCode,
    NotEligible,
    NotSpendable,
)
from loyalty.ledger.lot import Lot
from tests.use_cases.checkout import MINUTE, capture, hold, line
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd


def pay(shop: Shop, due: str | Money, **given: Any) -> Payment:
    """Pay for order 1001."""
    money = usd(due) if isinstance(due, str) else due
    return shop.execute(
        PayWithBalances(amount_due=money, **{"order_id": "1001", "idempotency_key": shop.key(), **given})
    )


def test_several_cards_and_credit_pay_together() -> None:
    """All tenders pay in one step, and the rest is due elsewhere."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("20.00")
    shop.grant("5.00")
    payment = pay(shop, "50.00", codes=[one.code, two.code], customer_id="ada")
    assert (usd("35.00"), usd("15.00"), "1001") == (payment.amount, payment.remaining_due, payment.order_id)
    assert {usd("10.00"), usd("20.00"), usd("5.00")} == {part.amount for part in payment.parts}
    assert {one.gift_card.id, two.gift_card.id, None} == {part.gift_card_id for part in payment.parts}
    assert all(usd("0.00") == part.balance_after for part in payment.parts)
    assert () == shop.ask(Audit()).findings


def test_no_more_than_is_due_is_taken() -> None:
    """Tenders that hold more than is due keep the rest, and nothing is due elsewhere."""
    shop = Shop()
    issued = shop.issue("50.00")
    payment = pay(shop, "12.34", codes=[issued.code])
    assert (usd("12.34"), usd("0.00")) == (payment.amount, payment.remaining_due)
    assert usd("37.66") == shop.card(issued).available


def test_what_expires_soonest_pays_first_across_all_tenders() -> None:
    """Lots of several accounts are drawn in one order: soonest expiry first."""
    shop = Shop()
    card = shop.issue("10.00", expires_at=NOW + 5 * DAY)
    shop.grant("4.00", expires_at=NOW + DAY)
    shop.grant("4.00", expires_at=NOW + 9 * DAY)
    payment = pay(shop, "15.00", codes=[card.code], customer_id="ada")
    assert {card.gift_card.id: usd("10.00"), None: usd("5.00")} == {
        part.gift_card_id: part.amount for part in payment.parts
    }
    assert (usd("3.00"), NOW + 9 * DAY) == (shop.credit().available, shop.credit().expires_next)


def test_the_spending_order_is_the_shops_choice() -> None:
    """A replaced spending order decides which lot pays."""

    def largest_first(lot: Lot) -> tuple[int, str]:
        return (-lot.remaining, lot.id)

    shop = Shop(policies=Policies(spending_order=largest_first))
    small, large = shop.issue("5.00", expires_at=NOW + DAY), shop.issue("10.00")
    payment = pay(shop, "10.00", codes=[small.code, large.code])
    assert [large.gift_card.id] == [part.gift_card_id for part in payment.parts]


def test_an_empty_tender_pays_nothing_and_stops_nothing() -> None:
    """A card that is merely empty, and a customer without an account, are no obstacle."""
    shop = Shop()
    empty, full = shop.issue("5.00"), shop.issue("5.00")
    shop.redeem(empty, "5.00", "earlier")
    payment = pay(shop, "7.00", codes=[empty.code, full.code], customer_id="bob")
    assert (usd("5.00"), usd("2.00")) == (payment.amount, payment.remaining_due)
    assert [full.gift_card.id] == [part.gift_card_id for part in payment.parts]


def test_nothing_to_take_pays_nothing() -> None:
    """If no tender has value, nothing is paid and all remains due."""
    shop = Shop()
    payment = pay(shop, "7.00", customer_id="bob")
    assert (usd("0.00"), usd("7.00"), ()) == (payment.amount, payment.remaining_due, payment.parts)


def test_store_credit_is_left_alone_if_asked() -> None:
    """A shopper may pay with cards and keep the credit."""
    shop = Shop()
    shop.grant("10.00")
    issued = shop.issue("5.00")
    payment = pay(shop, "7.00", codes=[issued.code], customer_id="ada", use_store_credit=False)
    assert (usd("5.00"), usd("10.00")) == (payment.amount, shop.credit().available)


def test_the_same_card_named_twice_counts_once() -> None:
    """A card named by code in two spellings, and by its id, is one tender."""
    shop = Shop()
    issued = shop.issue("5.00")
    payment = pay(shop, "20.00", codes=[issued.code, issued.code.lower()], gift_card_ids=[issued.gift_card.id] * 2)
    assert (usd("5.00"), 1) == (payment.amount, len(payment.parts))


def test_a_customers_own_cards_pay_by_id() -> None:
    """Claimed cards pay for their customer without codes."""
    shop = Shop()
    issued = shop.issue("5.00", customer_id="ada")
    payment = pay(shop, "20.00", gift_card_ids=[issued.gift_card.id], customer_id="ada")
    assert usd("5.00") == payment.amount


def test_an_order_may_be_paid_in_several_steps() -> None:
    """Two payments for one order are two facts, and both stand on the order."""
    shop = Shop()
    issued = shop.issue("50.00")
    pay(shop, "5.00", codes=[issued.code])
    pay(shop, "6.00", codes=[issued.code])
    (spent,) = shop.ask(CardsOfOrder(order_id="1001")).spent
    assert (usd("11.00"), 2) == (spent.redeemed, len(spent.redemption_ids))


def test_one_bad_tender_stops_all() -> None:
    """Either every tender is usable or nothing is taken from any."""
    shop = Shop()
    good, bad = shop.issue("5.00"), shop.issue("5.00")
    shop.set_card_status(bad, GiftCardStatus.BLOCKED)
    shop.grant("5.00")
    before = shop.books()
    with pytest.raises(NotSpendable):
        pay(shop, "1.00", codes=[good.code, bad.code], customer_id="ada")
    assert before == shop.books()


def test_an_unknown_card_stops_all() -> None:
    """A code or id that no card has is not found, though others would pay."""
    shop = Shop()
    good = shop.issue("5.00")
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    before = shop.books()
    with pytest.raises(GiftCardNotFound):
        pay(shop, "1.00", codes=[good.code, stranger.code])
    with pytest.raises(GiftCardNotFound):
        pay(shop, "1.00", codes=[good.code], gift_card_ids=["nobody"])
    assert before == shop.books()


def test_an_id_does_not_stand_in_for_an_unknown_code() -> None:
    """Each code must be a card's own: a good id beside a strange code does not cover it."""
    shop = Shop()
    good = shop.issue("5.00")
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    with pytest.raises(GiftCardNotFound):
        pay(shop, "1.00", codes=[stranger.code], gift_card_ids=[good.gift_card.id])


def test_another_customers_card_stops_all() -> None:
    """A claimed card pays only for its customer, named by code or by id."""
    shop = Shop()
    issued = shop.issue("5.00", customer_id="ada")
    for given in ({"codes": [issued.code]}, {"gift_card_ids": [issued.gift_card.id]}):
        for customer_id in (None, "bob"):
            with pytest.raises(ClaimedByAnother):
                pay(shop, "1.00", customer_id=customer_id, **given)


def test_a_blocked_account_stops_all_unless_it_is_not_asked() -> None:
    """A blocked or closed account is refused, not passed over; without it the cards pay."""
    shop = Shop()
    issued = shop.issue("5.00")
    account = shop.grant("5.00").account
    for status in (StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED):
        shop.set_credit_status(account.id, status)
        with pytest.raises(NotSpendable) as caught:
            pay(shop, "1.00", codes=[issued.code], customer_id="ada")
        assert status.value == caught.value.reason
    payment = pay(shop, "1.00", codes=[issued.code], customer_id="ada", use_store_credit=False)
    assert usd("1.00") == payment.amount


def test_an_expired_card_stops_all_and_expired_credit_is_passed_over() -> None:
    """One microsecond before its expiry a card pays; at it the payment is refused. Expired credit is just not there."""
    shop = Shop()
    issued = shop.issue("5.00", expires_at=NOW + DAY)
    shop.grant("5.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("2.00") == pay(shop, "2.00", codes=[issued.code], customer_id="ada").amount
    shop.clock.now = NOW + DAY
    with pytest.raises(NotSpendable) as caught:
        pay(shop, "2.00", codes=[issued.code], customer_id="ada")
    assert "expired" == caught.value.reason
    assert usd("0.00") == pay(shop, "2.00", customer_id="ada").amount


def test_a_card_in_another_currency_stops_all() -> None:
    """Currencies never mix within a payment, not even by their decimals."""
    shop = Shop()
    euro, dollar = shop.issue(Money("5.00", "EUR")), shop.issue("5.00")
    before = shop.books()
    with pytest.raises(CurrencyMismatch):
        pay(shop, "1.00", codes=[dollar.code, euro.code])
    with pytest.raises(CurrencyMismatch):
        pay(shop, Money("1.000", Currency(code="USD", sub_unit=1000)), codes=[dollar.code])
    assert before == shop.books()


def test_credit_in_another_currency_is_not_asked() -> None:
    """A customer's euros do not pay for dollars, and do not stop them either."""
    shop = Shop()
    shop.grant(Money("5.00", "EUR"))
    assert usd("0.00") == pay(shop, "1.00", customer_id="ada").amount


def test_what_cannot_be_a_code_is_malformed() -> None:
    """A malformed code is told before any look-up."""
    with pytest.raises(MalformedCode):
        pay(Shop(), "1.00", codes=["GIFT-0000"])


def test_there_must_be_something_to_pay_with() -> None:
    """No card and no customer is an invalid request."""
    with pytest.raises(InvalidRequest):
        PayWithBalances(order_id="1", amount_due=usd("1"), idempotency_key="k")


def test_a_customer_whose_credit_is_left_alone_is_nothing_to_pay_with() -> None:
    """Without cards, a customer whose credit must not be used leaves nothing to pay with."""
    with pytest.raises(InvalidRequest):
        PayWithBalances(
            order_id="1", amount_due=usd("1"), customer_id="ada", use_store_credit=False, idempotency_key="k"
        )


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "NaN"])
def test_bad_amounts_never_become_a_command(amount: str) -> None:
    """Zero, negative and inexact amounts are refused by the constructor."""
    with pytest.raises(InvalidAmount):
        PayWithBalances(order_id="1", amount_due=usd(amount), customer_id="ada", idempotency_key="k")


def test_a_replay_answers_again_and_takes_nothing() -> None:
    """The same payment twice is one payment, also when the tenders are empty and the secret is another."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.grant("5.00")
    command = PayWithBalances(
        order_id="1", amount_due=usd("20"), codes=(issued.code,), customer_id="ada", idempotency_key="once"
    )
    first = shop.execute_twice(command)
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == rotated.execute(command)
    assert usd("0.00") == shop.credit().posted


def test_old_and_new_codes_pay_together_after_a_rotation() -> None:
    """Cards of the old and of the new secret are tenders alike."""
    shop = Shop()
    old = shop.issue("5.00")
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    new = shop.issue("5.00")
    assert usd("10.00") == pay(shop, "10.00", codes=[old.code, new.code]).amount


def test_other_content_under_the_same_key_is_a_conflict() -> None:
    """Amount, order, cards and flags belong to what the key stands for."""
    shop = Shop()
    issued = shop.issue("5.00")
    pay(shop, "1.00", codes=[issued.code], idempotency_key="once")
    before = shop.books()
    for due, given in (
        ("2.00", {"codes": [issued.code]}),
        ("1.00", {"codes": [issued.code], "order_id": "1002"}),
        ("1.00", {"gift_card_ids": [issued.gift_card.id]}),
        ("1.00", {"codes": [issued.code], "customer_id": "ada"}),
        ("1.00", {"codes": [issued.code], "use_store_credit": False}),
    ):
        with pytest.raises(IdempotencyConflict):
            pay(shop, due, idempotency_key="once", **given)
    assert before == shop.books()


# --- order of errors --------------------------------------------------------


def test_an_unknown_card_comes_before_another_customers_card() -> None:
    """Errors come in the order in which they are documented: not found first."""
    shop = Shop()
    hers = shop.issue("5.00", customer_id="ada")
    with pytest.raises(GiftCardNotFound):
        pay(shop, "1.00", gift_card_ids=[hers.gift_card.id, "nobody"])


@pytest.mark.parametrize("blocked_first", [True, False])
def test_another_customers_card_comes_before_a_blocked_card(blocked_first: bool) -> None:
    """Whose card it is comes before what is on any of them, whichever was issued first."""
    shop = Shop()
    cards = [shop.issue("5.00"), shop.issue("5.00", customer_id="ada")]
    if not blocked_first:
        cards = [shop.issue("5.00", customer_id="ada"), shop.issue("5.00")]
    blocked = cards[0 if blocked_first else 1]
    shop.set_card_status(blocked, GiftCardStatus.BLOCKED)
    with pytest.raises(ClaimedByAnother):
        pay(shop, "1.00", codes=[card.code for card in cards])


def test_another_customers_card_comes_before_a_blocked_account() -> None:
    """Whose card it is comes before the state of the customer's credit."""
    shop = Shop()
    hers = shop.issue("5.00", customer_id="ada")
    shop.set_credit_status(shop.grant("5.00", "bob").account.id, StoreCreditStatus.BLOCKED)
    with pytest.raises(ClaimedByAnother):
        pay(shop, "1.00", codes=[hers.code], customer_id="bob")


@pytest.mark.parametrize("blocked_first", [True, False])
def test_a_blocked_card_comes_before_another_currency(blocked_first: bool) -> None:
    """A card that is not spendable is told before another one's currency."""
    shop = Shop()
    values = [usd("5.00"), Money("5.00", "EUR")] if blocked_first else [Money("5.00", "EUR"), usd("5.00")]
    cards = [shop.issue(value) for value in values]
    shop.set_card_status(cards[0 if blocked_first else 1], GiftCardStatus.BLOCKED)
    with pytest.raises(NotSpendable):
        pay(shop, "1.00", codes=[card.code for card in cards])


def test_one_event_tells_the_whole_payment() -> None:
    """The event names the order, every redemption and what remains due."""
    shop = Shop()
    one, two = shop.issue("5.00"), shop.issue("5.00", origin=LotOrigin.PURCHASED)
    payment = pay(shop, "20.00", codes=[one.code, two.code])
    assert "OrderPaid" == shop.last_receipt().event
    for part in (*(part.id for part in payment.parts), '[1000,"USD",2]'):
        assert part in shop.last_receipt().event_data


# --- holds, lines, limits ---------------------------------------------------


def test_the_orders_own_hold_is_voided_and_what_it_reserved_may_pay() -> None:
    """A payment of the order takes the place of its hold; another order's hold stays."""
    shop = Shop()
    issued = shop.issue("50.00")
    other = hold(shop, "10.00", codes=[issued.code], order_id="1002")
    own = hold(shop, "30.00", codes=[issued.code])
    payment = pay(shop, "50.00", codes=[issued.code])
    assert (usd("40.00"), usd("10.00")) == (payment.amount, payment.remaining_due)
    assert HoldStatus.VOIDED is shop.ask(GetHold(id=own.id)).status
    with pytest.raises(HoldClosed):
        capture(shop, own)
    assert usd("10.00") == capture(shop, other).amount
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (15 * MINUTE - MICROSECOND, HoldStatus.VOIDED),
        (15 * MINUTE, HoldStatus.LAPSED),
        (15 * MINUTE + MICROSECOND, HoldStatus.LAPSED),
    ],
)
def test_a_payment_after_the_holds_time_finds_it_lapsed(moment: timedelta, status: HoldStatus) -> None:
    """Paid late the order pays as if nothing had been held, and the hold is written down as lapsed."""
    shop = Shop()
    issued = shop.issue("50.00")
    own = hold(shop, "30.00", codes=[issued.code])
    shop.clock.advance(moment)
    assert usd("50.00") == pay(shop, "50.00", codes=[issued.code]).amount
    assert status is shop.ask(GetHold(id=own.id)).status
    assert () == shop.ask(Audit()).findings


def test_a_refused_payment_leaves_the_orders_hold() -> None:
    """If a tender is refused the hold stays open and can be captured."""
    shop = Shop()
    issued = shop.issue("50.00")
    own = hold(shop, "30.00", codes=[issued.code])
    with pytest.raises(GiftCardNotFound):
        pay(shop, "50.00", codes=[issued.code], gift_card_ids=["nobody"])
    assert usd("30.00") == capture(shop, own).amount


def test_a_payment_with_other_tenders_frees_the_hold_on_the_first() -> None:
    """What the order held elsewhere is free again with the payment."""
    shop = Shop()
    one, two = shop.issue("50.00"), shop.issue("50.00")
    hold(shop, "30.00", codes=[one.code])
    pay(shop, "30.00", codes=[two.code])
    assert (usd("50.00"), usd("20.00")) == (shop.card(one).available, shop.card(two).available)


def test_lines_that_the_rules_veto_are_not_paid() -> None:
    """Of a lamp and a gift card only the lamp is paid; a gift card alone is refused as not eligible."""
    shop = Shop()
    issued = shop.issue("100.00")
    lamp, present = line("lamp", "30.00"), line("present", "25.00", is_stored_value=True)
    payment = pay(shop, "60.00", codes=[issued.code], lines=[lamp, present])
    assert (usd("35.00"), usd("25.00")) == (payment.amount, payment.remaining_due)
    with pytest.raises(NotEligible):
        pay(shop, "25.00", codes=[issued.code], lines=[present])


def test_limits_cap_all_payments_for_one_order() -> None:
    """Per card and per order the payments of one order count together; another order has its own."""
    for limits in (SpendingLimits(per_card=usd("7")), SpendingLimits(per_order=usd("7"))):
        shop = Shop(policies=Policies(limits=limits))
        issued = shop.issue("50.00")
        amounts = [pay(shop, due, codes=[issued.code]).amount for due in ("3.00", "9.00", "9.00")]
        assert [usd("3.00"), usd("4.00"), usd("0.00")] == amounts
        assert usd("7.00") == pay(shop, "9.00", codes=[issued.code], order_id="1002").amount


def test_the_limit_of_a_day_begins_anew_at_midnight() -> None:
    """In UTC: the last microsecond of the day still counts, the first of the next does not."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("7"))))
    shop.grant("50.00")
    midnight = (NOW + DAY).replace(hour=0)
    for now, amount in (
        (NOW, "7.00"), (midnight - MICROSECOND, "0.00"), (midnight, "7.00"), (midnight + MICROSECOND, "0.00"),
    ):  # fmt: skip
        shop.clock.now = now
        assert usd(amount) == pay(shop, "9.00", customer_id="ada").amount


def test_the_receipt_says_who_decided() -> None:
    """The spending order always; the rules if there were lines; the limits if there are any."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_card=usd("7"), version="2")))
    issued = shop.issue("50.00")
    pay(shop, "9.00", codes=[issued.code], lines=[line("a", "9.00")])
    assert [
        {"name": "soonest_expiry_first", "policy": "spending_order", "said": None, "version": "1"},
        {"name": "stored_value_buys_no_stored_value", "policy": "eligibility", "said": "no veto", "version": "1"},
        {"name": "SpendingLimits", "policy": "limits", "said": "per card 700", "version": "2"},
    ] == json.loads(shop.last_receipt().decisions or "")
