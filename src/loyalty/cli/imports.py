"""Gift cards from another system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import FOUND_WRONG, Cannot, reason
from loyalty.cli.paper import Column, Sheet, facts
from loyalty.cli.sheets import money
from loyalty.errors import InvalidImport
from loyalty.use_cases.import_file import gift_card_rows
from loyalty.use_cases.import_gift_cards import ImportGiftCards, ImportReport, RowOutcome

__all__ = ["import_cards"]

STANDARD_INPUT: Final = "-"


@attrs.frozen(kw_only=True)
class ImportAnswer:
    """What became of a file, or would become of it, row by row; never a code."""

    idempotency_key: str
    imported: int
    known: int
    refused: int
    report: ImportReport


@at_desk(changes=True, makes_codes=True)
def import_cards(
    desk: Desk,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="A CSV file in UTF-8; `-` is standard input.")
    ],
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="The system that the cards come from; each is imported from it once.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each row.")] = False,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Import the good rows also if others are refused.")
    ] = False,
    expect_rows: Annotated[
        int | None, typer.Option(metavar="NUMBER", show_default=False, help="Refuse a file of more or fewer rows.")
    ] = None,
    delimiter: Annotated[str, typer.Option(metavar="SIGN", help="What stands between the cells.")] = ",",
) -> None:
    """
    Import gift cards with what is left on them, all rows or none.

    The first line names the columns: source_id, value and currency; code, or code_digest, code_key_id and last_four;
    as wished balance, expires_at, customer_id, region, tax_rate, origin, note and tags. Codes need --chosen-codes.
    Whatever cuts it off, the same command again with the key that was shown imports what is missing.
    Exit codes: 0 imported, 1 some rows were refused, 2 it cannot be done and nothing was imported, 130 interrupted.
    """
    command = ImportGiftCards(
        source=source,
        rows=gift_card_rows(_content(file), delimiter=delimiter),
        is_dry_run=dry_run,
        is_strict=not lenient,
        expected_rows=expect_rows,
        **desk.said,
    )
    try:
        report = desk.execute(command)
    except InvalidImport as error:
        for number, why in error.rows:
            desk.paper.say(f"row {number}: {why}")
        raise
    answer = ImportAnswer(
        idempotency_key=command.idempotency_key,
        imported=report.imported,
        known=report.known,
        refused=report.refused,
        report=report,
    )
    desk.paper.answer(answer, lambda: _sheets(report))
    if report.refused:
        raise typer.Exit(FOUND_WRONG)


def _content(file: str) -> bytes:
    """
    Return what is in a file.

    Raises:
        loyalty.cli.ending.Cannot: If it cannot be read.
    """
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise Cannot(f"the file cannot be read: {reason(error)}") from None


def _sheets(report: ImportReport) -> list[Sheet]:
    refused = [row for row in report.rows if row.outcome is RowOutcome.REFUSED]
    counted = facts(
        [
            ("would be imported" if report.is_dry_run else "imported", f"{report.imported:,}"),
            ("known before", f"{report.known:,}"),
            ("refused", f"{report.refused:,}"),
            ("left on them", ", ".join(map(money, report.totals))),
        ]
    )
    if not refused:
        return [counted]
    columns = (Column("row", is_number=True), Column("source id"), Column("refused because"))
    rows = [(str(row.number), row.source_id or "", row.message or row.reason or "") for row in refused]
    return [counted, Sheet(columns=columns, rows=rows)]
