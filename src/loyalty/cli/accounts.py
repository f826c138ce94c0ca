"""Customers' store credit, and the history of any account."""

from __future__ import annotations

from typing import Annotated, Final

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import Cannot
from loyalty.cli.options import optional_moment, optional_price
from loyalty.cli.pages import PageOptions, write_list
from loyalty.cli.paper import Column, Sheet
from loyalty.cli.sheets import accounts_sheet, entries_sheet, money
from loyalty.reports.store_credit import GetStoreCreditAccount, Statement
from loyalty.reports.store_credit_list import ListStoreCreditAccounts, StoreCreditPage
from loyalty.store_credit.account import StoreCreditStatus
from loyalty.store_credit.listing import StoreCreditSort

__all__ = ["accounts", "statement"]

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
            help="The id of the account, as `show` and `accounts` tell it; or give --customer and --currency.",
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
        since=optional_moment(since, "--since"),
        until=optional_moment(until, "--until"),
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


@attrs.frozen(kw_only=True)
class AccountFilters:
    """Which accounts are wanted: those that all of these keep."""

    status: Annotated[StoreCreditStatus | None, typer.Option("--status", show_default=False, help="In this state.")] = (
        None
    )
    currency: Annotated[
        str | None,
        typer.Option(metavar="CODE", show_default=False, help="In this currency. The amounts below need it."),
    ] = None
    customer: Annotated[str | None, typer.Option(metavar="ID", show_default=False, help="Of this customer.")] = None
    balance_from: Annotated[
        str | None, typer.Option(metavar="AMOUNT", show_default=False, help="With at least so much on the books.")
    ] = None
    balance_to: Annotated[
        str | None, typer.Option(metavar="AMOUNT", show_default=False, help="With at most so much on the books.")
    ] = None
    empty: Annotated[
        bool | None, typer.Option("--empty/--not-empty", show_default=False, help="With nothing on the books, or not.")
    ] = None
    expiring_before: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="With value left that ends before this instant."),
    ] = None
    opened_since: Annotated[
        str | None, typer.Option(metavar="WHEN", show_default=False, help="Opened at this instant or later.")
    ] = None
    opened_until: Annotated[
        str | None, typer.Option(metavar="WHEN", show_default=False, help="Opened before this instant.")
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", show_default=False, help="With this in one of the ids.")
    ] = None

    def query(self) -> ListStoreCreditAccounts:
        """Return what the library is asked."""
        return ListStoreCreditAccounts(
            status=self.status,
            currency=None if self.currency is None else self.currency.upper(),
            customer_id=self.customer,
            balance_from=optional_price(self.balance_from, self.currency),
            balance_to=optional_price(self.balance_to, self.currency),
            is_empty=self.empty,
            expiring_before=optional_moment(self.expiring_before, "--expiring-before"),
            opened_since=optional_moment(self.opened_since, "--opened-since"),
            opened_until=optional_moment(self.opened_until, "--opened-until"),
            text=self.text,
        )


@at_desk()
def accounts(
    desk: Desk,
    filters: AccountFilters,
    pages: PageOptions,
    *,
    sort: Annotated[StoreCreditSort, typer.Option(help="By what they are sorted.")] = StoreCreditSort.CUSTOMER,
) -> None:
    """
    List the store credit accounts of customers: filtered, sorted, page by page.

    Exit codes: 0 listed, 2 it cannot be done.
    """
    query = attrs.evolve(filters.query(), sort=sort, descending=pages.descending, with_totals=pages.totals)
    write_list(desk, query, pages, accounts_sheet, _totals_sheets)


def _totals_sheets(page: StoreCreditPage) -> list[Sheet]:
    if page.totals is None:
        return []
    columns = ("in all", "posted", "available")
    rows = [(f"{one.count}", money(one.posted), money(one.available)) for one in page.totals]
    return [Sheet(columns=tuple(Column(name, is_number=True) for name in columns), rows=rows)]
