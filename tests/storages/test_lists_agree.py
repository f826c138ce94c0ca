"""Lists in memory, in SQLite and in PostgreSQL are the same: the same rows, cursors and sums under any filters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty import (
    GiftCardSort,
    ListExpiringGiftCards,
    ListGiftCards,
    ListStoreCreditAccounts,
    MemoryStorage,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.reports.paged import PagedQuery
from loyalty.testing.kit.case import DAY, HOUR, Stand
from loyalty.testing.kit.lists import fill_shop
from loyalty.testing.strategies import texts
from tests.properties.lists import PAGES, lists_of_accounts, lists_of_cards

MINUTES = st.sampled_from([0, -90, 60, 1440, 3000])


@pytest.fixture(scope="module")
def stands(
    postgresql_database_of_module: str, mariadb_database_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stand, ...]]:
    """Give the same shop on every kind of storage, the one in memory first."""
    file = f"sqlite:///{tmp_path_factory.mktemp('lists')}/shop.db"
    urls = (file, postgresql_database_of_module, mariadb_database_of_module)
    databases = [SqlAlchemyStorage(url) for url in urls]
    for database in databases:
        database.upgrade()
    stands = (Stand(MemoryStorage()), *map(Stand, databases))
    for stand in stands:
        fill_shop(stand)
    yield stands
    for database in databases:
        database.dispose()


def require_agreement(stands: tuple[Stand, ...], query: PagedQuery[Any, Any], minutes: int) -> None:
    """Check that every page of a list is the same everywhere, at a time that is some minutes off."""
    memory, *databases = [stand.loyalty for stand in stands]
    for stand in stands:
        stand.clock.advance(timedelta(minutes=minutes))
    try:
        following: PagedQuery[Any, Any] | None = query
        while following is not None:
            page = memory.ask(following)
            assert [page] * len(databases) == [database.ask(following) for database in databases]
            following = following.from_here(page)
    finally:
        for stand in stands:
            stand.clock.advance(timedelta(minutes=-minutes))


@given(lists_of_cards(), MINUTES)
def test_lists_of_cards(stands: tuple[Stand, ...], query: ListGiftCards, minutes: int) -> None:
    """Several filters at once, every order, pages of any size."""
    require_agreement(stands, query, minutes)


@given(lists_of_accounts(), MINUTES)
def test_lists_of_accounts(stands: tuple[Stand, ...], query: ListStoreCreditAccounts, minutes: int) -> None:
    """The same for store credit."""
    require_agreement(stands, query, minutes)


@given(
    st.timedeltas(timedelta(microseconds=1), 400 * DAY) | st.sampled_from([HOUR, DAY, 2 * DAY]),
    PAGES,
    MINUTES,
)
def test_value_that_ends(stands: tuple[Stand, ...], within: timedelta, limit: int, minutes: int) -> None:
    """Also what ends soon."""
    require_agreement(stands, ListExpiringGiftCards(within=within, limit=limit), minutes)


@given(texts(), st.data())
def test_texts_of_any_script(stands: tuple[Stand, ...], text: str, data: st.DataObject) -> None:
    """What is in a note is found by a part of it in any case, or is not, on every storage alike."""
    for stand in stands:
        stand.card(100, note=text, tags=(text,))
    begin = data.draw(st.integers(0, len(text) - 1))
    part = text[begin : data.draw(st.integers(begin + 1, len(text)))]
    for needle in (part, part.swapcase(), data.draw(texts(3))):
        if 0 < len(needle) <= 200:
            require_agreement(stands, ListGiftCards(text=needle, descending=True), 0)
    require_agreement(stands, ListGiftCards(tag=text), 0)
    require_agreement(stands, ListGiftCards(tag=part), 0)


def test_what_a_page_holds_does_not_depend_on_how_much_is_asked_for(stands: tuple[Stand, ...]) -> None:
    """A cursor of one storage is a place in the same list on any other, which has the same cards."""
    memory, *databases = [stand.loyalty for stand in stands]
    query = ListGiftCards(sort=GiftCardSort.EXPIRES, limit=3)
    after = memory.ask(query).next_after
    for database in databases:
        assert memory.ask(attrs.evolve(query, after=after)) == database.ask(attrs.evolve(query, after=after))
