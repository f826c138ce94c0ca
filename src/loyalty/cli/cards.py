"""Commands on one card."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import Cannot
from loyalty.cli.options import (
    Amount,
    CardId,
    Code,
    CurrencyCode,
    Expiry,
    Reveal,
    optional_moment,
    read_code,
    texts,
    to_price,
)
from loyalty.cli.sheets import card_facts, entries_sheet
from loyalty.codes.code import GiftCardCode
from loyalty.errors import GiftCardNotFound
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.entry import Entry
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.reports.gift_cards import FindGiftCard, GetGiftCard
from loyalty.reports.store_credit import Statement
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard

__all__ = ["block", "issue", "replace_code", "show", "unblock"]


@attrs.frozen(kw_only=True)
class IssuedAnswer:
    """A card with a new code; the code only if it was asked for."""

    idempotency_key: str
    gift_card: GiftCardView
    code: str | None


@attrs.frozen(kw_only=True)
class CardAnswer:
    """A card, and the history of its account."""

    gift_card: GiftCardView
    history: tuple[Entry, ...]


@at_desk(changes=True, makes_codes=True)
def issue(
    desk: Desk,
    amount: Amount,
    currency: CurrencyCode,
    *,
    expires: Expiry = None,
    reveal: Reveal = False,
    customer: Annotated[
        str | None, typer.Option(metavar="ID", show_default=False, help="Who alone may spend it.")
    ] = None,
    recipient: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="Who gets it, as the shop writes it.")
    ] = None,
    order: Annotated[
        str | None, typer.Option(metavar="ID", show_default=False, help="The order in which it was bought.")
    ] = None,
    origin: Annotated[
        LotOrigin | None,
        typer.Option(show_default="promotional, or purchased with --order", help="Where its value comes from."),
    ] = None,
    region: Annotated[str | None, typer.Option(metavar="ID", show_default=False, help="The region it is for.")] = None,
    tax_rate: Annotated[
        str | None, typer.Option(metavar="PERCENT", show_default=False, help="0 is a rate; none is none.")
    ] = None,
    tax_treatment: Annotated[TaxTreatment, typer.Option(help="When it is taxed.")] = TaxTreatment.MULTI_PURPOSE,
    tag: Annotated[list[str] | None, typer.Option(metavar="TEXT", show_default=False, help="May be repeated.")] = None,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="-",
            show_default=False,
            help="A code of your choice, needs --chosen-codes: `-` asks for it, or reads one line from a pipe.",
        ),
    ] = None,
) -> None:
    """
    Issue a gift card, spendable at once.

    The code is shown only with --reveal. The same command again, with the key that was shown and --reveal, shows it
    later. Exit codes: 0 issued, 1 refused, 2 it cannot be done, 130 interrupted.
    """
    command = IssueGiftCard(
        value=to_price(amount, currency),
        expires_at=optional_moment(expires, "--expires"),
        customer_id=customer,
        recipient=recipient,
        order_id=order,
        origin=origin,
        region=region,
        tax_rate=tax_rate,
        tax_treatment=tax_treatment,
        tags=texts(tag),
        code=None if code is None else read_code(code),
        **desk.said,
    )
    _tell_code(desk, desk.execute(command), reveal=reveal)


def _tell_code(desk: Desk, issued: IssuedGiftCard, *, reveal: bool) -> None:
    """Answer with the card, and with its new code if it may be shown."""
    key, card, code = desk.said["idempotency_key"], issued.gift_card, issued.code if reveal else None
    desk.paper.answer(
        IssuedAnswer(idempotency_key=key, gift_card=card, code=code), lambda: [card_facts(card, code=code)]
    )
    if not reveal:
        desk.paper.say(f"The code is masked. The same again with --key {key} --reveal shows it.")


@at_desk()
def show(desk: Desk, gift_card_id: CardId = None, *, code: Code = None) -> None:
    """
    Show a card: what is on it, its state, and every movement of its value.

    Exit codes: 0 shown, 1 there is no such card, 2 it cannot be done.
    """
    with _named_once(gift_card_id, code) as typed:
        card = _looked_up(desk, gift_card_id, typed)
    history = desk.loyalty.ask(Statement(account_id=card.account_id)).entries
    desk.paper.answer(CardAnswer(gift_card=card, history=history), lambda: [card_facts(card), entries_sheet(history)])


def _looked_up(desk: Desk, gift_card_id: str | None, code: GiftCardCode | None) -> GiftCardView:
    if code is None:
        return desk.loyalty.ask(GetGiftCard(id=str(gift_card_id)))
    desk.require_secret()
    return desk.loyalty.ask(FindGiftCard(code=code))


@at_desk(changes=True)
def block(desk: Desk, gift_card_id: CardId = None, *, code: Code = None) -> None:
    """
    Stop a card for now; nothing can be spent from it until it is unblocked.

    Exit codes: 0 blocked, 1 refused or no such card, 2 it cannot be done, 130 interrupted.
    """
    with _named_once(gift_card_id, code) as typed:
        card = desk.execute(BlockGiftCard(gift_card_id=gift_card_id, code=typed, **desk.said))
    desk.paper.answer(card, lambda: [card_facts(card)])


@at_desk(changes=True)
def unblock(desk: Desk, gift_card_id: CardId = None, *, code: Code = None) -> None:
    """
    Let a blocked card be spent again.

    Exit codes: 0 unblocked, 1 refused or no such card, 2 it cannot be done, 130 interrupted.
    """
    with _named_once(gift_card_id, code) as typed:
        card = desk.execute(UnblockGiftCard(gift_card_id=gift_card_id, code=typed, **desk.said))
    desk.paper.answer(card, lambda: [card_facts(card)])


@at_desk(changes=True, makes_codes=True)
def replace_code(desk: Desk, gift_card_id: CardId = None, *, code: Code = None, reveal: Reveal = False) -> None:
    """
    Give a card a new code; the old one is dead at once.

    Balance, history and state stay. The new code is shown only with --reveal; the same command again, with the key
    that was shown and --reveal, shows it later. Exit codes: 0 replaced, 1 refused or no such card, 2 it cannot be
    done, 130 interrupted.
    """
    with _named_once(gift_card_id, code) as typed:
        issued = desk.execute(ReplaceGiftCardCode(gift_card_id=gift_card_id, code=typed, **desk.said))
    _tell_code(desk, issued, reveal=reveal)


@contextmanager
def _named_once(gift_card_id: str | None, code: str | None) -> Iterator[GiftCardCode | None]:
    """Give the code, if the card is named by it; where an id leads nowhere, it may be a code."""
    if (gift_card_id is None) == (code is None):
        raise Cannot("name the card once: give its id, or --code -")
    if code is not None:
        yield read_code(code)
        return
    try:
        yield None
    except GiftCardNotFound:
        raise GiftCardNotFound("no gift card has this id; a code is given with --code -") from None
