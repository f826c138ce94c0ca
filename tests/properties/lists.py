"""Lists to ask for, with filters put together from those of the conformance kit."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from loyalty import GiftCardSort, ListGiftCards, ListStoreCreditAccounts, StoreCreditSort
from loyalty.errors import LoyaltyError
from loyalty.testing.kit.lists import ACCOUNT_FILTERS, CARD_FILTERS

__all__ = ["PAGES", "lists_of_accounts", "lists_of_cards"]

PAGES = st.sampled_from((1, 2, 3, 5, 1000))


@st.composite
def lists_of_cards(draw: st.DrawFn) -> ListGiftCards:
    """Return lists under a few filters at once, in any order, in pages of any size."""
    filters = _together(ListGiftCards, draw(st.lists(st.sampled_from(CARD_FILTERS), max_size=3)))
    given = {"sort": draw(st.sampled_from(GiftCardSort)), "descending": draw(st.booleans()), "limit": draw(PAGES)}
    return ListGiftCards(**filters, **given, with_totals=draw(st.booleans()))


@st.composite
def lists_of_accounts(draw: st.DrawFn) -> ListStoreCreditAccounts:
    """Return such lists of store credit accounts."""
    filters = _together(ListStoreCreditAccounts, draw(st.lists(st.sampled_from(ACCOUNT_FILTERS), max_size=3)))
    given = {"sort": draw(st.sampled_from(StoreCreditSort)), "descending": draw(st.booleans()), "limit": draw(PAGES)}
    return ListStoreCreditAccounts(**filters, **given, with_totals=draw(st.booleans()))


def _together(kind: type[Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several filters as one; those that contradict the ones before are left out."""
    together: dict[str, Any] = {}
    for part in parts:
        with suppress(LoyaltyError):
            kind(**{**together, **part})
            together |= part
    return together
