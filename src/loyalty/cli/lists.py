"""All gift cards in one view."""

from __future__ import annotations

from typing import Annotated, Final

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.options import optional_moment, optional_price, read_code
from loyalty.cli.pages import PageOptions, write_list
from loyalty.cli.paper import Column, Sheet
from loyalty.cli.sheets import cards_sheet, money
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.listing import GiftCardSort
from loyalty.reports.gift_card_list import GiftCardTotals, ListGiftCards

__all__ = ["list_cards"]

WHICH: Final = "Which cards"


def _text(metavar: str, help_: str, *names: str) -> object:
    return typer.Option(*names, metavar=metavar, show_default=False, rich_help_panel=WHICH, help=help_)


def _flag(names: str, help_: str) -> object:
    return typer.Option(names, show_default=False, rich_help_panel=WHICH, help=help_)


@attrs.frozen(kw_only=True)
class CardFilters:
    """Which cards are wanted: those that all of these keep."""

    status: Annotated[GiftCardStatus | None, _text("STATUS", "pending, active, blocked or deactivated.")] = None
    expired: Annotated[bool | None, _flag("--expired/--not-expired", "Expired, or not.")] = None
    exhausted: Annotated[bool | None, _flag("--exhausted/--not-exhausted", "With nothing left on it, or not.")] = None
    partly_used: Annotated[bool | None, _flag("--partly-used/--not-partly-used", "With a part left, or not.")] = None
    expiring_before: Annotated[str | None, _text("WHEN", "With value left that ends before this instant.")] = None
    currency: Annotated[str | None, _text("CODE", "In this currency. The amounts below need it.")] = None
    value_from: Annotated[str | None, _text("AMOUNT", "With a face value of at least so much.")] = None
    value_to: Annotated[str | None, _text("AMOUNT", "With a face value of at most so much.")] = None
    balance_from: Annotated[str | None, _text("AMOUNT", "With at least so much left.")] = None
    balance_to: Annotated[str | None, _text("AMOUNT", "With at most so much left.")] = None
    issued_since: Annotated[str | None, _text("WHEN", "Issued at this instant or later.")] = None
    issued_until: Annotated[str | None, _text("WHEN", "Issued before this instant.")] = None
    expires_since: Annotated[str | None, _text("WHEN", "Expiring at this instant or later.")] = None
    expires_until: Annotated[str | None, _text("WHEN", "Expiring before this instant.")] = None
    customer: Annotated[str | None, _text("ID", "Claimed by this customer.")] = None
    buyer: Annotated[str | None, _text("ID", "Bought by this customer.")] = None
    order: Annotated[str | None, _text("ID", "Bought in this order.")] = None
    product: Annotated[str | None, _text("ID", "Of this gift card product.")] = None
    batch: Annotated[str | None, _text("ID", "Of this batch.")] = None
    region: Annotated[str | None, _text("ID", "Of this region.")] = None
    tag: Annotated[str | None, _text("TEXT", "With this tag.")] = None
    last_four: Annotated[str | None, _text("TEXT", "With a code that ends so.")] = None
    text: Annotated[str | None, _text("TEXT", "With this in the note, the recipient or one of the ids.")] = None
    code: Annotated[
        str | None, _text("-", "With exactly this code: `-` asks for it, or reads one line from a pipe.")
    ] = None

    def query(self) -> ListGiftCards:
        """Return what the library is asked."""
        return ListGiftCards(
            status=self.status,
            is_expired=self.expired,
            is_exhausted=self.exhausted,
            is_partly_used=self.partly_used,
            expiring_before=optional_moment(self.expiring_before, "--expiring-before"),
            currency=None if self.currency is None else self.currency.upper(),
            value_from=optional_price(self.value_from, self.currency),
            value_to=optional_price(self.value_to, self.currency),
            balance_from=optional_price(self.balance_from, self.currency),
            balance_to=optional_price(self.balance_to, self.currency),
            issued_since=optional_moment(self.issued_since, "--issued-since"),
            issued_until=optional_moment(self.issued_until, "--issued-until"),
            expires_since=optional_moment(self.expires_since, "--expires-since"),
            expires_until=optional_moment(self.expires_until, "--expires-until"),
            customer_id=self.customer,
            buyer_id=self.buyer,
            order_id=self.order,
            product_id=self.product,
            batch_id=self.batch,
            region=self.region,
            tag=self.tag,
            last_four=self.last_four,
            text=self.text,
            code=None if self.code is None else read_code(self.code),
        )


@at_desk()
def list_cards(
    desk: Desk,
    filters: CardFilters,
    pages: PageOptions,
    *,
    sort: Annotated[GiftCardSort, typer.Option(help="By what they are sorted.")] = GiftCardSort.ISSUED,
) -> None:
    """
    List gift cards: filtered, sorted, page by page.

    A page that is not the last says how to go on; cards issued meanwhile are neither a reason to skip one nor to show
    it twice. Exit codes: 0 listed, 2 it cannot be done.
    """
    if filters.code is not None:
        desk.require_secret()
    query = attrs.evolve(filters.query(), sort=sort, descending=pages.descending, with_totals=pages.totals)
    write_list(desk, query, pages, cards_sheet, lambda page: _totals_sheets(page.totals))


def _totals_sheets(totals: tuple[GiftCardTotals, ...] | None) -> list[Sheet]:
    if totals is None:
        return []
    columns = ("in all", "value", "posted", "available")
    rows = [(f"{one.count}", money(one.value), money(one.posted), money(one.available)) for one in totals]
    return [Sheet(columns=tuple(Column(name, is_number=True) for name in columns), rows=rows)]
