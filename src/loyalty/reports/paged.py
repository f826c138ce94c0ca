"""Queries that are answered page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.ledger.listing import Place
from loyalty.plain import dumps, encode
from loyalty.reports.cursor import cursor_at, place_at
from loyalty.reports.query import Query, QueryContext

__all__ = ["MOST_PER_PAGE", "Page", "PagedQuery"]

MOST_PER_PAGE = 1000
"""How many rows a page may have."""

Item = TypeVar("Item")
Row = TypeVar("Row")
AnyPage = TypeVar("AnyPage", bound="Page[Any]")


@attrs.frozen(kw_only=True)
class Page(Generic[Item]):
    """
    A part of a list, which can be iterated over.

    ``next_after`` is the ``after`` of the same query for the next page; None on the last one.
    """

    next_after: str | None

    def __iter__(self) -> Iterator[Item]:
        """Yield what is on the page, in its order."""
        raise NotImplementedError


@attrs.frozen(kw_only=True)
class PagedQuery(Query[AnyPage], Generic[AnyPage, Item]):
    """
    A question whose answer may be long.

    A page has at most *limit* rows and begins behind *after*, which an earlier
    page of the same query told; *limit* may change from page to page, what is
    asked for may not.
    """

    after: str | None = attrs.field(default=None, validator=fields.is_cursor)
    limit: int = attrs.field(default=100, validator=fields.is_whole_number(1, MOST_PER_PAGE))

    def from_here(self, page: AnyPage) -> PagedQuery[AnyPage, Item] | None:
        """Return the question for the page that follows *page*; None after the last one."""
        return None if page.next_after is None else attrs.evolve(self, after=page.next_after)

    def begins_after(self, context: QueryContext) -> Place | None:
        """
        Return the place that *after* stands for.

        Raises:
            loyalty.errors.InvalidRequest: If it is none of this list's.
        """
        return None if self.after is None else place_at(self.after, self._content(), context.code_keys)

    def cut(
        self, found: Sequence[Row], place: Callable[[Row], Place], context: QueryContext
    ) -> tuple[Sequence[Row], str | None]:
        """Return the rows of the page, and where the next one begins if one more than fits was *found*."""
        shown = found[: self.limit]
        return shown, self.continues_at(place(shown[-1]), context) if len(shown) < len(found) else None

    def continues_at(self, place: Place, context: QueryContext) -> str:
        """Return the *after* that stands for a place in this list."""
        return cursor_at(place, self._content(), context.code_keys)

    def _content(self) -> bytes:
        """Return what is asked for, as stable bytes: all but how much of it at once."""
        names = [
            field.name for field in attrs.fields(type(self)) if field.name not in {"after", "limit", "with_totals"}
        ]
        said = {name: encode(value, _revealed) for name in names if (value := getattr(self, name)) is not None}
        return dumps([type(self).__name__, said]).encode()


def _revealed(value: object) -> object:
    """Return what a code says; it goes into a keyed digest and nowhere else."""
    if isinstance(value, GiftCardCode):
        return value.reveal()
    message = f"{type(value).__qualname__} cannot be part of a list"
    raise TypeError(message)
