"""
Re-adds every balance from its transfers and names what does not fit.

Never repairs anything. It walks the accounts in pages and streams their
transfers, so a ledger of any size is checked in bounded memory.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from loyalty import fields
from loyalty.ports.storage import Reader
from loyalty.reports.audit_mark import Mark
from loyalty.reports.changed import check_changes
from loyalty.reports.checking import Check, Finding
from loyalty.reports.query import Query, QueryContext

__all__ = ["Audit", "AuditReport", "Finding"]


@attrs.frozen(kw_only=True)
class AuditReport:
    """
    What was checked and found.

    ``findings`` begins with the first wrong row and stops at *limit*. ``mark`` is
    what a later audit goes on from; None if anything was found, so that nothing
    wrong is ever left behind.
    """

    accounts: int
    transfers: int
    findings: tuple[Finding, ...]
    mark: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether everything fits."""
        return not self.findings


def _to_mark(text: str | None) -> str | None:
    return None if text is None else Mark.require(text)


@attrs.frozen(kw_only=True)
class Audit(Query[AuditReport]):
    """
    Check that the books tie, from the transfers up.

    For every account: sequences have no gap, each balance after is the sum so
    far, the posted balance and every lot equal the sum of their moves,
    0 ≤ held ≤ posted, lots sum to the account, and a card that has any entry was
    issued with its face value, or imported with at most that. For the whole: what
    customers are owed is what the house accounts gave, nothing was given back
    beyond what was moved, no transfer hangs in the air, every hold was captured
    once and within what it held, accounts reserve for open holds as much as those
    say, and for no others, and closed accounts are empty. The cards of every batch are numbered without a gap.

    With *since* it checks the same of what changed since then: every account, hold and
    batch that an event tells of, each from its first transfer on, and what these
    name. It does not see what was changed behind the library's back on what no
    event tells of; so run a whole one as well, less often. That what customers are
    owed is what the house gave needs no second look: it follows if it was so, each
    account is the sum of its transfers and none of those hangs in the air.

    Args:
        limit:
            How many findings at most; from 1 to 10,000.
        since:
            The mark of an earlier audit of the same books.
        overlap:
            How far back events are read again, because a transaction that was open
            then may have been committed after later ones; from a second to 30 days.
            It must be longer than any transaction is open, a host's included.

    Raises:
        loyalty.errors.InvalidRequest: If *since* is no mark, or one of other books
            or of later ones, as after a backup was restored.

    Guarantees:
        Of what changed, it finds what a whole audit finds
        (``tests/properties/test_an_audit_of_changes_finds_what_a_whole_one_finds.py``).
    """

    limit: int = attrs.field(default=100, validator=fields.is_whole_number(1, 10_000))
    since: str | None = attrs.field(default=None, converter=_to_mark)
    overlap: timedelta = attrs.field(
        default=timedelta(hours=1), validator=fields.is_duration(timedelta(seconds=1), timedelta(days=30))
    )

    def answer(self, reader: Reader, context: QueryContext) -> AuditReport:
        """Answer from the books."""
        check = Check(self.limit)
        if self.since is None:
            check.everything(reader)
            mark = Mark.of_all(reader, context.now)
        else:
            earlier = Mark.read(self.since)
            last = check_changes(check, reader, earlier.settled)
            mark = earlier.followed_by(context.now, last, self.overlap)
        return AuditReport(
            accounts=check.accounts,
            transfers=check.entries,
            findings=tuple(check.findings),
            mark=None if check.findings else mark.text(),
        )
