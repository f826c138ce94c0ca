"""The history of an account, of a card or of a customer's store credit."""

from __future__ import annotations

from typing import Annotated, Final

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import Cannot
from loyalty.cli.options import to_moment
from loyalty.cli.sheets import entries_sheet
from loyalty.reports.store_credit import GetStoreCreditAccount, Statement

__all__ = ["statement"]

ONE_SCREEN: Final = 100
PAGE: Final = 1000


@at_desk()
def statement(
    desk: Desk,
    account_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ACCOUNT]",
            show_default=False,
            help="The id of the account, as `show` and `list` tell it; or give --customer and --currency.",
        ),
    ] = None,
    *,
    customer: Annotated[
        str | None, typer.Option(metavar="ID", show_default=False, help="The customer whose store credit it is.")
    ] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", show_default=False, help="Which of it.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="From this instant on: a date, or a time with its zone."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", show_default=False, help="Before this instant.")] = None,
    after: Annotated[
        int | None, typer.Option(metavar="NUMBER", show_default=False, help="After the entry of this number.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", help="At most so many entries.")] = ONE_SCREEN,
    everything: Annotated[
        bool, typer.Option("--all", help="All entries, read page by page; with --json one per line.")
    ] = False,
) -> None:
    """
    Show the credits and debits of an account, with the balance after each.

    Exit codes: 0 shown, 1 there is no such account, 2 it cannot be done.
    """
    query = Statement(
        account_id=_account_id(desk, account_id, customer, currency),
        since=None if since is None else to_moment(since, "--since"),
        until=None if until is None else to_moment(until, "--until"),
        after=after,
        limit=limit,
    )
    if everything:
        _all_pages(desk, query)
        return
    answer = desk.loyalty.ask(query)
    desk.paper.answer(answer, lambda: [entries_sheet(answer.entries)])
    if answer.next_after is not None:
        desk.paper.say(f"There is more: --after {answer.next_after}, or --all.")


def _account_id(desk: Desk, account_id: str | None, customer: str | None, currency: str | None) -> str:
    if (account_id is None) == (customer is None) or (customer is None) != (currency is None):
        raise Cannot("name the account once: give its id, or --customer and --currency")
    if currency is None:
        return str(account_id)
    return desk.loyalty.ask(GetStoreCreditAccount(customer_id=customer, currency=currency.upper())).id


def _all_pages(desk: Desk, query: Statement) -> None:
    is_first = True
    after = query.after
    while is_first or after is not None:
        page = desk.loyalty.ask(attrs.evolve(query, after=after, limit=PAGE))
        desk.paper.part(page.entries, entries_sheet, is_first=is_first)
        is_first, after = False, page.next_after
