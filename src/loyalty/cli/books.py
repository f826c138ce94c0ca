"""
What the books say, asked month by month, and whether it ties to the cent.

Nothing here is taken from the replay's own memory: the figures come from
``Movements``, ``Liability`` and ``Audit``, and are compared with one another
and with the sums of what the commands answered.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import attrs

from loyalty.cli.till import Moved
from loyalty.facade import Loyalty
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.money import signed_minor_units
from loyalty.reports.audit import Audit, AuditReport
from loyalty.reports.liability import CurrencyMovements, Liability, LiabilityReport, Movements

__all__ = ["BooksDoNotTie", "Month", "Snapshot", "month_by_month", "require_ties", "take_snapshot"]

CURRENCY: Final = "USD"
JUST_BEFORE: Final = timedelta(microseconds=1)


class BooksDoNotTie(Exception):
    """Two answers of the books contradict each other; the message names both figures."""


@attrs.frozen(kw_only=True)
class Month:
    """
    One line of the closing table, in cents.

    ``opening + issued + granted + refunded - redeemed - expired = outstanding``
    at the end of the month. ``returned`` is the part of ``granted`` that was
    given for returned purchases.
    """

    first_day: date
    opening: int = 0
    issued: int = 0
    granted: int = 0
    returned: int = 0
    refunded: int = 0
    redeemed: int = 0
    debited: int = 0
    expired: int = 0
    outstanding: int = 0
    liability: int = 0


@attrs.frozen(kw_only=True)
class Snapshot:
    """The books at one moment: the audit, and a digest of the figures that any command would change."""

    audit: AuditReport
    digest: str


def take_snapshot(loyalty: Loyalty) -> Snapshot:
    """Return the books as they are: every balance added up again, every movement, what is owed by origin."""
    audit = loyalty.ask(Audit())
    owed = loyalty.ask(Liability())
    figures = (audit.accounts, audit.transfers, loyalty.ask(Movements()), sorted(owed.by_origin.items()))
    return Snapshot(audit=audit, digest=hashlib.sha256(repr(figures).encode()).hexdigest())


def month_by_month(loyalty: Loyalty, first_day: date, last_day: date) -> tuple[Month, ...]:
    """Return one line for each month from that of *first_day* to that of *last_day*, both included."""
    months = []
    since = first_day.replace(day=1)
    while since <= last_day:
        until = (since + timedelta(days=31)).replace(day=1)
        months.append(_month(loyalty, since, until))
        since = until
    return tuple(months)


def require_ties(months: tuple[Month, ...], moved: Moved) -> None:
    """
    Check that the lines tie within themselves, to one another, to what is owed, and to what the commands answered.

    Raises:
        loyalty.cli.books.BooksDoNotTie: At the first two figures that differ.
    """
    before = 0
    for month in months:
        name = f"{month.first_day:%Y-%m}"
        _require_equal(f"{name}: the opening and the month before", month.opening, before)
        closing = month.opening + month.issued + month.granted + month.refunded
        closing -= month.redeemed + month.debited + month.expired
        _require_equal(f"{name}: the sum of the movements and the closing", closing, month.outstanding)
        _require_equal(f"{name}: the closing and the liability", month.outstanding, month.liability)
        before = month.outstanding
    for name, answered in attrs.asdict(moved).items():
        in_books = sum(getattr(month, name) for month in months)
        _require_equal(f"{name}: the books and what the commands answered", in_books, answered)


def _require_equal(what: str, first: int, second: int) -> None:
    if first != second:
        raise BooksDoNotTie(f"{what} differ: {first / 100:,.2f} and {second / 100:,.2f} {CURRENCY}")


def _month(loyalty: Loyalty, since: date, until: date) -> Month:
    end = _midnight(until)
    movements = loyalty.ask(Movements(since=_midnight(since), until=end))
    liability = _owed(loyalty.ask(Liability(as_of=end - JUST_BEFORE)))
    for moved in movements:
        if moved.currency == CURRENCY:
            return _line(since, moved, liability)
    return Month(first_day=since, liability=liability)


def _line(since: date, moved: CurrencyMovements, liability: int) -> Month:
    return Month(
        first_day=since,
        opening=signed_minor_units(moved.opening),
        issued=signed_minor_units(moved.issued),
        granted=signed_minor_units(moved.granted),
        returned=-signed_minor_units(moved.house[HouseAccount.REFUNDS]),
        refunded=signed_minor_units(moved.refunded),
        redeemed=signed_minor_units(moved.redeemed),
        debited=signed_minor_units(moved.debited),
        expired=signed_minor_units(moved.expired),
        outstanding=signed_minor_units(moved.closing),
        liability=liability,
    )


def _owed(report: LiabilityReport) -> int:
    total = report.total.get(CURRENCY)
    return 0 if total is None else signed_minor_units(total)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
