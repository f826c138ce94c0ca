"""Writing a list: one page of it, or all of it page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import attrs
import typer

from loyalty.cli.desk import Desk
from loyalty.cli.paper import Sheet
from loyalty.reports.paged import Page, PagedQuery

__all__ = ["PageOptions", "write_list"]

ONE_SCREEN: Final = 100
PAGE: Final = 1000

Item = TypeVar("Item")
AnyPage = TypeVar("AnyPage", bound=Page[Any])


@attrs.frozen(kw_only=True)
class PageOptions:
    """How much of a list is wanted, and in which direction."""

    descending: Annotated[bool, typer.Option("--descending", help="The last ones first.")] = False
    limit: Annotated[int, typer.Option(metavar="NUMBER", help="At most so many.")] = ONE_SCREEN
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", show_default=False, help="Go on where an earlier page ended.")
    ] = None
    everything: Annotated[
        bool, typer.Option("--all", help="All of them, read page by page; with --json one per line.")
    ] = False
    totals: Annotated[bool, typer.Option("--totals", help="And what all of them sum to.")] = False


def write_list(
    desk: Desk,
    query: PagedQuery[AnyPage, Item],
    options: PageOptions,
    sheet: Callable[[Sequence[Item]], Sheet],
    totals: Callable[[AnyPage], Sequence[Sheet]],
) -> None:
    """
    Write a page of a list, or the whole, and what all of it sums to.

    Raises:
        loyalty.cli.ending.Cannot: If there is no secret to sign or read a cursor with.
    """
    if options.after is not None or not options.everything:
        desk.require_secret()
    if options.everything:
        _write_all(desk, attrs.evolve(query, limit=PAGE, after=options.after), sheet, totals)
        return
    page = desk.loyalty.ask(attrs.evolve(query, limit=options.limit, after=options.after))
    desk.paper.answer(page, lambda: [sheet(tuple(page)), *totals(page)])
    if page.next_after is not None:
        desk.paper.say(f"There is more: --after {page.next_after}, or --all.")


def _write_all(
    desk: Desk,
    query: PagedQuery[AnyPage, Item],
    sheet: Callable[[Sequence[Item]], Sheet],
    totals: Callable[[AnyPage], Sequence[Sheet]],
) -> None:
    following: PagedQuery[AnyPage, Item] | None = query
    sums: Sequence[Sheet] | None = None
    while following is not None:
        page = desk.loyalty.ask(following)
        desk.paper.part(tuple(page), sheet, is_first=sums is None)
        sums = totals(page) if sums is None else sums
        following = query.from_here(page)
        if following is not None:
            following = attrs.evolve(following, with_totals=False)  # type: ignore[call-arg]  # both lists have it
    for one in [] if desk.paper.as_json else sums or ():
        desk.paper.sheet(one)
