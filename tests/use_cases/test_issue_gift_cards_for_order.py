"""Turning the lines of an order into gift cards: one per unit, ever."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from moneyed import Currency, Money

from loyalty import (
    AtLeastYears,
    CodeFormat,
    CodeKeys,
    Denomination,
    GetBalance,
    GetGiftCard,
    GiftCardOrder,
    GiftCardStatus,
    IssueGiftCardsForOrder,
    LastDay,
    Liability,
    LotOrigin,
    Loyalty,
    Policies,
    Recipient,
    RedeemGiftCard,
    Region,
    ReplaceGiftCardCode,
    RetireGiftCardProduct,
    ReviseDenominations,
    TaxTreatment,
    Term,
)
from loyalty.errors import (
    AlreadyReversed,
    AmountNotOffered,
    CurrencyMismatch,
    GiftCardProductNotFound,
    IdempotencyConflict,
    InvalidRequest,
    LimitExceeded,
    LoyaltyError,
    NotSpendable,
)
from loyalty.gift_cards.gift import GiftStatus
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import TransferKind
from loyalty.testing.books import books_of
from tests.use_cases.sales import activate, bought, define, issue, line, order, reverse
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, Shop, usd


@pytest.fixture
def shop() -> Shop:
    """Give a shop with a product."""
    shop = Shop()
    define(shop)
    return shop


def test_each_unit_becomes_a_pending_card(shop: Shop) -> None:
    """It knows where it comes from, has a code, and is worth nothing yet."""
    answer = issue(
        shop,
        line("a", quantity=2, paid="20.00"),
        line("b", variant_id=None, amount=usd("77.00"), paid="77.00"),
        buyer_id="ada",
        note="a gift",
        metadata={"channel": "web"},
    )
    cards = [issued.gift_card for issued in answer.gift_cards]

    assert (3, "1001") == (answer.issued, answer.order_id)
    assert [("a", 1), ("a", 2), ("b", 1)] == [(card.line_id, card.unit) for card in cards]
    assert (
        [usd("10.00"), usd("10.00"), usd("77.00")] == [card.value for card in cards] == [card.price for card in cards]
    )
    assert {(GiftCardStatus.PENDING, usd("0.00"), usd("0.00"), "card", "1001", "ada", None, None)} == {
        (
            card.status,
            card.posted,
            card.available,
            card.product_id,
            card.order_id,
            card.buyer_id,
            card.customer_id,
            card.expires_at,
        )
        for card in cards
    }
    assert {"a gift"} == {card.note for card in cards}
    assert 3 == len({issued.code for issued in answer.gift_cards})
    assert cards == bought(shop)
    assert {} == shop.ask(Liability()).total


def test_a_pending_card_cannot_be_spent(shop: Shop) -> None:
    """Nobody has paid for it."""
    (issued,) = issue(shop).gift_cards
    with pytest.raises(NotSpendable) as caught:
        shop.execute(RedeemGiftCard(code=issued.code, amount=usd("1.00"), order_id="2", idempotency_key="k"))

    assert "pending" == caught.value.reason


def test_the_cards_of_a_paid_order_are_active_at_once(shop: Shop) -> None:
    """And the codes work."""
    answer = issue(shop, line(quantity=2, paid="20.00"), is_paid=True)

    assert [usd("10.00")] * 2 == [shop.ask(GetBalance(code=issued.code)).available for issued in answer.gift_cards]
    assert {None} == {card.loaded_at for card in bought(shop)}
    assert usd("20.00") == shop.ask(Liability()).total["USD"]


def test_what_was_paid_is_split_exactly(shop: Shop) -> None:
    """A discount that does not divide leaves nobody with a fraction, and the face value is not touched by it."""
    issue(shop, line(quantity=3, paid="25.00"))

    assert [usd("8.34"), usd("8.33"), usd("8.33")] == [card.price for card in bought(shop)]
    assert {usd("10.00")} == {card.value for card in bought(shop)}


def test_a_face_value_beyond_the_price_is_a_promotion(shop: Shop) -> None:
    """What was paid comes from sales, the rest from promotion, and both are owed (PAINS 33)."""
    issue(shop, line(variant_id="25", paid="20.00"), is_paid=True)
    transfers = [one for one in books_of(shop.storage).transfers if one.kind is TransferKind.ISSUE]

    assert [(HouseAccount.SALES, 2000), (HouseAccount.PROMOTION, 500)] == [
        (one.debit.house, one.amount) for one in transfers
    ]
    assert {LotOrigin.PURCHASED: usd("20.00"), LotOrigin.PROMOTIONAL: usd("5.00")} == shop.ask(Liability()).by_origin[
        "USD"
    ]


def test_a_price_beyond_the_face_value_is_owed_to_nobody(shop: Shop) -> None:
    """The liability is the face value only."""
    issue(shop, line(variant_id="dear", paid="12.00"), is_paid=True)

    assert {LotOrigin.PURCHASED: usd("10.00")} == shop.ask(Liability()).by_origin["USD"]
    assert [(usd("10.00"), usd("12.00"))] == [(card.value, card.price) for card in bought(shop)]


def test_a_card_that_cost_nothing_is_a_gift_as_a_whole(shop: Shop) -> None:
    """With a coupon for all of it, nothing comes from sales."""
    issue(shop, line(paid="0.00"), is_paid=True)

    assert {LotOrigin.PROMOTIONAL: usd("10.00")} == shop.ask(Liability()).by_origin["USD"]


def test_a_line_in_another_currency_is_worth_what_it_is_there(shop: Shop) -> None:
    """Never a conversion."""
    issue(shop, line(paid=Money("9.00", "EUR")), is_paid=True)

    assert Money("9.00", "EUR") == shop.ask(Liability()).total["EUR"]


@pytest.mark.parametrize("key", ["first", "second"])
def test_a_replay_issues_nothing_more(shop: Shop, key: str) -> None:
    """With the same key or another one the same cards are answered, with their codes."""
    lines = (line("a", quantity=3, paid="30.00"), line("b"))
    first = issue(shop, *lines, key="first")
    transfers, cards = shop.books().transfers, bought(shop)
    again = issue(shop, *lines, key=key)

    assert first.gift_cards == again.gift_cards
    assert (4 if key == "first" else 0) == again.issued
    assert (transfers, cards) == (shop.books().transfers, bought(shop))


def test_only_what_is_missing_is_issued(shop: Shop) -> None:
    """A line that grows, or another line, adds cards; the others stay, and what was paid is still split exactly."""
    first = issue(shop, line("a", quantity=1, paid="10.00"))
    again = issue(shop, line("a", quantity=3, paid="25.00"), line("b"))

    assert first.gift_cards[0].code == again.gift_cards[0].code
    assert 3 == again.issued
    assert [usd("10.00"), usd("7.50"), usd("7.50"), usd("10.00")] == [card.price for card in bought(shop)]


def test_a_line_that_shrinks_takes_no_card_away(shop: Shop) -> None:
    """That is what a reversal is for; only what was asked for is answered."""
    issue(shop, line(quantity=3, paid="30.00"))
    again = issue(shop, line(quantity=1, paid="10.00"))

    assert (0, 1, 3) == (again.issued, len(again.gift_cards), len(bought(shop)))


def test_what_is_added_to_a_paid_order_waits_for_its_own_payment(shop: Shop) -> None:
    """Value is never made of an older payment."""
    issue(shop, line(quantity=1))
    activate(shop)
    issue(shop, line(quantity=2, paid="20.00"))

    assert [GiftCardStatus.ACTIVE, GiftCardStatus.PENDING] == [card.status for card in bought(shop)]
    activate(shop)
    assert {GiftCardStatus.ACTIVE} == {card.status for card in bought(shop)}


def test_an_order_that_is_paid_by_now_activates_its_lines(shop: Shop) -> None:
    """Only those that it names."""
    issue(shop, line("a"), line("b"))
    issue(shop, line("a"), is_paid=True)

    assert [GiftCardStatus.ACTIVE, GiftCardStatus.PENDING] == [card.status for card in bought(shop)]


@pytest.mark.parametrize(
    "changed",
    [
        {"variant_id": "25", "paid": "20.00"},
        {"product_id": "other"},
        {"variant_id": None, "amount": usd("11.00"), "paid": "11.00"},
    ],
)
def test_a_unit_that_was_issued_as_something_else_is_a_conflict(shop: Shop, changed: dict[str, Any]) -> None:
    """The order says something else than it did; nothing is changed."""
    define(shop, "other")
    issue(shop)
    before = shop.books()
    with pytest.raises(IdempotencyConflict):
        issue(shop, line(**changed))

    assert before == shop.books()


def test_a_unit_of_the_same_value_by_another_name_is_the_same(shop: Shop) -> None:
    """An open amount of ten is what a denomination of ten is."""
    first = issue(shop)

    assert first.gift_cards == issue(shop, line(variant_id=None, amount=usd("10.00"))).gift_cards


def test_an_order_stays_in_its_currency(shop: Shop) -> None:
    """Cards of two currencies in one order are refused, also in two calls."""
    issue(shop)
    with pytest.raises(CurrencyMismatch):
        issue(shop, line("b", paid=Money("9.00", "EUR")))


def test_nothing_is_issued_after_the_whole_sale_was_reversed(shop: Shop) -> None:
    """What is there is answered, what is missing is refused."""
    first = issue(shop, line("a"))
    reverse(shop)
    with pytest.raises(AlreadyReversed):
        issue(shop, line("a"), line("b"))

    assert first.gift_cards[0].code == issue(shop, line("a")).gift_cards[0].code
    assert [GiftCardStatus.DEACTIVATED] == [card.status for card in bought(shop)]


def test_a_denomination_is_sold_as_it_was_when_the_order_was_placed(shop: Shop) -> None:
    """To the microsecond: one that was retired, or changed, is good for orders from before."""
    shop.clock.advance(DAY)
    dearer = Denomination(variant_id="10", prices=usd("11.00"))
    shop.execute(
        ReviseDenominations(
            product_id="card", version=1, denominations=[dearer], retire=["25"], idempotency_key="revise"
        )
    )
    at = NOW + DAY
    early, late = at - MICROSECOND, at
    issue(shop, line("a"), line("b", "25", "20.00"), order_id="early", placed_at=early)

    assert [usd("10.00"), usd("25.00")] == [card.value for card in bought(shop, "early")]
    with pytest.raises(AmountNotOffered):
        issue(shop, line("b", "25", "20.00"), order_id="late", placed_at=late)
    issue(shop, line("a"), order_id="late", placed_at=late)
    assert [usd("11.00")] == [card.value for card in bought(shop, "late")]


def test_a_retired_product_is_sold_in_orders_from_before(shop: Shop) -> None:
    """To the microsecond."""
    shop.clock.advance(DAY)
    shop.execute(RetireGiftCardProduct(product_id="card", idempotency_key="retire"))
    with pytest.raises(AmountNotOffered):
        issue(shop, placed_at=NOW + DAY)
    issue(shop, placed_at=NOW + DAY - MICROSECOND)

    assert 1 == len(bought(shop))


def test_refusals_come_in_order(shop: Shop) -> None:
    """An unknown product, what was not on sale, another currency, other content, a reversed sale."""
    issue(shop, line("a"))
    reverse(shop)
    euros = Money("9.00", "EUR")
    told = []
    for wrong in (
        line("a", "unknown", euros, product_id="unknown"),
        line("a", "unknown", euros),
        line("a", "10", euros),
        line("a", "25", "20.00", quantity=2),
        line("a", quantity=2),
    ):
        with pytest.raises(LoyaltyError) as caught:
            issue(shop, wrong)
        told.append(caught.type)

    assert [GiftCardProductNotFound, AmountNotOffered, CurrencyMismatch, IdempotencyConflict, AlreadyReversed] == told


def test_a_currency_whose_decimals_changed_is_refused(shop: Shop) -> None:
    """Stored face values are never re-scaled."""
    with pytest.raises(CurrencyMismatch):
        issue(shop, line(paid=Money("10.000", Currency(code="USD", sub_unit=1000))))


def test_an_order_has_at_most_five_hundred_cards(shop: Shop) -> None:
    """In one call it is told at once, over several calls by the books."""
    with pytest.raises(InvalidRequest):
        order(line("a", quantity=500, paid="5000.00"), line("b"))
    issue(shop, line("a", quantity=500, paid="5000.00"))
    with pytest.raises(LimitExceeded) as caught:
        issue(shop, line("b"))

    assert "gift_cards_per_order" == caught.value.limit
    assert 500 == len(bought(shop))


# --- region, tax and term -----------------------------------------------------


@pytest.mark.parametrize(
    ("region", "order_rate", "product_rate", "expected"),
    [
        (None, None, None, (None, None)),
        (None, None, "7", (None, "7")),
        ("eu", None, "7", ("eu", "7")),
        ("eu", "0", "7", ("eu", "0")),
        (Region(id="eu", taxes_gift_cards=True, tax_rate=19), None, None, ("eu", "19")),
        (Region(id="eu", taxes_gift_cards=True, tax_rate=19), None, "7", ("eu", "7")),
        (Region(id="eu", taxes_gift_cards=True, tax_rate=19), None, "0", ("eu", "0")),
        (Region(id="eu", taxes_gift_cards=True, tax_rate=19), "5", "0", ("eu", "5")),
        (Region(id="eu", taxes_gift_cards=True), None, None, ("eu", None)),
        (Region(id="us", taxes_gift_cards=False, tax_rate=19), "5", "7", ("us", None)),
    ],
)
def test_the_rate_is_the_one_of_the_sale(
    region: Region | str | None,
    order_rate: str | None,
    product_rate: str | None,
    expected: tuple[str | None, str | None],
) -> None:
    """None where gift cards are not taxed, else what the merchant set, zero included, else the region's (B16)."""
    shop = Shop()
    define(shop, tax_rate=product_rate, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
    issue(shop, region=region, tax_rate=order_rate, is_paid=True)
    (card,) = bought(shop)

    assert (expected[0], None if expected[1] is None else Decimal(expected[1])) == (card.region, card.tax_rate)
    (stored,) = books_of(shop.storage).gift_cards
    assert {TaxTreatment.SINGLE_PURPOSE} == {lot.tax_treatment for lot in stored.account.lots}


def test_a_term_ends_with_a_day_where_the_shop_is() -> None:
    """The day and the instant are both kept."""
    shop = Shop()
    define(shop, term=Term(years=3, until_year_end=True, time_zone="Europe/Berlin"))
    issue(shop, is_paid=True)
    (card,) = bought(shop)

    assert LastDay(day=date(2029, 12, 31), time_zone="Europe/Berlin") == card.last_day
    assert datetime(2029, 12, 31, 23, tzinfo=UTC) == card.expires_at


def test_the_law_may_let_it_live_longer_than_its_last_day() -> None:
    """Then it is not said that it ends with a day; a gift of the shop still ends when it was to."""
    shop = Shop(policies=Policies(expiry=AtLeastYears(5)))
    define(shop, term=Term(years=1, time_zone="UTC"))
    issue(shop, line(variant_id="25", paid="20.00"), is_paid=True)
    (card,) = bought(shop)
    (stored,) = books_of(shop.storage).gift_cards

    assert (None, NOW.replace(year=2031)) == (card.last_day, card.expires_at)
    assert {
        LotOrigin.PURCHASED: NOW.replace(year=2031),
        LotOrigin.PROMOTIONAL: datetime(2027, 3, 2, tzinfo=UTC),
    } == {lot.origin: lot.expires_at for lot in stored.account.lots}


def test_value_that_may_not_be_spent_yet_is_refused_with_its_reason(shop: Shop) -> None:
    """One microsecond before it begins; at the instant it is spent."""
    begins = NOW + DAY
    (issued,) = issue(shop, is_paid=True, active_from=begins).gift_cards
    redeem = RedeemGiftCard(code=issued.code, amount=usd("1.00"), order_id="2", idempotency_key="k")
    shop.clock.advance(DAY - MICROSECOND)
    with pytest.raises(NotSpendable) as caught:
        shop.execute(redeem)
    assert "not yet active" == caught.value.reason
    shop.clock.advance(MICROSECOND)

    assert usd("9.00") == shop.execute(redeem).balance_after


# --- recipients ---------------------------------------------------------------


def test_each_unit_may_have_a_recipient(shop: Shop) -> None:
    """The first is the first unit's; a card without one is the buyer's to give, and a replay sends nothing again."""
    ada = Recipient(address="ada@example.com", name="Ada", message="For you", sender="Bob")
    bo = Recipient(address="bo@example.com", send_at=datetime(2026, 12, 24, 18), time_zone="Europe/Berlin")  # noqa: DTZ001 - a local time
    lines = (line("a", quantity=3, paid="30.00", recipients=[ada, bo]), line("b"))
    issued = issue(shop, *lines).gift_cards
    issue(shop, *lines)
    gifts = {gift.gift_card_id: gift for gift in books_of(shop.storage).gifts}

    assert {issued[0].gift_card.id, issued[1].gift_card.id} == set(gifts)
    first, second = gifts[issued[0].gift_card.id], gifts[issued[1].gift_card.id]
    assert ("ada@example.com", "Ada", "For you", "Bob", NOW) == (
        first.address,
        first.name,
        first.message,
        first.sender,
        first.send_at,
    )
    assert ("bo@example.com", datetime(2026, 12, 24, 17, tzinfo=UTC)) == (second.address, second.send_at)
    assert {GiftStatus.WAITING} == {gift.status for gift in gifts.values()}
    assert not any("example.com" in receipt.result + receipt.event_data for receipt in books_of(shop.storage).receipts)


def test_a_local_time_of_sending_is_the_same_order_on_every_machine(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fingerprint of a request does not depend on where the machine stands."""
    bo = Recipient(address="bo@example.com", send_at=datetime(2026, 12, 24, 18), time_zone="Europe/Berlin")  # noqa: DTZ001 - a local time
    first = issue(shop, line(recipients=[bo]), key="once")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert first == issue(shop, line(recipients=[bo]), key="once")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_only_new_units_are_sent(shop: Shop) -> None:
    """A recipient who is named for a card that is there already does not get it."""
    ada, bo = Recipient(address="ada@example.com"), Recipient(address="bo@example.com")
    issue(shop, line(quantity=1, recipients=[ada]))
    issue(shop, line(quantity=2, paid="20.00", recipients=[bo, bo]))

    assert ["ada@example.com", "bo@example.com"] == sorted(str(one.address) for one in books_of(shop.storage).gifts)


# --- codes shown again --------------------------------------------------------


def test_codes_are_shown_again_under_keys_and_formats_of_before(shop: Shop) -> None:
    """As long as the shop has the secret and the format among its retired ones."""
    first = issue(shop)
    newer = {
        "code_keys": CodeKeys.from_secret(
            "another secret of the same shop", retired=("the secret of a shop that exists only in tests",)
        ),
        "code_format": CodeFormat(prefix="NEW", retired=(CodeFormat(),)),
    }
    again = Loyalty(shop.storage, clock=shop.clock, **newer).execute(  # type: ignore[arg-type]  # two of them
        IssueGiftCardsForOrder(order=order(), idempotency_key="again")
    )

    assert first.gift_cards[0].code == again.gift_cards[0].code


@pytest.mark.parametrize(
    "changed",
    [
        {"code_keys": CodeKeys.from_secret("another secret, and the old one is gone"), "code_format": CodeFormat()},
        {"code_keys": KEYS, "code_format": CodeFormat(prefix="NEW")},
    ],
)
def test_a_code_that_cannot_be_derived_is_empty(shop: Shop, changed: dict[str, Any]) -> None:
    """Never a wrong one, also in a replay."""
    issue(shop)
    other = Loyalty(shop.storage, clock=shop.clock, **changed)
    command = IssueGiftCardsForOrder(order=order(), idempotency_key="again")
    first, second = other.execute(command), other.execute(command)

    assert ("", 0) == (first.gift_cards[0].code, first.issued)
    assert first == second


def test_a_replaced_code_is_the_one_that_is_shown(shop: Shop) -> None:
    """The old one is dead."""
    (issued,) = issue(shop).gift_cards
    replaced = shop.execute(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key="replace"))

    assert replaced.code == issue(shop).gift_cards[0].code != issued.code


# --- bad input ----------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"quantity": 0},
        {"quantity": -1},
        {"quantity": True},
        {"quantity": 1.0},
        {"quantity": 501},
        {"line_id": ""},
        {"line_id": None},
        {"product_id": "\x00"},
        {"variant_id": None},
        {"amount": usd("10.00")},
        {"variant_id": None, "amount": usd("0.00")},
        {"variant_id": None, "amount": Money("9.00", "EUR")},
        {"paid": usd("-0.01")},
        {"paid": usd("0.001")},
        {"paid": Money("NaN", "USD")},
        {"paid": Money(10**16, "USD")},
        {"paid": Money(1, Currency(code="usd", sub_unit=100))},
        {"paid": 0},
        {"paid": None},
        {"recipients": [Recipient(address="ada@example.com")] * 2},
        {"recipients": Recipient(address="ada@example.com")},
        {"recipients": ["ada@example.com"]},
    ],
)
def test_a_line_says_what_was_bought(given: dict[str, Any]) -> None:
    """Anything else is told when it is made."""
    with pytest.raises(InvalidRequest):
        line(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"lines": ()},
        {"lines": None},
        {"lines": line()},
        {"lines": [line(), line()]},
        {"lines": [line(), None]},
        {"lines": [line(), line("b", paid=Money("9.00", "EUR"))]},
        {"lines": [line(f"{number}") for number in range(101)]},
        {"order_id": " "},
        {"placed_at": None},
        {"placed_at": NOW.replace(tzinfo=None)},
        {"buyer_id": ""},
        {"region": 5},
        {"region": ""},
        {"tax_rate": 101},
        {"is_paid": 1},
        {"is_paid": None},
    ],
)
def test_an_order_says_what_was_sold(given: dict[str, Any]) -> None:
    """Anything else is told when it is made."""
    with pytest.raises(InvalidRequest):
        GiftCardOrder(**{"order_id": "1001", "placed_at": NOW, "lines": [line()], **given})


def test_a_command_takes_an_order(shop: Shop) -> None:
    """And nothing that merely looks like one."""
    for wrong in (None, {"order_id": "1001"}, "1001", line()):
        with pytest.raises(InvalidRequest):
            IssueGiftCardsForOrder(order=wrong, idempotency_key="k")  # type: ignore[arg-type]  # that is the point
    assert () == shop.books().transfers


def test_the_books_hold_no_code(shop: Shop) -> None:
    """Neither with the cards, nor with the receipt; and the answer does not show it by itself."""
    answer = issue(shop)
    (issued,) = answer.gift_cards

    assert issued.gift_card == shop.ask(GetGiftCard(id=issued.gift_card.id))
    for shown in (repr(books_of(shop.storage)), repr(answer)):
        assert issued.code not in shown
        assert issued.code.replace("-", "") not in shown
