"""Lists: whose cursor it is, what a range may be, what a wrong code costs, and how little a stream holds at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import attrs
import pytest
from moneyed import Currency, Money

from loyalty import (
    CodeKeys,
    GetGiftCard,
    GiftCardSort,
    GiftCardStatus,
    ListExpiringGiftCards,
    ListGiftCards,
    ListStoreCreditAccounts,
    Loyalty,
    StoreCreditSort,
)
from loyalty.errors import (
    CurrencyMismatch,
    InvalidAmount,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
    TooManyAttempts,
)
from loyalty.ports.storage import Reader, UnitOfWork
from tests.unit.attempts.limiters import Recording
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, SECRET, Shop, usd

Answer = TypeVar("Answer")


def shop_with_cards(count: int = 3) -> Shop:
    """Return a shop with so many cards, of a dollar each and issued a minute apart."""
    shop = Shop()
    for _ in range(count):
        shop.issue("1.00", expires_at=NOW + 30 * DAY)
        shop.clock.advance(timedelta(minutes=1))
    return shop


def next_after(shop: Shop, query: ListGiftCards) -> str:
    """Return where the next page of a list begins."""
    after = shop.ask(query).next_after
    assert after is not None
    return after


# --- cursors ----------------------------------------------------------------


def test_the_last_page_says_so() -> None:
    """A page that ends with the list names no next one, full or not; an empty list has one empty page."""
    shop = shop_with_cards(3)
    assert [None, None, True] == [
        shop.ask(ListGiftCards(limit=4)).next_after,
        shop.ask(ListGiftCards(limit=3)).next_after,
        shop.ask(ListGiftCards(limit=2)).next_after is not None,
    ]
    empty = Shop().ask(ListGiftCards(with_totals=True))
    assert ((), None, ()) == (empty.gift_cards, empty.next_after, empty.totals)


def test_a_cursor_goes_on_with_pages_of_another_size_and_with_totals() -> None:
    """How much is shown at once, and whether it is summed, does not belong to a list."""
    shop = shop_with_cards(4)
    after = next_after(shop, ListGiftCards(limit=1))
    page = shop.ask(ListGiftCards(limit=2, after=after, with_totals=True))
    assert (2, 4) == (len(page.gift_cards), (page.totals or ())[0].count)


@pytest.mark.parametrize(
    "other",
    [
        {"sort": GiftCardSort.VALUE},
        {"descending": True},
        {"status": GiftCardStatus.ACTIVE},
        {"is_expired": False},
        {"text": "id-"},
        {"currency": "USD"},
        {"value_from": usd("0.00")},
        {"issued_since": NOW},
        {"code": "SUMMER"},
    ],
    ids=str,
)
def test_a_cursor_belongs_to_its_filters_and_order(other: dict[str, Any]) -> None:
    """The cursor of a list is no place in a list with any other filter or order, and the other way around."""
    shop = shop_with_cards()
    after = next_after(shop, ListGiftCards(limit=1))
    with pytest.raises(InvalidRequest, match="no place in this list"):
        shop.ask(ListGiftCards(limit=1, after=after, **other))
    if "code" not in other:
        with pytest.raises(InvalidRequest):
            shop.ask(ListGiftCards(after=next_after(shop, ListGiftCards(limit=1, **other))))


def test_a_cursor_belongs_to_its_kind_of_list() -> None:
    """A place among cards is none among accounts or among what ends soon."""
    shop = shop_with_cards()
    for customer_id in ("ada", "bob"):
        shop.grant(customer_id=customer_id)
    places = [
        next_after(shop, ListGiftCards(limit=1)),
        shop.ask(ListStoreCreditAccounts(limit=1)).next_after,
        shop.ask(ListExpiringGiftCards(within=365 * DAY, limit=1)).next_after,
        shop.ask(ListExpiringGiftCards(within=366 * DAY, limit=1)).next_after,
    ]
    queries: list[Any] = [
        ListGiftCards(),
        ListStoreCreditAccounts(),
        *[ListExpiringGiftCards(within=n * DAY) for n in (365, 366)],
    ]
    for number, query in enumerate(queries):
        for other, after in enumerate(places):
            if number == other:
                shop.ask(attrs.evolve(query, after=after))
            else:
                with pytest.raises(InvalidRequest):
                    shop.ask(attrs.evolve(query, after=after))


def test_a_changed_cursor_is_told() -> None:
    """Whichever symbol of a cursor is changed, left out or doubled, it is no place any more."""
    shop = shop_with_cards()
    after = next_after(shop, ListGiftCards(limit=1))
    for place in range(len(after)):
        for changed in ("", "A", "b", ".", after[place] * 2, "\u00e4"):
            damaged = after[:place] + changed + after[place + 1 :]
            if damaged != after:
                with pytest.raises(InvalidRequest):
                    shop.ask(ListGiftCards(limit=1, after=damaged))


def test_a_cursor_outlives_its_key_as_codes_do() -> None:
    """It is taken while the secret it was made under is on the ring, and not by another shop."""
    shop = shop_with_cards()
    after = next_after(shop, ListGiftCards(limit=1))
    rotated = shop.with_keys(CodeKeys.from_secret("a newer secret of the same shop", retired=[SECRET]))
    assert 2 == len(rotated.ask(ListGiftCards(after=after)).gift_cards)
    with pytest.raises(InvalidRequest):
        shop.with_keys(CodeKeys.from_secret("the secret of another shop")).ask(ListGiftCards(after=after))


def test_a_cursor_does_not_show_the_code_that_was_asked_for() -> None:
    """Neither the text of a cursor nor what it stands for has anything of a code in it."""
    shop = shop_with_cards()
    issued = shop.issue("1.00", customer_id="ada")
    query = ListGiftCards(code=issued.code)
    page = shop.ask(query)
    assert [issued.gift_card.id] == [card.id for card in page]
    assert issued.code not in repr(query) + repr(page)
    assert issued.code.replace("-", "") not in repr(query) + repr(page)


# --- what belongs together --------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"issued_since": NOW, "issued_until": NOW - MICROSECOND}, InvalidTime),
        ({"expires_since": NOW, "expires_until": NOW - MICROSECOND}, InvalidTime),
        ({"value_from": usd("1.01"), "value_to": usd("1.00")}, InvalidAmount),
        ({"balance_from": usd("0.01"), "balance_to": usd("0.00")}, InvalidAmount),
        ({"value_from": usd("1.00"), "value_to": Money("1.00", "EUR")}, CurrencyMismatch),
        ({"value_from": usd("1.00"), "balance_to": Money("1.00", "EUR")}, CurrencyMismatch),
        ({"balance_to": usd("1.00"), "currency": "EUR"}, CurrencyMismatch),
        ({"value_from": usd("1"), "value_to": Money(2, Currency(code="USD", sub_unit=1000))}, CurrencyMismatch),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_told(given: dict[str, Any], error: type[LoyaltyError]) -> None:
    """A list that could only be empty is a mistake of the call, told when it is made."""
    with pytest.raises(error):
        ListGiftCards(**given)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"opened_since": NOW, "opened_until": NOW - MICROSECOND}, InvalidTime),
        ({"balance_from": usd("0.01"), "balance_to": usd("0.00")}, InvalidAmount),
        ({"balance_from": usd("1.00"), "currency": "EUR"}, CurrencyMismatch),
    ],
    ids=str,
)
def test_what_contradicts_itself_among_accounts_is_told(given: dict[str, Any], error: type[LoyaltyError]) -> None:
    """The same for store credit accounts."""
    with pytest.raises(error):
        ListStoreCreditAccounts(**given)


def test_bounds_that_meet_are_fine() -> None:
    """From and to may be equal, and keep what is exactly there; so may since and until, and keep nothing."""
    shop = shop_with_cards()
    assert 3 == len(shop.ask(ListGiftCards(value_from=usd("1.00"), value_to=usd("1.00"), currency="USD")).gift_cards)
    assert 0 == len(shop.ask(ListGiftCards(issued_since=NOW, issued_until=NOW)).gift_cards)


# --- codes ------------------------------------------------------------------


def test_a_code_that_finds_nothing_is_a_wrong_attempt() -> None:
    """Unknown ones and those that other filters hide count until the caller has to wait; right ones never do."""
    shop = shop_with_cards()
    right, unknown = shop.issue(customer_id="ada"), Shop(new_id=lambda: "elsewhere").issue().code
    for _ in range(50):
        shop.ask(ListGiftCards(code=right.code))
    limiter = Recording()
    loyalty = Loyalty(shop.storage, code_keys=KEYS, clock=shop.clock, attempt_limiter=limiter)
    for query in (ListGiftCards(code=unknown), ListGiftCards(code=right.code, customer_id="bob")):
        assert () == loyalty.ask(query).gift_cards
        assert ["require", "wrong"] == limiter.told()
    assert (1, ["require"]) == (len(loyalty.ask(ListGiftCards(code=right.code)).gift_cards), limiter.told())
    assert (4, []) == (len(loyalty.ask(ListGiftCards()).gift_cards), limiter.told())
    for _ in range(100):
        with suppress(TooManyAttempts):
            shop.loyalty.ask(ListGiftCards(code=unknown), caller="a stranger")
    with pytest.raises(TooManyAttempts):
        shop.loyalty.ask(ListGiftCards(code=right.code), caller="a stranger")
    assert 4 == len(shop.loyalty.ask(ListGiftCards(), caller="a stranger").gift_cards)


def test_a_foreign_cursor_comes_before_a_malformed_code() -> None:
    """Errors come in the order in which the documentation lists them."""
    shop = shop_with_cards()
    with pytest.raises(InvalidRequest) as caught:
        shop.ask(ListGiftCards(code="SUMMER", after="nowhere"))
    assert InvalidRequest is caught.type
    with pytest.raises(MalformedCode):
        shop.ask(ListGiftCards(code="SUMMER"))


# --- what ends soon ---------------------------------------------------------


def test_value_ends_within_a_time_at_its_very_end() -> None:
    """A microsecond too short finds nothing; at its end, and a microsecond before the value has ended, it is shown."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.issue("50.00")

    def found(within: timedelta) -> list[str]:
        return [one.gift_card.id for one in shop.loyalty.stream(ListExpiringGiftCards(within=within))]

    assert [] == found(DAY - MICROSECOND)
    assert [issued.gift_card.id] == found(DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert [issued.gift_card.id] == found(MICROSECOND)
    shop.clock.now = NOW + DAY
    assert [] == found(365 * DAY)


@pytest.mark.parametrize("status", [GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED, GiftCardStatus.PENDING])
def test_only_active_cards_end_soon(status: GiftCardStatus) -> None:
    """Nobody is to be told that value ends which cannot be spent."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.set_card_status(issued, status)
    assert () == shop.ask(ListExpiringGiftCards(within=2 * DAY)).expiring
    assert 1 == len(shop.ask(ListGiftCards(expiring_before=NOW + 2 * DAY)).gift_cards)


def test_what_ends_soon_is_told_with_what_is_left_of_it() -> None:
    """What was spent does not end, what is held does, and a card without value is not shown."""
    shop = Shop()
    issued, empty = (shop.issue("50.00", expires_at=NOW + DAY) for _ in range(2))
    shop.redeem(issued, "20.00")
    shop.redeem(empty, "50.00", "1002")
    (one,) = shop.ask(ListExpiringGiftCards(within=DAY)).expiring
    assert (NOW + DAY, usd("30.00"), shop.ask(GetGiftCard(id=issued.gift_card.id))) == (
        one.ends_at, one.ending, one.gift_card,
    )  # fmt: skip


# --- streams ----------------------------------------------------------------


class CountingReads:
    """A storage that counts how often it is read."""

    def __init__(self, shop: Shop) -> None:
        self.storage = shop.storage
        self.reads = 0

    def run(self, work: Callable[[UnitOfWork], Answer]) -> Answer:
        """Run work."""
        return self.storage.run(work)

    def read(self, question: Callable[[Reader], Answer]) -> Answer:
        """Answer a question, and count it."""
        self.reads += 1
        return self.storage.read(question)


def counting(shop: Shop) -> tuple[Loyalty, CountingReads]:
    """Return the same shop, and how often its storage is read."""
    storage = CountingReads(shop)
    return Loyalty(storage, code_keys=KEYS, clock=shop.clock), storage


def test_a_stream_reads_a_page_when_it_is_needed() -> None:
    """Nothing before the first card is asked for, never more than one page ahead, and nothing twice."""
    loyalty, storage = counting(shop_with_cards(7))
    stream = loyalty.stream(ListGiftCards(limit=3))
    assert 0 == storage.reads
    assert [1, 1, 1, 2, 2, 2, 3] == [storage.reads for _ in stream]
    assert [] == list(stream)


def test_a_stream_of_whole_pages_reads_no_empty_one() -> None:
    """Where the last page is full, the list ends with it."""
    loyalty, storage = counting(shop_with_cards(6))
    assert 6 == len(list(loyalty.stream(ListGiftCards(limit=3))))
    assert 2 == storage.reads


def test_a_stream_begins_where_it_is_told_and_may_be_left() -> None:
    """It is an iterator like any other."""
    shop = shop_with_cards(5)
    after = next_after(shop, ListGiftCards(limit=2))
    stream = shop.loyalty.stream(ListGiftCards(after=after, limit=1))
    next(stream)
    assert 2 == len(list(stream))


def test_only_lists_are_streamed() -> None:
    """Anything else is told at once, not when the first row is asked for."""
    shop = Shop()
    for wrong in (GetGiftCard(id="a"), ListGiftCards, None, "ListGiftCards"):
        with pytest.raises(InvalidRequest, match="stream takes a list"):
            shop.loyalty.stream(wrong)  # type: ignore[arg-type]  # that is what is wrong with it


def test_a_stream_tells_a_wrong_cursor_where_its_page_is_read() -> None:
    """The error of a query comes out of the stream, and a wrong code in it is an attempt of its caller."""
    shop = shop_with_cards()
    with pytest.raises(InvalidRequest):
        list(shop.loyalty.stream(ListGiftCards(after="nowhere")))
    with pytest.raises(MalformedCode):
        list(shop.loyalty.stream(ListGiftCards(code="SUMMER"), caller="a stranger"))


# --- accounts ---------------------------------------------------------------


def test_accounts_are_listed_by_customer_with_their_balances() -> None:
    """Each customer's accounts stand together, with what is posted and available, and are summed per currency."""
    shop = Shop()
    shop.grant("10.00", customer_id="bob")
    shop.grant("5.00", customer_id="ada")
    shop.grant(Money("7", "JPY"), customer_id="ada")
    page = shop.ask(ListStoreCreditAccounts(with_totals=True))
    assert [("ada", "JPY"), ("ada", "USD"), ("bob", "USD")] == [(one.customer_id, one.currency) for one in page]
    assert [("JPY", 1, Money("7", "JPY")), ("USD", 2, usd("15.00"))] == [
        (one.currency, one.count, one.posted) for one in page.totals or ()
    ]
    assert page.accounts[1] == shop.credit("ada")
    richest = shop.ask(ListStoreCreditAccounts(sort=StoreCreditSort.BALANCE, descending=True, limit=1, currency="USD"))
    assert ["bob"] == [one.customer_id for one in richest]
