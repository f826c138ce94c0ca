"""The questions: what they answer, as of when, and that they change nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from moneyed import Money

from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    CardsOfOrder,
    ClaimGiftCard,
    CodeKeys,
    ConvertGiftCard,
    DebitStoreCredit,
    Direction,
    ExpireValue,
    FindGiftCard,
    GetBalance,
    GetGiftCard,
    GetStoreCreditAccount,
    GiftCardStatus,
    HouseAccount,
    Liability,
    LotOrigin,
    Movements,
    OpenStoreCreditAccount,
    OrdersOfCard,
    PayWithBalances,
    RefundRedemption,
    Statement,
    TransferKind,
)
from loyalty.codes.code import GiftCardCode
from loyalty.errors import (
    ClaimedByAnother,
    GiftCardNotFound,
    InvalidRequest,
    InvalidTime,
    MalformedCode,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from tests.unit.attempts.limiters import Recording, limited
from tests.unit.attempts.wrong_codes import WRONG, WrongCodes
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd

# --- one card ---------------------------------------------------------------


def test_staff_see_a_card_in_whatever_state_it_is() -> None:
    """A blocked, claimed and expired card is shown with all its facts."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, customer_id="ada", note="for staff", tax_rate="7.7")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    shop.clock.now = NOW + DAY
    card = shop.ask(GetGiftCard(id=issued.gift_card.id))
    assert (GiftCardStatus.BLOCKED, True, True, "ada") == (
        card.status, card.is_disabled, card.is_expired, card.customer_id,
    )  # fmt: skip
    assert ("for staff", Decimal("7.7"), NOW + DAY) == (card.note, card.tax_rate, card.as_of)
    assert (usd("50.00"), usd("0.00")) == (card.posted, card.available)


def test_an_unknown_card_is_not_found() -> None:
    """No card of this id, an account's id included."""
    shop = Shop()
    issued = shop.issue()
    for id_ in ("nobody", issued.gift_card.account_id, issued.code):
        with pytest.raises(GiftCardNotFound):
            shop.ask(GetGiftCard(id=id_))


def test_staff_find_a_card_by_its_code_however_it_is_typed() -> None:
    """The same card as by its id, also blocked, expired and bound to a customer."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, customer_id="ada", note="for staff")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    shop.clock.now = NOW + DAY
    by_id = shop.ask(GetGiftCard(id=issued.gift_card.id))
    for typed in (issued.code, issued.code.lower(), issued.code.replace("-", " ")):
        assert by_id == shop.ask(FindGiftCard(code=typed))


@pytest.mark.parametrize("name", WRONG)
def test_staff_are_told_what_a_code_leads_to(name: str) -> None:
    """What a stranger may not learn is shown to staff; only what leads to no card is an error, and an attempt."""
    wrong, limiter = WrongCodes.made(), Recording()
    loyalty = limited(wrong.shop, limiter)
    query, told = FindGiftCard(code=wrong.codes[name]), {GiftCardNotFound: "wrong", MalformedCode: "mistyped"}
    if (error := WRONG[name]) in told:
        with pytest.raises(error):
            loyalty.ask(query, caller="desk")
        assert [("require", "desk"), (told[error], "desk")] == limiter.heard
    else:
        assert GiftCardCode.of(wrong.codes[name]).last_four == loyalty.ask(query, caller="desk").last_four
        assert [("require", "desk")] == limiter.heard


def test_a_stranger_with_the_code_learns_the_balance_and_no_more() -> None:
    """The public balance has amounts, the end and the masked code: no notes, no customer, no ids."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, note="for staff", recipient="grace@example.org")
    shop.redeem(issued, "20.00")
    balance = shop.ask(GetBalance(code=issued.code.lower()))
    assert (usd("30.00"), usd("0.00"), usd("30.00"), NOW + DAY) == (
        balance.posted, balance.held, balance.available, balance.expires_at,
    )  # fmt: skip
    assert issued.gift_card.masked_code == balance.masked_code
    for secret in ("for staff", "grace", issued.gift_card.id, issued.code):
        assert secret not in repr(balance)


def test_the_end_of_regranted_value_is_told() -> None:
    """If refunded value lives on after the card's own term, the balance says until when."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.redeem(issued, "50.00")
    shop.clock.now = NOW + DAY
    shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r"))
    assert (usd("50.00"), NOW + 31 * DAY) == (
        shop.ask(GetBalance(code=issued.code)).available, shop.ask(GetBalance(code=issued.code)).expires_at,
    )  # fmt: skip


def test_the_public_balance_is_refused_like_a_redemption() -> None:
    """Unknown, malformed, claimed, blocked and expired cards all share one public message."""
    shop = Shop()
    claimed, blocked = shop.issue(customer_id="ada"), shop.issue()
    expired = shop.issue(expires_at=NOW + DAY)
    stranger = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    shop.set_card_status(blocked, GiftCardStatus.BLOCKED)
    shop.clock.now = NOW + DAY
    messages = set()
    for code, error in (
        (claimed.code, ClaimedByAnother),
        (blocked.code, NotSpendable),
        (expired.code, NotSpendable),
        (stranger.code, GiftCardNotFound),
        ("GIFT-0000", MalformedCode),
    ):
        with pytest.raises(error) as caught:
            shop.ask(GetBalance(code=code))
        messages.add(caught.value.public_message)
    assert {"This gift card cannot be used."} == messages
    assert usd("50.00") == shop.ask(GetBalance(code=claimed.code, customer_id="ada")).available


def test_a_balance_is_shown_until_the_expiry() -> None:
    """One microsecond before its expiry the balance is shown, at it no more."""
    shop = Shop()
    issued = shop.issue(expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert usd("50.00") == shop.ask(GetBalance(code=issued.code)).available
    shop.clock.now = NOW + DAY
    with pytest.raises(NotSpendable):
        shop.ask(GetBalance(code=issued.code))


def test_an_empty_card_shows_zero() -> None:
    """A card that is spent is no secret to whoever has its code."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.redeem(issued, "5.00")
    assert usd("0.00") == shop.ask(GetBalance(code=issued.code)).available


def test_codes_of_a_retired_key_show_their_balance() -> None:
    """After a rotation old codes are still answered."""
    shop = Shop()
    issued = shop.issue()
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert usd("50.00") == rotated.ask(GetBalance(code=issued.code)).available


# --- one account ------------------------------------------------------------


def test_an_account_is_found_by_id_and_by_customer() -> None:
    """Both ways lead to the same account."""
    shop = Shop()
    shop.grant("5.00", expires_at=NOW + DAY)
    account = shop.grant("5.00").account
    assert account == shop.ask(GetStoreCreditAccount(account_id=account.id))
    assert account == shop.ask(GetStoreCreditAccount(customer_id="ada", currency="USD"))
    assert (usd("10.00"), NOW + DAY, NOW) == (account.available, account.expires_next, account.as_of)


def test_accounts_that_are_not_there_are_not_found() -> None:
    """Unknown ids, customers and currencies, and the accounts of cards, are not found."""
    shop = Shop()
    shop.grant("5.00")
    card = shop.issue().gift_card
    for query in (
        GetStoreCreditAccount(account_id="nobody"),
        GetStoreCreditAccount(account_id=card.account_id),
        GetStoreCreditAccount(customer_id="bob", currency="USD"),
        GetStoreCreditAccount(customer_id="ada", currency="EUR"),
    ):
        with pytest.raises(StoreCreditAccountNotFound):
            shop.ask(query)


def test_an_account_is_named_by_one_way() -> None:
    """Half a name, two names and no name are invalid requests."""
    for given in (
        {},
        {"customer_id": "ada"},
        {"currency": "USD"},
        {"account_id": "a", "currency": "USD"},
        {"account_id": "a", "customer_id": "ada", "currency": "USD"},
    ):
        with pytest.raises(InvalidRequest):
            GetStoreCreditAccount(**given)


# --- statement --------------------------------------------------------------


def test_a_statement_shows_credits_and_debits_with_the_balance_after() -> None:
    """Every entry has its sequence, direction, amount and balance after, in order."""
    shop = Shop()
    account = shop.grant("10.00").account
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("4.00"), order_id="1001", idempotency_key="d"))
    shop.execute(RefundRedemption(order_id="1001", amount=usd("1.00"), idempotency_key="r"))
    statement = shop.ask(Statement(account_id=account.id))
    assert [
        (1, Direction.CREDIT, TransferKind.GRANT, usd("10.00"), usd("10.00"), None),
        (2, Direction.DEBIT, TransferKind.REDEMPTION, usd("4.00"), usd("6.00"), "1001"),
        (3, Direction.CREDIT, TransferKind.REFUND, usd("1.00"), usd("7.00"), "1001"),
    ] == [
        (entry.sequence, entry.direction, entry.kind, entry.amount, entry.balance_after, entry.order_id)
        for entry in statement.entries
    ]
    assert (account.id, None) == (statement.account_id, statement.next_after)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 10_000])
def test_pages_join_to_the_whole_statement(limit: int) -> None:
    """Whatever the page size, the pages together are the statement, each entry once."""
    shop = Shop()
    for _ in range(7):
        shop.grant("1.00")
    account_id = shop.credit().id
    whole, pages, after = shop.ask(Statement(account_id=account_id)).entries, [], None
    while True:
        page = shop.ask(Statement(account_id=account_id, after=after, limit=limit))
        assert len(page.entries) <= limit
        pages.append(page.entries)
        if page.next_after is None:
            break
        after = page.next_after
    assert whole == tuple(entry for page in pages for entry in page)
    assert -(-7 // limit) == len(pages)


def test_a_page_continues_though_new_entries_arrive() -> None:
    """The cursor is a sequence number, so what is added meanwhile moves nothing."""
    shop = Shop()
    account_id, *_ = [shop.grant("1.00").account.id for _ in range(4)]
    first = shop.ask(Statement(account_id=account_id, limit=3))
    shop.grant("1.00")
    second = shop.ask(Statement(account_id=account_id, after=first.next_after, limit=3))
    assert [1, 2, 3, 4, 5] == [entry.sequence for entry in first.entries + second.entries]


def test_a_statement_has_a_beginning_and_an_end() -> None:
    """Since is included, until is not, to the microsecond."""
    shop = Shop()
    for _ in range(3):
        shop.grant("1.00")
        shop.clock.advance(MICROSECOND)
    account_id = shop.credit().id
    for since, until, expected in (
        (NOW, NOW + MICROSECOND, [1]),
        (NOW + MICROSECOND, None, [2, 3]),
        (None, NOW + 2 * MICROSECOND, [1, 2]),
        (NOW + DAY, None, []),
        (NOW, NOW, []),
    ):
        entries = shop.ask(Statement(account_id=account_id, since=since, until=until)).entries
        assert expected == [entry.sequence for entry in entries]


def test_an_empty_account_has_an_empty_statement_and_an_unknown_one_none() -> None:
    """An account without entries is not the same as no account."""
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="o"))
    statement = shop.ask(Statement(account_id=account.id, limit=5))
    assert ((), None) == (statement.entries, statement.next_after)
    with pytest.raises(StoreCreditAccountNotFound):
        shop.ask(Statement(account_id="nobody"))


def test_a_statement_must_end_after_it_begins() -> None:
    """A period that runs backwards is refused by the constructor."""
    with pytest.raises(InvalidTime):
        Statement(account_id="a", since=NOW, until=NOW - MICROSECOND)


@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": 10_001}, {"after": -1}, {"limit": True}, {"after": 1.0}])
def test_bad_bounds_are_refused(given: dict[str, object]) -> None:
    """Limits and cursors are whole numbers within their bounds."""
    with pytest.raises(InvalidRequest):
        Statement(account_id="a", **given)  # type: ignore[arg-type]


# --- around an order --------------------------------------------------------


def test_cards_bought_and_cards_spent_are_kept_apart() -> None:
    """A card bought in an order and a card that paid for it stand in two lists."""
    shop = Shop()
    spent, bought = shop.issue("50.00"), shop.issue("25.00", order_id="1001")
    shop.grant("5.00")
    shop.execute(
        PayWithBalances(
            order_id="1001", amount_due=usd("55"), codes=(spent.code,), customer_id="ada", idempotency_key="p"
        )
    )
    cards = shop.ask(CardsOfOrder(order_id="1001"))
    assert ("1001", [bought.gift_card.id]) == (cards.order_id, [card.id for card in cards.bought])
    assert {spent.gift_card.id: usd("50.00"), None: usd("5.00")} == {
        line.gift_card_id: line.redeemed for line in cards.spent
    }


def test_an_unknown_order_has_no_cards() -> None:
    """An order nobody heard of is answered with nothing."""
    cards = Shop().ask(CardsOfOrder(order_id="unknown"))
    assert ((), ()) == (cards.bought, cards.spent)


def test_the_orders_of_a_card_are_where_it_came_from_and_where_it_went() -> None:
    """A card knows the order it was bought in and the orders it paid for, with what was refunded."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="900")
    shop.redeem(issued, "10.00", "1001")
    shop.redeem(issued, "20.00", "1002")
    shop.redeem(issued, "5.00", "1001")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("3.00"), idempotency_key="r"))
    orders = shop.ask(OrdersOfCard(gift_card_id=issued.gift_card.id))
    assert (issued.gift_card.id, "900") == (orders.gift_card_id, orders.bought_in)
    assert [("1001", usd("15.00"), usd("3.00"), 2), ("1002", usd("20.00"), usd("0.00"), 1)] == [
        (line.order_id, line.redeemed, line.refunded, len(line.redemption_ids)) for line in orders.spent_on
    ]


def test_the_orders_of_an_unknown_card_are_not_found() -> None:
    """No card, no orders."""
    with pytest.raises(GiftCardNotFound):
        Shop().ask(OrdersOfCard(gift_card_id="nobody"))


# --- the books --------------------------------------------------------------


def test_the_liability_is_told_by_currency_and_origin() -> None:
    """What is owed is the sum of all balances, per currency and per origin."""
    shop = Shop()
    shop.issue("50.00", origin=LotOrigin.PURCHASED)
    shop.grant("5.00")
    shop.issue(Money(700, "JPY"))
    report = shop.ask(Liability())
    assert {"USD": usd("55.00"), "JPY": Money(700, "JPY")} == dict(report.total)
    assert {LotOrigin.PURCHASED: usd("50.00"), LotOrigin.GOODWILL: usd("5.00")} == dict(report.by_origin["USD"])
    assert NOW == report.as_of


def test_the_liability_of_an_empty_shop_is_empty() -> None:
    """Where nothing was ever owed, nothing is named."""
    report = Shop().ask(Liability())
    assert ({}, {}) == (dict(report.total), dict(report.by_origin))


def test_the_liability_as_of_a_past_instant_is_what_it_was_then() -> None:
    """Every past instant is answered as it was, the instant itself included."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 5 * DAY)
    shop.clock.advance(DAY)
    shop.redeem(issued, "20.00")
    shop.clock.advance(DAY)
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))
    shop.clock.advance(DAY)
    shop.execute(RefundRedemption(order_id="1001", amount=usd("5.00"), idempotency_key="r"))
    shop.clock.now = NOW + 5 * DAY
    shop.execute(ExpireValue())
    owed = {
        NOW - MICROSECOND: None,
        NOW: usd("50.00"),
        NOW + DAY - MICROSECOND: usd("50.00"),
        NOW + DAY: usd("30.00"),
        NOW + 2 * DAY: usd("30.00"),
        NOW + 3 * DAY: usd("35.00"),
        NOW + 5 * DAY - MICROSECOND: usd("35.00"),
        NOW + 5 * DAY: usd("0.00"),
    }
    assert owed == {instant: shop.ask(Liability(as_of=instant)).total.get("USD") for instant in owed}
    assert NOW + DAY == shop.ask(Liability(as_of=NOW + DAY)).as_of


def test_the_movements_tie() -> None:
    """Opening plus everything that came minus everything that went is closing, in every window."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 9 * DAY)
    shop.grant("10.00", "bob")
    shop.redeem(issued, "20.00")
    shop.clock.advance(DAY)
    shop.execute(RefundRedemption(order_id="1001", amount=usd("5.00"), idempotency_key="r"))
    shop.execute(DebitStoreCredit(customer_id="bob", amount=usd("1.00"), idempotency_key="d"))
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))
    shop.clock.now = NOW + 9 * DAY
    shop.execute(ExpireValue())
    for since, until in ((None, None), (NOW, NOW + DAY), (NOW + DAY, None), (NOW + DAY, NOW + 9 * DAY), (NOW, NOW)):
        for one in shop.ask(Movements(since=since, until=until)):
            assert one.closing == (
                one.opening + one.issued + one.granted + one.refunded - one.redeemed - one.debited - one.expired
            )
            assert usd("0.00") == one.closing - one.opening + sum(one.house.values(), usd("0.00"))
    whole = shop.ask(Movements())[0]
    assert (usd("50.00"), usd("10.00"), usd("20.00"), usd("5.00"), usd("1.00"), usd("35.00"), usd("35.00")) == (
        whole.issued, whole.granted, whole.redeemed, whole.refunded, whole.debited, whole.converted, whole.expired,
    )  # fmt: skip
    assert usd("9.00") == whole.closing == shop.ask(Liability()).total["USD"]
    assert set(HouseAccount) == set(whole.house)


def test_windows_join() -> None:
    """What one window closes with, the next one opens with."""
    shop = Shop()
    shop.issue("50.00")
    shop.clock.advance(DAY)
    shop.issue("7.00")
    first = shop.ask(Movements(until=NOW + DAY))[0]
    second = shop.ask(Movements(since=NOW + DAY))[0]
    assert usd("50.00") == first.closing == second.opening
    assert usd("57.00") == second.closing


def test_movements_must_end_after_they_begin() -> None:
    """A period that runs backwards is refused by the constructor."""
    with pytest.raises(InvalidTime):
        Movements(since=NOW, until=NOW - timedelta(seconds=1))


# --- the audit --------------------------------------------------------------


def busy_shop() -> Shop:
    """Return a shop in which everything happened once."""
    shop = Shop()
    one, two = shop.issue("50.00"), shop.issue("20.00", expires_at=NOW + DAY)
    shop.redeem(one, "30.00")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("5.00"), idempotency_key="r"))
    shop.execute(ClaimGiftCard(code=two.code, customer_id="ada", idempotency_key="claim"))
    shop.grant("10.00")
    shop.execute(ConvertGiftCard(code=one.code, customer_id="ada", idempotency_key="c"))
    shop.clock.advance(DAY)
    shop.execute(ExpireValue())
    return shop


def test_books_that_tie_are_clean() -> None:
    """The audit of honest books counts everything and finds nothing."""
    report = busy_shop().ask(Audit())
    assert (True, ()) == (report.is_clean, report.findings)
    assert (3, 8) == (report.accounts, report.transfers)


def test_an_empty_shop_is_clean() -> None:
    """Where nothing is, nothing is wrong."""
    report = Shop().ask(Audit())
    assert (True, 0, 0) == (report.is_clean, report.accounts, report.transfers)


def test_queries_change_nothing() -> None:
    """No question writes anything."""
    shop = busy_shop()
    before = shop.books()
    query: Any
    for query in (Audit(), Liability(), Movements(), CardsOfOrder(order_id="1001")):
        shop.ask(query)
    assert before == shop.books()
