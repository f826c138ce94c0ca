"""What the demonstration prints at its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import attrs
from rich import box
from rich.table import Table

from loyalty.cli.books import CURRENCY, Month, Snapshot
from loyalty.cli.checkout_kind import CheckoutKind
from loyalty.cli.purchases import PurchaseLog
from loyalty.cli.replay import Replay
from loyalty.facade import Loyalty
from loyalty.money import signed_minor_units
from loyalty.reports.liability import Liability

__all__ = ["Run", "closing_lines", "liability_line", "log_line", "month_table", "verdict_line"]

COLUMNS = ("issued", "granted", "redeemed", "refunded", "expired", "outstanding")


@attrs.frozen(kw_only=True)
class Run:
    """A run that has ended: the books before and after it, and the seconds it took."""

    replay: Replay
    before: Snapshot
    after: Snapshot
    seconds: float

    @property
    def changed_nothing(self) -> bool:
        """Whether the books hold exactly what they held before."""
        return self.before.digest == self.after.digest


def log_line(log: PurchaseLog) -> str:
    """Return what is replayed."""
    return (
        f"{len(log.purchases):,} purchases of {log.customers:,} customers, {log.first_day} to {log.last_day}, "
        f"{_money(sum(one.cents for one in log.purchases))} {CURRENCY}"
    )


def month_table(months: tuple[Month, ...]) -> Table:
    """Return the movements of each month and what was outstanding at its end; below, their sums."""
    title = f"What customers are owed, in {CURRENCY}"
    table = Table(box=box.SIMPLE, title=title, title_style="bold", show_footer=True, show_edge=False, pad_edge=False)
    table.add_column("month", footer="in all", no_wrap=True)
    for name in COLUMNS:
        total = months[-1].outstanding if name == "outstanding" else sum(getattr(month, name) for month in months)
        table.add_column(name, footer=_money(total), justify="right", no_wrap=True)
    for month in months:
        table.add_row(f"{month.first_day:%Y-%m}", *(_money(getattr(month, name)) for name in COLUMNS))
    return table


def liability_line(loyalty: Loyalty, last_day: date) -> str:
    """Return what is owed at the end, by origin."""
    owed = loyalty.ask(Liability(as_of=datetime.combine(last_day, time(), tzinfo=UTC)))
    by_origin = {origin: signed_minor_units(amount) for origin, amount in owed.by_origin.get(CURRENCY, {}).items()}
    parts = ", ".join(f"{origin.value} {_money(cents)}" for origin, cents in by_origin.items())
    return f"Liability on {last_day}: {_money(sum(by_origin.values()))} {CURRENCY} ({parts or 'nothing is owed'})"


def closing_lines(run: Run, months: tuple[Month, ...]) -> Iterator[str]:
    """Yield what else there is to say about the run, one line each."""
    replay, events = run.replay, run.replay.events
    granted, returned = (sum(getattr(month, name) for month in months) for name in ("granted", "returned"))
    yield (
        f"Granted: {_money(granted - returned)} as 5 % of what was paid elsewhere, {_money(returned)} for returned "
        "purchases"
    )
    yield _cards_line(replay)
    yield (
        f"Purchases: {events['paid']:,} paid with stored value first, {events['returned']:,} returned the next day, "
        f"{events['free']:,} of 0.00"
    )
    if replay.checkout is CheckoutKind.HOLD:
        yield _holds_line(replay)
    yield (
        f"Speed: {replay.commands:,} commands and {replay.sweeps:,} daily sweeps in {run.seconds:,.1f} s, "
        f"{replay.commands / max(run.seconds, 1e-9):,.0f} commands per second"
    )
    if run.changed_nothing:
        yield (
            "This log was replayed before: nothing changed. "
            f"All {replay.commands:,} commands were answered again, and the books are the same to the cent."
        )
    elif run.before.audit.transfers:
        yield (
            f"An earlier run had stopped on the way and was continued: {run.before.audit.transfers:,} entries were "
            f"there, {run.after.audit.transfers - run.before.audit.transfers:,} were added."
        )


def _cards_line(replay: Replay) -> str:
    events = replay.events
    brought = (
        f"{events['claimed']:,} claimed"
        if replay.checkout is CheckoutKind.HOLD
        else f"{events['converted']:,} converted to store credit"
    )
    return (
        f"Cards: {events['cards']:,} issued, {brought} at a second purchase, {events['lapsed']:,} had expired by then"
    )


def _holds_line(replay: Replay) -> str:
    events = replay.events
    declined = events["voided"] + events["forgotten"]
    return (
        f"Holds: {events['held']:,} placed, {events['captured']:,} captured, {events['voided']:,} voided and "
        f"{events['forgotten']:,} lapsed after {declined:,} charges were declined elsewhere"
    )


def verdict_line(snapshot: Snapshot) -> str:
    """Return the audit's verdict, and its first finding if there is one."""
    audit = snapshot.audit
    if audit.is_clean:
        return (
            f"Audit: clean. {audit.transfers:,} entries of {audit.accounts:,} accounts were added up again, "
            "and every month ties to the cent."
        )
    first = audit.findings[0]
    return f"Audit: {len(audit.findings)} findings; the first: {first.subject} {first.id} {first.problem}"


def _money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
