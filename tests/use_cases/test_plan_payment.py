"""Planning a payment: what each tender would pay, what remains, and why one is refused; nothing is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    CodeKeys,
    GiftCardStatus,
    GiftCardTender,
    LotOrigin,
    PlanPayment,
    Policies,
    SpendingLimits,
    StoreCreditStatus,
)
from loyalty.errors import UNUSABLE_CODE, CurrencyMismatch, InvalidRequest, LoyaltyError
from tests.use_cases.checkout import MINUTE, hold, line, no_wine_from_gifts, plan
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def paid(shop: Shop, due: str, **given: Any) -> dict[Any, Money]:
    """Return what each card would pay, and the store credit under None."""
    return {part.gift_card_id: part.amount for part in plan(shop, due, **given).parts}


def test_the_plan_shows_every_part() -> None:
    """Covered is the sum of the parts, each part names its account, and the rest remains due."""
    shop = Shop()
    issued = shop.issue("10.00")
    account = shop.grant("5.00").account
    before = shop.books()
    answer = plan(shop, "50.00", codes=[issued.code], customer_id="ada")
    assert (usd("50.00"), usd("15.00"), usd("35.00"), ()) == (
        answer.amount_due, answer.covered, answer.remaining_due, answer.refused,
    )  # fmt: skip
    assert {issued.gift_card.account_id: usd("10.00"), account.id: usd("5.00")} == {
        part.account_id: part.amount for part in answer.parts
    }
    assert before == shop.books()


def test_a_tender_that_pays_nothing_is_no_part() -> None:
    """Neither an empty card nor one that is not needed stands in the plan, and neither is refused."""
    shop = Shop()
    empty, full = shop.issue("5.00"), shop.issue("5.00", expires_at=NOW + DAY)
    shop.redeem(empty, "5.00")
    more = shop.issue("5.00")
    answer = plan(shop, "5.00", codes=[empty.code, full.code, more.code])
    assert [full.gift_card.id] == [part.gift_card_id for part in answer.parts]
    assert () == answer.refused


def test_the_order_of_tenders_is_the_documented_one() -> None:
    """Priority, soonest expiry, promotional before paid, smallest, oldest, and the id at last."""
    shop = Shop()
    cards = {
        "priority": shop.issue("5.00", origin=LotOrigin.PURCHASED),
        "soon": shop.issue("5.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED),
        "promotional": shop.issue("5.00"),
        "small": shop.issue("4.00", origin=LotOrigin.PURCHASED),
        "old": shop.issue("5.00", origin=LotOrigin.PURCHASED),
    }
    shop.clock.advance(MINUTE)
    cards["young"] = shop.issue("5.00", origin=LotOrigin.PURCHASED)
    tenders = [
        GiftCardTender(code=issued.code, priority=-1 if name == "priority" else 0) for name, issued in cards.items()
    ]
    for due, names in (
        ("5", "priority"),
        ("10", "priority soon"),
        ("15", "priority soon promotional"),
        ("19", "priority soon promotional small"),
        ("24", "priority soon promotional small old"),
        ("29", "priority soon promotional small old young"),
    ):
        for order in (tenders, tenders[::-1]):
            assert {cards[name].gift_card.id for name in names.split()} == set(paid(shop, due, tenders=order))


@pytest.mark.parametrize(
    ("moment", "amount"),
    [(15 * MINUTE - MICROSECOND, "10.00"), (15 * MINUTE, "50.00"), (15 * MINUTE + MICROSECOND, "50.00")],
)
def test_what_other_orders_hold_is_not_planned(moment: timedelta, amount: str) -> None:
    """Until the hold lapses only the rest is there; with the order's id its own hold is free for it."""
    shop = Shop()
    issued = shop.issue("50.00")
    hold(shop, "40.00", codes=[issued.code])
    shop.clock.advance(moment)
    assert usd(amount) == plan(shop, "60.00", codes=[issued.code]).covered
    assert usd(amount) == plan(shop, "60.00", codes=[issued.code], order_id="1002").covered
    assert usd("50.00") == plan(shop, "60.00", codes=[issued.code], order_id="1001").covered


def test_refused_tenders_are_told_with_their_reasons() -> None:
    """Every kind of refusal: its place, its card, the error's code and reason, and one public sentence."""
    shop = Shop(policies=Policies(eligibility=no_wine_from_gifts))
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    hers, blocked, euro, fine = (
        shop.issue("5.00", customer_id="bob"), shop.issue("5.00"), shop.issue(Money("5.00", "EUR")), shop.issue("5.00"),
    )  # fmt: skip
    expired = shop.issue("5.00", expires_at=NOW + DAY)
    pending = shop.issue("5.00")
    shop.set_card_status(blocked, GiftCardStatus.BLOCKED)
    shop.set_card_status(pending, GiftCardStatus.PENDING)
    shop.set_credit_status(shop.grant("5.00").account.id, StoreCreditStatus.CLOSED)
    shop.clock.advance(DAY)
    cards = [euro, blocked, expired, pending, hers, stranger]
    codes = [*(card.code for card in cards), "GIFT-0000", fine.code]
    answer = plan(shop, "9.00", codes=codes, customer_id="ada")
    assert [
        (6, None, "malformed_code", None),
        (5, None, "gift_card_not_found", None),
        (4, hers.gift_card.id, "claimed_by_another", None),
        (1, blocked.gift_card.id, "not_spendable", "blocked"),
        (2, expired.gift_card.id, "not_spendable", "expired"),
        (3, pending.gift_card.id, "not_spendable", "pending"),
        (None, None, "not_spendable", "closed"),
        (0, euro.gift_card.id, "currency_mismatch", None),
    ] == [(one.position, one.gift_card_id, one.code, one.reason) for one in answer.refused]
    assert {UNUSABLE_CODE, "The currency does not fit."} == {one.public_message for one in answer.refused}
    assert {fine.gift_card.id: usd("5.00")} == {part.gift_card_id: part.amount for part in answer.parts}
    vetoed = plan(shop, "9.00", codes=[fine.code], lines=[line("a", "9.00", tags=("wine",))])
    assert [("not_eligible", "no wine")] == [(one.code, one.reason) for one in vetoed.refused]


def test_positions_count_codes_then_ids_then_tenders() -> None:
    """The place of a refused card is its place among all that were named, in the order of the fields."""
    shop = Shop()
    issued = shop.issue("5.00")
    answer = plan(
        shop, "9.00", codes=[issued.code], gift_card_ids=["nobody", issued.gift_card.id],
        tenders=[GiftCardTender(gift_card_id="no one")],
    )  # fmt: skip
    assert [(1, "gift_card_not_found"), (3, "gift_card_not_found")] == [
        (one.position, one.code) for one in answer.refused
    ]


def test_a_card_named_twice_counts_once_as_it_was_named_first() -> None:
    """The first naming's bound and priority count, and a refused card is refused once."""
    shop = Shop()
    issued, blocked = shop.issue("5.00"), shop.issue("5.00")
    shop.set_card_status(blocked, GiftCardStatus.BLOCKED)
    tenders = [
        GiftCardTender(code=issued.code, at_most=usd("2.00")),
        GiftCardTender(gift_card_id=issued.gift_card.id),
        GiftCardTender(code=blocked.code),
        GiftCardTender(gift_card_id=blocked.gift_card.id),
    ]
    answer = plan(shop, "9.00", tenders=tenders)
    assert (usd("2.00"), [2]) == (answer.covered, [one.position for one in answer.refused])
    assert usd("5.00") == plan(shop, "9.00", codes=[issued.code], tenders=tenders[:1]).covered


def test_a_customer_without_credit_in_the_currency_is_no_refusal() -> None:
    """Credit that is not there, or is in another currency, pays nothing and stops nothing."""
    shop = Shop()
    shop.grant(Money("5.00", "EUR"))
    for customer_id in ("ada", "bob"):
        answer = plan(shop, "9.00", customer_id=customer_id)
        assert ((), ()) == (answer.parts, answer.refused)


def test_lines_are_paid_by_those_that_may() -> None:
    """A vetoed line is left to the others; what the lines leave of the amount due any tender may pay."""
    shop = Shop(policies=Policies(eligibility=no_wine_from_gifts))
    card = shop.issue("50.00")
    shop.grant("50.00", expires_at=NOW + DAY)
    wine, bread = line("wine", "20.00", tags=("wine",)), line("bread", "10.00")
    both = {"codes": [card.code], "customer_id": "ada", "lines": [wine, bread]}
    assert {None: usd("35.00")} == paid(shop, "35.00", **both)
    assert {None: usd("20.00"), card.gift_card.id: usd("15.00")} == paid(
        shop, "35.00", **both, store_credit_at_most=usd("20.00")
    )
    assert {card.gift_card.id: usd("15.00")} == paid(shop, "35.00", **{**both, "use_store_credit": False})
    assert {card.gift_card.id: usd("5.00")} == paid(
        shop, "25.00", **{**both, "use_store_credit": False, "lines": [wine]}
    )


def test_limits_bound_the_plan() -> None:
    """A limit on the day counts the customer's own tenders only, and what was paid since midnight (UTC)."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("10"))))
    bearer, hers = shop.issue("5.00"), shop.issue("20.00", customer_id="ada")
    shop.grant("20.00")
    named = {"codes": [bearer.code], "gift_card_ids": [hers.gift_card.id], "customer_id": "ada"}
    assert usd("15.00") == plan(shop, "50.00", **named).covered
    shop.redeem(hers, "4.00", customer_id="ada")
    assert usd("11.00") == plan(shop, "50.00", **named).covered
    midnight = (NOW + DAY).replace(hour=0)
    for now, covered in (
        (midnight - MICROSECOND, "11.00"), (midnight, "15.00"), (midnight + MICROSECOND, "15.00"),
    ):  # fmt: skip
        shop.clock.now = now
        assert usd(covered) == plan(shop, "50.00", **named).covered


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InvalidRequest),
        ({"customer_id": "ada", "use_store_credit": False}, InvalidRequest),
        ({"customer_id": "ada", "store_credit_at_most": Money("1", "EUR")}, CurrencyMismatch),
        (
            {"customer_id": "ada", "lines": [line("a", Money("1.000", Currency("USD", sub_unit=1000)))]},
            CurrencyMismatch,
        ),
    ],
    ids=repr,
)
def test_wrong_requests_never_become_a_query(given: dict[str, Any], error: type[LoyaltyError]) -> None:
    """Nothing to pay with, and bounds or lines in other money, are refused by the constructor."""
    with pytest.raises(error):
        PlanPayment(**{"amount_due": usd("1"), **given})


@pytest.mark.parametrize("given", [{}, {"code": "GIFT-0000", "gift_card_id": "x"}], ids=repr)
def test_a_tender_names_one_card(given: dict[str, Any]) -> None:
    """By its code or by its id, not both and not neither."""
    with pytest.raises(InvalidRequest):
        GiftCardTender(**given)
