"""Many gift cards at once."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Final, TextIO

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import Cannot
from loyalty.cli.json_form import amount_text, time_text
from loyalty.cli.options import Amount, CurrencyCode, Expiry, Reveal, optional_moment, texts, to_price
from loyalty.cli.paper import Sheet, facts
from loyalty.cli.private_file import new_private_file
from loyalty.cli.progress import watch
from loyalty.cli.sheets import day, money
from loyalty.gift_cards.batch import GiftCardBatchView
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.reports.batches import GetGiftCardBatch
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
from loyalty.use_cases.reveal_batch_codes import RevealBatchCodes, RevealedBatchCodes

__all__ = ["batch"]

STANDARD_OUTPUT: Final = "-"
LONGEST_KEY: Final = 180
"""What is left of the characters of a key for the pages of codes."""

HEADER: Final = ("number", "gift_card_id", "code", "amount", "currency", "expires_at")


@attrs.frozen(kw_only=True)
class BatchAnswer:
    """What became of a batch; ``codes`` is the file in which its codes are, if they were handed out."""

    idempotency_key: str
    batch: GiftCardBatchView
    codes: str | None


@at_desk(changes=True, makes_codes=True)
def batch(
    desk: Desk,
    count: Annotated[int, typer.Argument(metavar="COUNT", show_default=False, help="How many cards.")],
    amount: Amount,
    currency: CurrencyCode,
    *,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Hand the codes out into a new CSV file that only you can read; `-` writes them to standard output "
            "and needs --reveal.",
        ),
    ] = None,
    reveal: Reveal = False,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="What people call the batch.")
    ] = None,
    expires: Expiry = None,
    origin: Annotated[LotOrigin, typer.Option(help="Where the value comes from.")] = LotOrigin.PROMOTIONAL,
    region: Annotated[
        str | None, typer.Option(metavar="ID", show_default=False, help="The region they are for.")
    ] = None,
    tax_rate: Annotated[
        str | None, typer.Option(metavar="PERCENT", show_default=False, help="0 is a rate; none is none.")
    ] = None,
    tax_treatment: Annotated[TaxTreatment, typer.Option(help="When they are taxed.")] = TaxTreatment.MULTI_PURPOSE,
    tag: Annotated[list[str] | None, typer.Option(metavar="TEXT", show_default=False, help="May be repeated.")] = None,
) -> None:
    """
    Issue many cards of the same value, and hand out their codes once.

    Whatever cuts it off, the same command again with the key that was shown issues what is missing and hands out the
    same codes. Exit codes: 0 done, 1 refused, 2 it cannot be done, 130 interrupted.
    """
    command = IssueGiftCardBatch(
        count=count,
        value=to_price(amount, currency),
        name=name,
        expires_at=optional_moment(expires, "--expires"),
        origin=origin,
        region=region,
        tax_rate=tax_rate,
        tax_treatment=tax_treatment,
        tags=texts(tag),
        **desk.said,
    )
    with _place_for_codes(desk, output, reveal=reveal) as place:
        issued = desk.execute(command)
        if place is not None:
            _hand_out(desk, issued, place)
    if output != STANDARD_OUTPUT:
        after = desk.loyalty.ask(GetGiftCardBatch(id=issued.id))
        answer = BatchAnswer(idempotency_key=command.idempotency_key, batch=after, codes=output)
        desk.paper.answer(answer, lambda: [_batch_facts(after, output)])
    if output is None:
        desk.paper.say(f"The same again with --key {command.idempotency_key} --output codes.csv hands out the codes.")


def _place_for_codes(desk: Desk, output: str | None, *, reveal: bool) -> AbstractContextManager[TextIO | None]:
    """
    Return where the codes go, before a card is issued.

    Raises:
        loyalty.cli.ending.Cannot: If they cannot go there.
    """
    if output is None:
        return nullcontext()
    if len(desk.said["idempotency_key"]) > LONGEST_KEY:
        raise Cannot(f"with --output a --key has at most {LONGEST_KEY} characters")
    if output != STANDARD_OUTPUT:
        return new_private_file(Path(output))
    if not reveal:
        raise Cannot("--output - shows the codes of all cards; if that is wanted, say --reveal")
    if desk.paper.as_json:
        raise Cannot("--output - writes CSV to standard output, and so cannot be combined with --json")
    return nullcontext(sys.stdout)


def _hand_out(desk: Desk, issued: GiftCardBatchView, place: TextIO) -> None:
    """Write the codes into a table, and say so if some of them were handed out before."""
    table = csv.writer(place, lineterminator="\n")
    table.writerow(HEADER)
    expires = "" if issued.expires_at is None else time_text(issued.expires_at)
    same = (amount_text(issued.value), issued.value.currency.code, expires)
    written = 0

    def write() -> Iterator[int]:
        nonlocal written
        for revealed in _revealed(desk, issued):
            table.writerows((one.unit, one.gift_card_id, one.code, *same) for one in revealed.codes)
            written += len(revealed.codes)
            yield revealed.batch.revealed

    watch(write(), issued.count, desk.paper.messages, verb="Handing out", what="codes")
    if written < issued.count:
        desk.paper.say(f"Only {written:,} codes are here; the others were handed out or replaced before.")


def _revealed(desk: Desk, issued: GiftCardBatchView) -> Iterator[RevealedBatchCodes]:
    """Yield page after page, each under a key of its own that is the same when the command is repeated."""
    page, is_done = 0, False
    while not is_done:
        page += 1
        said = desk.said.copy()
        said["idempotency_key"] = f"{desk.said['idempotency_key']}/codes/{page}"
        revealed = desk.loyalty.execute(RevealBatchCodes(batch_id=issued.id, **said))
        yield revealed
        is_done = revealed.is_done


def _batch_facts(issued: GiftCardBatchView, output: str | None) -> Sheet:
    return facts(
        [
            ("batch", issued.id),
            ("name", issued.name or ""),
            ("cards", f"{issued.issued:,} of {issued.count:,}"),
            ("value of each", money(issued.value)),
            ("expires", day(issued.expires_at) or "never"),
            ("codes", output or ""),
        ]
    )
