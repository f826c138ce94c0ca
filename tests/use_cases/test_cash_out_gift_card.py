"""Paying what is left on a gift card out in money, and asking what is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from moneyed import Money

from loyalty import (
    AdjustValue,
    Audit,
    CashOut,
    CashOutDue,
    CashOutGiftCard,
    CashOutRule,
    CashOutRules,
    ClaimGiftCard,
    CodeKeys,
    Direction,
    DueCashOut,
    GiftCardStatus,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    PlaceHold,
    Policies,
    ReloadGiftCard,
    ReverseTransfer,
    TransferKind,
    VoidHold,
    us_cash_out,
)
from loyalty.errors import (
    CashOutNotDue,
    ClaimedByAnother,
    GiftCardNotFound,
    MalformedCode,
    NotSpendable,
)
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd

PAYS_OUT = Policies(cash_out=us_cash_out)
SB_22 = datetime(2026, 4, 1, 7, tzinfo=UTC)
BY_STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}


def bought(shop: Shop, value: str = "50.00", left: str = "9.99", **given: Any) -> IssuedGiftCard:
    """Return a card that was paid for and used until so much is left."""
    issued = shop.issue(value, origin=LotOrigin.PURCHASED, **given)
    if usd(value) != usd(left):
        shop.redeem(issued, usd(value) - usd(left), customer_id=given.get("customer_id"))
    return issued


def cash_out(shop: Shop, issued: IssuedGiftCard, jurisdiction: str | None = "US-CA", **given: Any) -> CashOut:
    """Pay a card out, by its code."""
    return shop.execute(
        CashOutGiftCard(code=issued.code, jurisdiction=jurisdiction, idempotency_key=shop.key(), **given)
    )


def due(shop: Shop, issued: IssuedGiftCard, jurisdiction: str | None = "US-CA") -> DueCashOut:
    """Ask what is due."""
    return shop.ask(CashOutDue(gift_card_id=issued.gift_card.id, jurisdiction=jurisdiction))


def give(shop: Shop, issued: IssuedGiftCard, amount: str, origin: LotOrigin, **given: Any) -> None:
    """Add value of another origin to a card."""
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd(amount),
            direction=Direction.CREDIT,
            origin=origin,
            idempotency_key=shop.key(),
            **BY_STAFF,
            **given,
        )
    )


def test_a_small_remainder_is_paid_out_whole() -> None:
    """It leaves the card for the house account of cash-outs, and the entry says so."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    assert usd("9.99") == due(shop, issued).amount
    done = cash_out(shop, issued, actor="till-3")
    assert (usd("9.99"), usd("0.00"), True) == (done.amount, done.gift_card.posted, done.gift_card.is_exhausted)
    assert done.gift_card == shop.card(issued)
    assert (TransferKind.CASH_OUT, usd("9.99"), "till-3") == (
        done.transfer.kind, done.transfer.amount, done.transfer.actor,
    )  # fmt: skip
    (movements,) = shop.ask(Movements())
    assert (usd("9.99"), usd("9.99")) == (movements.cashed_out, movements.house[HouseAccount.CASH_OUT])
    assert shop.ask(Audit()).is_clean


def test_the_default_pays_nothing_out_and_still_tells_what_the_law_knows() -> None:
    """The strict default is off; what is due by the known laws can be asked all the same."""
    shop = Shop()
    issued = bought(shop)
    before = shop.books()
    with pytest.raises(CashOutNotDue) as caught:
        cash_out(shop, issued)
    assert ("no_rule", usd("9.99")) == (caught.value.reason, caught.value.paid)
    assert before == shop.books()
    answer = due(shop, issued)
    assert (usd("0.00"), usd("9.99"), None) == (answer.amount, answer.paid, answer.rule)
    assert answer.known_law is not None
    assert "California Civil Code 1749.5(b)(2)" == answer.known_law.source


@pytest.mark.parametrize("jurisdiction", [None, "US-TX", "us-ca", "California", "DE"])
def test_an_unknown_place_pays_nothing_out(jurisdiction: str | None) -> None:
    """Nobody guesses a law."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop, left="0.01")
    with pytest.raises(CashOutNotDue):
        cash_out(shop, issued, jurisdiction)
    assert (usd("0.00"), None) == (due(shop, issued, jurisdiction).amount, due(shop, issued, jurisdiction).known_law)


def test_without_a_place_the_law_of_the_cards_region_counts() -> None:
    """The place where the bearer stands comes before it."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop, region="US-CA")
    with pytest.raises(CashOutNotDue):
        cash_out(shop, issued, "US-WA")
    assert usd("9.99") == cash_out(shop, issued, None).amount


@pytest.mark.parametrize(
    ("jurisdiction", "most"),
    [
        ("US-CA", "9.99"), ("US-CO", "5.00"), ("US-MA", "4.99"), ("US-ME", "4.99"), ("US-MT", "4.99"),
        ("US-NJ", "4.99"), ("US-OR", "4.99"), ("US-RI", "0.99"), ("US-VT", "0.99"), ("US-WA", "4.99"),
    ],
)  # fmt: skip
def test_each_bound_to_the_cent(jurisdiction: str, most: str) -> None:
    """As much as the table says is due, a cent more is not."""
    shop = Shop(policies=PAYS_OUT)
    most_due, too_much = bought(shop, "40.00", most), bought(shop, "40.00", str((usd(most) + usd("0.01")).amount))
    assert usd(most) == cash_out(shop, most_due, jurisdiction).amount
    with pytest.raises(CashOutNotDue):
        cash_out(shop, too_much, jurisdiction)


def test_a_bound_changes_at_its_instant() -> None:
    """California: below 10 dollars until 1 April 2026, below 15 from its first instant there on."""
    shop = Shop(policies=PAYS_OUT)
    issued, other = bought(shop, left="14.99"), bought(shop, left="15.00")
    shop.clock.now = SB_22 - MICROSECOND
    with pytest.raises(CashOutNotDue):
        cash_out(shop, issued)
    shop.clock.now = SB_22
    assert usd("14.99") == cash_out(shop, issued).amount
    with pytest.raises(CashOutNotDue):
        cash_out(shop, other)


def test_massachusetts_also_knows_a_share() -> None:
    """What is left once nine tenths are used is due, however much it is, unless the card was reloaded."""
    shop = Shop(policies=PAYS_OUT)
    used, less_used, reloaded = (bought(shop, "500.00", left) for left in ("50.00", "50.01", "20.00"))
    shop.execute(ReloadGiftCard(code=reloaded.code, amount=usd("20.00"), idempotency_key="reload"))
    assert usd("50.00") == cash_out(shop, used, "US-MA").amount
    for issued in (less_used, reloaded):
        with pytest.raises(CashOutNotDue):
            cash_out(shop, issued, "US-MA")


@pytest.mark.parametrize("origin", [one for one in LotOrigin if one is not LotOrigin.PURCHASED])
def test_only_what_was_paid_for_is_paid_out(origin: LotOrigin) -> None:
    """Gifts of the shop and refunds stay on the card and do not count towards the bound."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop, left="9.00")
    give(shop, issued, "100.00", origin)
    done = cash_out(shop, issued)
    assert (usd("9.00"), usd("100.00")) == (done.amount, done.gift_card.available)


def test_a_card_nobody_paid_for_is_not_paid_out() -> None:
    """There is nothing to pay out on it, and once it was paid out neither."""
    shop = Shop(policies=PAYS_OUT)
    for issued in (shop.issue("5.00"), bought(shop)):
        if issued.gift_card.origin is LotOrigin.PURCHASED:
            cash_out(shop, issued)
        with pytest.raises(CashOutNotDue) as caught:
            cash_out(shop, issued)
        assert "nothing_paid" == caught.value.reason
        assert usd("0.00") == due(shop, issued).amount


def test_a_hold_makes_no_remainder_small() -> None:
    """What an order holds counts towards the bound and is not paid out; nor is it later, bit by bit."""
    shop = Shop(policies=PAYS_OUT)
    large, small = bought(shop, left="15.00"), bought(shop, left="9.00")
    holds = [
        shop.execute(
            PlaceHold(order_id=f"{place}", amount_due=usd("6.00"), codes=(one.code,), idempotency_key=f"{place}")
        )
        for place, one in enumerate((large, small))
    ]
    with pytest.raises(CashOutNotDue):
        cash_out(shop, large)
    done = cash_out(shop, small)
    assert (usd("3.00"), usd("6.00")) == (done.amount, done.gift_card.held)
    shop.execute(VoidHold(hold_id=holds[1].id, idempotency_key="void"))
    assert usd("6.00") == cash_out(shop, small).amount


def test_value_that_has_not_begun_counts_and_stays() -> None:
    """An activation delay keeps it on the card."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop, left="9.00")
    books = shop.storage._books
    account = books.accounts[issued.gift_card.account_id]
    object.__setattr__(account.lots[0], "not_before", NOW + DAY)
    with pytest.raises(NotSpendable) as early:
        cash_out(shop, issued)
    assert "not yet active" == early.value.reason
    give(shop, issued, "1.00", LotOrigin.GOODWILL)
    with pytest.raises(CashOutNotDue) as caught:
        cash_out(shop, issued)
    assert "nothing_paid" == caught.value.reason
    shop.clock.advance(DAY)
    assert usd("9.00") == cash_out(shop, issued).amount


def test_expired_value_is_not_paid_out() -> None:
    """Neither does it count; a microsecond before its end it was due."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop, left="9.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("9.00") == due(shop, issued).amount
    shop.clock.now = NOW + DAY
    assert (usd("0.00"), usd("0.00")) == (due(shop, issued).amount, due(shop, issued).paid)
    with pytest.raises(NotSpendable):
        cash_out(shop, issued)


def test_a_claimed_card_is_paid_out_to_its_customer() -> None:
    """Nobody else gets the money."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    for customer_id in (None, "bo"):
        with pytest.raises(ClaimedByAnother):
            cash_out(shop, issued, customer_id=customer_id)
    assert usd("9.99") == cash_out(shop, issued, customer_id="ada").amount


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_a_stopped_card_is_not_paid_out_to_a_bearer(status: GiftCardStatus) -> None:
    """Whoever has the code of a stopped card gets nothing for it."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    shop.set_card_status(issued, status)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        cash_out(shop, issued)
    assert status.value == caught.value.reason
    assert before == shop.books()


def test_staff_pay_out_what_a_deactivated_card_still_owes() -> None:
    """By its id, under the same bound, and to its customer if it has one; a blocked card waits."""
    shop = Shop(policies=PAYS_OUT)
    issued, blocked = bought(shop, customer_id="ada"), bought(shop)
    shop.set_card_status(issued, GiftCardStatus.DEACTIVATED)
    shop.set_card_status(blocked, GiftCardStatus.BLOCKED)
    named: dict[str, Any] = {"gift_card_id": issued.gift_card.id, "jurisdiction": "US-CA", "idempotency_key": "k"}
    with pytest.raises(ClaimedByAnother):
        shop.execute(CashOutGiftCard(**named))
    assert usd("9.99") == shop.execute(CashOutGiftCard(customer_id="ada", **named)).amount
    with pytest.raises(NotSpendable):
        shop.execute(CashOutGiftCard(**{**named, "gift_card_id": blocked.gift_card.id, "idempotency_key": "l"}))


def test_a_shop_may_pay_more_than_the_law_asks_for() -> None:
    """One level for everywhere is a rule of its own."""

    def below_fifteen(remainder: Any) -> CashOutRule | None:
        rule = CashOutRule(jurisdiction="everywhere", limit=usd("15.00"), source="our own terms")
        return rule if remainder.paid < 1500 else None

    shop = Shop(policies=Policies(cash_out=below_fifteen))
    assert usd("9.99") == cash_out(shop, bought(shop), None).amount


def test_rules_are_of_one_currency() -> None:
    """A bound in dollars says nothing about euros."""
    shop = Shop(policies=PAYS_OUT)
    issued = shop.issue(Money("1.00", "EUR"), origin=LotOrigin.PURCHASED)
    with pytest.raises(CashOutNotDue):
        cash_out(shop, issued)


def test_a_cash_out_that_could_not_be_paid_is_reversed() -> None:
    """The value is back in its lots."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    done = cash_out(shop, issued)
    shop.execute(ReverseTransfer(transfer_id=done.transfer.id, idempotency_key="reverse", **BY_STAFF))
    assert usd("9.99") == shop.card(issued).available
    assert usd("9.99") == cash_out(shop, issued).amount
    assert shop.ask(Audit()).is_clean


def test_a_replay_pays_nothing_more() -> None:
    """A key is one cash-out, also after its rule no longer holds."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    command = CashOutGiftCard(code=issued.code, jurisdiction="US-CA", idempotency_key="once")
    first = shop.execute_twice(command)
    give(shop, issued, "9.00", LotOrigin.PURCHASED)
    assert first == shop.execute(command)
    assert usd("9.00") == shop.card(issued).posted


def test_errors_come_in_order() -> None:
    """Malformed, unknown, somebody else's, blocked, nothing paid."""
    shop = Shop(policies=PAYS_OUT)
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    with pytest.raises(MalformedCode):
        shop.execute(CashOutGiftCard(code="GIFT-0000", idempotency_key="k"))
    with pytest.raises(GiftCardNotFound):
        cash_out(shop, stranger)
    with pytest.raises(GiftCardNotFound):
        shop.ask(CashOutDue(gift_card_id="nobody"))
    issued = shop.issue(customer_id="ada")
    shop.set_card_status(issued, GiftCardStatus.BLOCKED)
    with pytest.raises(ClaimedByAnother):
        cash_out(shop, issued)
    with pytest.raises(NotSpendable):
        cash_out(shop, issued, customer_id="ada")


def test_the_event_and_the_receipt_tell_how_much_and_by_which_law() -> None:
    """Amount and place leave with the event; the rule is kept with the receipt."""
    shop = Shop(policies=PAYS_OUT)
    issued = bought(shop)
    done = cash_out(shop, issued)
    receipt = shop.last_receipt()
    assert "GiftCardCashedOut" == receipt.event
    for part in (issued.gift_card.id, done.transfer.id, "[999,", '"US-CA"'):
        assert part in receipt.event_data
    for part in ('"us_cash_out"', '"2026-04"', "US-CA: below 10 USD"):
        assert part in str(receipt.decisions)


def test_a_rule_says_itself_in_a_few_words() -> None:
    """For the record of a decision."""
    rules = CashOutRules(
        rules=[
            CashOutRule(jurisdiction="A", limit=usd("5"), includes_limit=True, source="law a"),
            CashOutRule(jurisdiction="B", limit=usd("5"), used_percent=90, source="law b"),
        ],
        version="1",
    )
    assert ["A: at most 5 USD", "B: below 5 USD or 90 % used"] == [rule.said for rule in rules.rules]
