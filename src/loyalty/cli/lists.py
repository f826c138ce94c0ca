"""All gift cards in one view."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import attrs
import typer
from moneyed import Money

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import Cannot
from loyalty.cli.options import read_code, to_moment, to_price
from loyalty.cli.paper import Column, Sheet
from loyalty.cli.sheets import cards_sheet, money
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.listing import GiftCardSort
from loyalty.reports.gift_card_list import GiftCardTotals, ListGiftCards

__all__ = ["list_cards"]

ONE_SCREEN: Final = 100
PAGE: Final = 1000

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
            expiring_before=_moment(self.expiring_before, "--expiring-before"),
            currency=None if self.currency is None else self.currency.upper(),
            value_from=self._price(self.value_from),
            value_to=self._price(self.value_to),
            balance_from=self._price(self.balance_from),
            balance_to=self._price(self.balance_to),
            issued_since=_moment(self.issued_since, "--issued-since"),
            issued_until=_moment(self.issued_until, "--issued-until"),
            expires_since=_moment(self.expires_since, "--expires-since"),
            expires_until=_moment(self.expires_until, "--expires-until"),
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

    def _price(self, amount: str | None) -> Money | None:
        if amount is None:
            return None
        if self.currency is None:
            raise Cannot("amounts need --currency")
        return to_price(amount, self.currency)


@at_desk()
def list_cards(
    desk: Desk,
    filters: CardFilters,
    *,
    sort: Annotated[GiftCardSort, typer.Option(help="By what they are sorted.")] = GiftCardSort.ISSUED,
    descending: Annotated[bool, typer.Option("--descending", help="The last ones first.")] = False,
    limit: Annotated[int, typer.Option(metavar="NUMBER", help="At most so many cards.")] = ONE_SCREEN,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", show_default=False, help="Go on where an earlier page ended.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of them, read page by page; with --json one per line.")
    ] = False,
    totals: Annotated[bool, typer.Option("--totals", help="And what all of them sum to.")] = False,
) -> None:
    """
    List gift cards: filtered, sorted, page by page.

    A page that is not the last says how to go on; cards issued meanwhile are neither a reason to skip one nor to show
    it twice. Exit codes: 0 listed, 2 it cannot be done.
    """
    if not everything or after is not None or filters.code is not None:
        desk.require_secret()  # cursors are signed with it
    query = attrs.evolve(
        filters.query(), sort=sort, descending=descending, limit=limit, after=after, with_totals=totals
    )
    if everything:
        _all_cards(desk, query)
        return
    page = desk.loyalty.ask(query)
    desk.paper.answer(page, lambda: [cards_sheet(page.gift_cards), *_totals_sheets(page.totals)])
    if page.next_after is not None:
        desk.paper.say(f"There is more: --after {page.next_after}, or --all.")


def _all_cards(desk: Desk, query: ListGiftCards) -> None:
    """Write everything, page by page, and then what it sums to."""
    following: ListGiftCards | None = attrs.evolve(query, limit=PAGE)
    totals, is_first = None, True
    while following is not None:
        page = desk.loyalty.ask(following)
        desk.paper.part(page.gift_cards, cards_sheet, is_first=is_first)
        totals, is_first = totals or page.totals, False
        following = (
            None if page.next_after is None else attrs.evolve(following, after=page.next_after, with_totals=False)
        )
    for sheet in _totals_sheets(totals):
        desk.paper.sheet(sheet)


def _totals_sheets(totals: tuple[GiftCardTotals, ...] | None) -> list[Sheet]:
    if totals is None:
        return []
    columns = ("in all", "value", "posted", "available")
    rows = [(f"{one.count}", money(one.value), money(one.posted), money(one.available)) for one in totals]
    return [Sheet(columns=tuple(Column(name, is_number=True) for name in columns), rows=rows)]


def _moment(text: str | None, option: str) -> datetime | None:
    return None if text is None else to_moment(text, option)
