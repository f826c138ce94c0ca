"""A list shows what looking at every card and account finds, in one order, in pages that neither skip nor repeat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from loyalty import (
    GiftCardSort,
    IssueGiftCard,
    ListExpiringGiftCards,
    ListGiftCards,
    ListStoreCreditAccounts,
    Loyalty,
    MemoryStorage,
)
from loyalty.ledger.listing import TextSearch
from loyalty.money import to_money
from loyalty.testing import CountingIds, FakeClock, Shop, Step, books_of
from loyalty.testing.fakes import fake_code_keys
from loyalty.testing.list_oracle import accounts_listed, cards_ending, cards_listed, totals_listed
from loyalty.testing.programs import money
from loyalty.testing.strategies import programs, spans, texts
from tests.properties.lists import lists_of_accounts, lists_of_cards


@given(programs(), lists_of_cards(), spans())
def test_cards_after_any_program(program: list[Step], query: ListGiftCards, later: timedelta) -> None:
    """Whatever happened to the cards, and also where the clock went back."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for moved in (timedelta(0), later, -2 * later):
        shop.clock.advance(moved)
        expected = cards_listed(books_of(shop.storages[0]), query, shop.clock())

        assert [card.id for card in expected] == [card.id for card in shop.loyalty.stream(query)]
        assert _in_money(totals_listed(expected, shop.clock())) == [
            (one.value, one.posted, one.available)
            for one in shop.loyalty.ask(attrs.evolve(query, with_totals=True)).totals or ()
        ]


@given(programs(), lists_of_accounts(), spans())
def test_accounts_after_any_program(program: list[Step], query: ListStoreCreditAccounts, later: timedelta) -> None:
    """The same for store credit."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    for moved in (timedelta(0), later, -2 * later):
        shop.clock.advance(moved)
        expected = accounts_listed(books_of(shop.storages[0]), query, shop.clock())

        assert [credit.id for credit in expected] == [credit.id for credit in shop.loyalty.stream(query)]
        assert [sums[1:] for sums in _in_money(totals_listed(expected, shop.clock()))] == [
            (one.posted, one.available) for one in shop.loyalty.ask(attrs.evolve(query, with_totals=True)).totals or ()
        ]


@given(programs(), spans(), st.integers(1, 3))
def test_value_that_ends_after_any_program(program: list[Step], within: timedelta, limit: int) -> None:
    """The soonest first, each card once."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    query = ListExpiringGiftCards(within=within, limit=limit)

    assert [(end, id_) for end, id_, _ in cards_ending(books_of(shop.storages[0]), query, shop.clock())] == [
        (one.ends_at, one.gift_card.id) for one in shop.loyalty.stream(query)
    ]


@given(
    st.sampled_from([GiftCardSort.ISSUED, GiftCardSort.EXPIRES, GiftCardSort.VALUE]),
    st.booleans(),
    st.lists(st.tuples(st.integers(1, 3), st.none() | spans(), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), spans(), st.booleans()), min_size=1, max_size=8),
)
def test_cards_issued_meanwhile_neither_hide_nor_double_others(
    sort: GiftCardSort,
    descending: bool,  # Hypothesis gives it
    old: list[tuple[int, timedelta | None, int]],
    meanwhile: list[tuple[int, int, timedelta, bool]],
) -> None:
    """Pages of changing sizes, cards issued between them, a clock that goes both ways: every old card comes once."""
    clock = FakeClock()
    loyalty = Loyalty(MemoryStorage(), code_keys=fake_code_keys(), clock=clock, new_id=CountingIds())
    for number, (value, ends_in, minutes) in enumerate(old):
        _issue(loyalty, f"old {number}", value, None if ends_in is None else clock() + ends_in)
        clock.advance(timedelta(minutes=minutes))
    known, seen = {card.id for card in loyalty.stream(ListGiftCards())}, list[str]()
    query: ListGiftCards | None = ListGiftCards(sort=sort, descending=descending)
    turns = iter(range(1_000))
    while query is not None:
        number = next(turns)
        size, issued, step, goes_back = meanwhile[number % len(meanwhile)]
        page = loyalty.ask(attrs.evolve(query, limit=size))
        seen += [card.id for card in page]
        query = None if page.next_after is None else attrs.evolve(query, after=page.next_after)
        clock.advance(-step if goes_back else step)
        for place in range(issued if number < len(meanwhile) else 0):
            _issue(loyalty, f"new {number} {place}", place + 1, clock() + step)

    assert len(seen) == len(set(seen))
    assert known <= set(seen)


@given(texts(), st.data())
def test_a_part_of_a_text_is_found_in_any_case(text: str, data: st.DataObject) -> None:
    """Whichever part, and whichever of its letters are in the other case, as far as that is one letter."""
    begin = data.draw(st.integers(0, len(text) - 1))
    part = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    flips = data.draw(st.lists(st.booleans(), min_size=len(part), max_size=len(part)))
    typed = "".join(_other_case(symbol) if flip else symbol for symbol, flip in zip(part, flips, strict=True))

    assert TextSearch(typed).finds([None, text])


@pytest.mark.parametrize("letter", ["ᾈ", "ǅ", "ẞ", "İ", "\u212a"], ids=ascii)
def test_a_letter_whose_cases_are_no_pair_is_found_as_it_is(letter: str) -> None:
    """Its lower case leads to other letters, or to several."""
    assert TextSearch(letter).finds([f"at {letter}"])


@given(texts(), texts())
def test_what_is_found_is_there(text: str, other: str) -> None:
    """Only a text that is the same in lower case, letter by letter, is found."""
    assert TextSearch(other).finds([text]) == (_lowered(other) in _lowered(text))


def _other_case(symbol: str) -> str:
    other = symbol.swapcase()
    return other if len(other) == 1 and other.swapcase() == symbol else symbol


def _lowered(text: str) -> str:
    letters = [(symbol, symbol.lower()) for symbol in text]
    return "".join(low if len(low) == 1 and low.upper() == symbol != low else symbol for symbol, low in letters)


def _in_money(totals: dict[tuple[str, int], tuple[int, int, int, int]]) -> list[tuple[Money, Money, Money]]:
    return [
        (to_money(value, *currency), to_money(posted, *currency), to_money(available, *currency))
        for currency, (_, value, posted, available) in sorted(totals.items())
    ]


def _issue(loyalty: Loyalty, key: str, value: int, expires_at: Any) -> None:
    loyalty.execute(IssueGiftCard(value=money(value), expires_at=expires_at, idempotency_key=key))
