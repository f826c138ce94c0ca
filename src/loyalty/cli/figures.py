"""What the shop owes, and whether the books are in order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import FOUND_WRONG
from loyalty.cli.kept_mark import keep_mark, kept_mark
from loyalty.cli.options import optional_moment
from loyalty.cli.paper import Column, Sheet
from loyalty.cli.sheets import day, money
from loyalty.reports.audit import Audit, AuditReport, Finding
from loyalty.reports.liability import Liability, LiabilityReport

__all__ = ["audit", "liability"]


@attrs.frozen(kw_only=True)
class AuditAnswer:
    """What the audit says, and its verdict."""

    is_clean: bool
    accounts: int
    transfers: int
    findings: tuple[Finding, ...]


@at_desk()
def liability(
    desk: Desk,
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            show_default="now",
            help="With everything recorded until this instant, it included: a date (its beginning in UTC), or a time "
            "with its zone.",
        ),
    ] = None,
) -> None:
    """
    Show what is owed to customers, per currency and origin.

    Value that has expired counts until 'loyalty expire' has posted it. Exit codes: 0 shown, 2 it cannot be done.
    """
    report = desk.loyalty.ask(Liability(as_of=optional_moment(as_of, "--as-of")))
    desk.paper.answer(report, lambda: [_liability_sheet(report)])


@at_desk()
def audit(
    desk: Desk,
    *,
    limit: Annotated[int, typer.Option(metavar="NUMBER", help="Stop after so many findings.")] = 100,
    since_last: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Only what changed since the last run with this file that found nothing. The first run is a whole "
            "audit, and makes the file.",
        ),
    ] = None,
    overlap: Annotated[
        int,
        typer.Option(
            metavar="MINUTES",
            min=1,
            max=43_200,
            help="With --since-last: longer than any transaction on the database stays open.",
        ),
    ] = 60,
) -> None:
    """
    Add every balance up again from its entries, and name what does not fit.

    It locks nothing, so it may run during traffic. Exit codes: 0 the books are in order, 1 they are not, 2 it cannot be
    done.
    """
    mark = None if since_last is None else kept_mark(since_last)
    report = desk.loyalty.ask(Audit(limit=limit, since=mark, overlap=timedelta(minutes=overlap)))
    answer = AuditAnswer(
        is_clean=report.is_clean, accounts=report.accounts, transfers=report.transfers, findings=report.findings
    )
    if since_last is not None and report.mark is not None:
        keep_mark(since_last, report.mark)
    desk.paper.answer(answer, lambda: [] if report.is_clean else [_findings_sheet(report)])
    desk.paper.say(_verdict(report, "accounts" if mark is None else "accounts that changed"))
    if not report.is_clean:
        raise typer.Exit(FOUND_WRONG)


def _liability_sheet(report: LiabilityReport) -> Sheet:
    rows = []
    for currency, total in report.total.items():
        rows += [(currency, origin.value, money(owed)) for origin, owed in report.by_origin[currency].items()]
        rows.append((currency, "in all", money(total)))
    return Sheet(
        title=f"Owed to customers as of {day(report.as_of)}",
        columns=(Column("currency"), Column("origin", colors={"in all": "bold"}), Column("owed", is_number=True)),
        rows=rows,
        empty="Nothing was ever owed.",
    )


def _findings_sheet(report: AuditReport) -> Sheet:
    return Sheet(
        columns=(Column("what"), Column("id"), Column("problem")),
        rows=[(found.subject, found.id, found.problem) for found in report.findings],
    )


def _verdict(report: AuditReport, accounts: str) -> str:
    checked = f"{report.transfers:,} entries of {report.accounts:,} {accounts} were added up again"
    if report.is_clean:
        return f"Audit: clean. {checked}, and everything fits."
    return f"Audit: {len(report.findings):,} findings. {checked}; nothing was changed."
