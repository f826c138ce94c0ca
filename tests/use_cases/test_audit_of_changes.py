"""An audit of what changed: what it looks at, what it leaves to a whole one, and where it goes on from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    Audit,
    AuditReport,
    BlockGiftCard,
    CodeFormat,
    IssuedGiftCard,
    IssueGiftCardBatch,
    LapseHolds,
    Policies,
)
from loyalty.errors import InvalidRequest
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import Reader
from loyalty.reports.audit_mark import Mark
from loyalty.reports.query import QueryContext
from tests.use_cases.checkout import capture, hold
from tests.use_cases.shop import DAY, KEYS, Shop, usd
from tests.use_cases.test_audit import put_account, put_hold

SECOND: Final = timedelta(seconds=1)
HOUR: Final = timedelta(hours=1)


def audit(shop: Shop, since: str | None = None, **given: Any) -> AuditReport:
    """Audit, an overlap of an hour being the default."""
    return shop.ask(Audit(since=since, **given))


def clean(shop: Shop, since: str | None = None, **given: Any) -> str:
    """Audit, find nothing, and return the mark."""
    report = audit(shop, since, **given)
    assert () == report.findings
    assert report.mark is not None
    return report.mark


def settled(shop: Shop) -> str:
    """Return a mark that goes back to nothing that happened so far."""
    mark = clean(shop)
    shop.clock.advance(2 * HOUR)
    mark = clean(shop, mark)
    shop.clock.advance(2 * HOUR)
    return mark


def account_of(card: IssuedGiftCard) -> Any:
    """Return the id of a card's account."""
    return card.gift_card.account_id


def test_only_what_changed_is_looked_at() -> None:
    """An account with all its history; the others not at all."""
    shop = Shop()
    cards = [shop.issue() for _ in range(20)]
    mark = settled(shop)
    shop.redeem(cards[3], "1.00")
    report = audit(shop, mark)
    assert (1, 2, ()) == (report.accounts, report.transfers, report.findings)
    shop.execute(BlockGiftCard(gift_card_id=cards[4].gift_card.id, idempotency_key=shop.key()))
    assert 2 == audit(shop, mark).accounts


def test_what_changed_behind_the_library_s_back_is_left_to_a_whole_audit() -> None:
    """No event tells of it; on an account that one tells of it is found."""
    shop = Shop()
    card, other = shop.issue(), shop.issue()
    mark = settled(shop)
    put_account(shop, account_of(card), posted=9_999)
    shop.redeem(other, "1.00")
    assert audit(shop, mark).is_clean
    assert account_of(card) in {finding.id for finding in audit(shop).findings}
    shop.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key=shop.key()))
    report = audit(shop, mark)
    assert (account_of(card), None) == (report.findings[0].id, report.mark)


def test_nothing_wrong_is_left_behind() -> None:
    """A report with findings has no mark, and the earlier one finds them again."""
    shop = Shop()
    card = shop.issue()
    mark = settled(shop)
    shop.redeem(card, "1.00")
    put_account(shop, account_of(card), posted=9_999)
    for _ in range(2):
        assert not audit(shop, mark).is_clean
        shop.clock.advance(DAY)


def test_an_account_that_is_gone_is_named() -> None:
    """An event tells of it, so it was there."""
    shop = Shop()
    mark = settled(shop)
    card = shop.issue()
    for records in (shop.storage._books.accounts, shop.storage._books.cards):
        del records[account_of(card)]
    shop.storage._books.entries.clear()
    (finding,) = audit(shop, mark).findings
    assert ("account", account_of(card), "is not there, but an event tells of it") == (
        finding.subject,
        finding.id,
        finding.problem,
    )


@pytest.mark.parametrize("wrong", [{"captured": 500}, {"captured": 700}, {"tenders": ()}], ids=str)
def test_a_hold_that_changed_is_checked(wrong: dict[str, Any]) -> None:
    """Captured since the mark, placed before it."""
    shop = Shop()
    card = shop.issue("50.00")
    held = hold(shop, "10.00", codes=[card.code], order_id="1")
    mark = settled(shop)
    assert audit(shop, mark).is_clean
    shop.clock.now -= 4 * HOUR
    capture(shop, held, "6.00")
    shop.clock.advance(4 * HOUR)
    assert audit(shop, mark).is_clean
    put_hold(shop, held, **wrong)
    assert held.id in {finding.id for finding in audit(shop, mark).findings}


def test_a_hold_that_a_changed_account_reserves_for_is_checked() -> None:
    """Also if nothing happened to the hold."""
    shop = Shop()
    card = shop.issue("50.00")
    held = hold(shop, "10.00", codes=[card.code], order_id="1")
    mark = clean(shop)
    shop.clock.advance(SECOND)
    mark = clean(shop, mark, overlap=SECOND)
    shop.redeem(card, "1.00", order_id="2")
    assert audit(shop, mark, overlap=SECOND).is_clean
    del shop.storage._books.holds[held.id]
    assert [(held.id, "is not there, but value is reserved for it")] == [
        (one.id, one.problem) for one in audit(shop, mark, overlap=SECOND).findings if one.subject == "hold"
    ]


def test_a_swept_hold_is_nothing_wrong() -> None:
    """Nor before the sweep."""
    shop = Shop()
    card = shop.issue("50.00")
    mark = settled(shop)
    hold(shop, "10.00", codes=[card.code], order_id="1")
    shop.clock.advance(DAY)
    mark = clean(shop, mark)
    shop.execute(LapseHolds())
    clean(shop, mark)


@pytest.mark.parametrize("number", [1, 700, 1_100])
def test_a_batch_with_a_gap_is_named(number: int) -> None:
    """Wherever in it a card is missing."""
    shop = Shop()
    mark = settled(shop)
    batch = shop.execute(IssueGiftCardBatch(name="spring", count=1_100, value=usd("1.00"), idempotency_key=shop.key()))
    assert clean(shop, mark)
    del shop.storage._books.batch_cards[batch.id][number]
    assert [("batch", batch.id)] == [(one.subject, one.id) for one in audit(shop, mark).findings]


# --- marks ------------------------------------------------------------------


@attrs.frozen
class Hiding:
    """A reader that does not see some events yet: those of transactions that are still open."""

    reader: Reader
    hidden: frozenset[str]

    def recorded(self, after: int) -> Iterator[OutboxEntry]:
        """Yield what is seen."""
        return (entry for entry in self.reader.recorded(after) if entry.id not in self.hidden)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)


def without(shop: Shop, hidden: str, since: str | None, **given: Any) -> AuditReport:
    """Audit while one event is not seen."""
    context = QueryContext(now=shop.clock(), code_keys=KEYS, code_format=CodeFormat(), policies=Policies())
    return shop.storage.read(
        lambda reader: Audit(since=since, **given).answer(Hiding(reader, frozenset({hidden})), context)
    )


def test_a_change_that_is_seen_late_is_not_skipped() -> None:
    """One transaction is open over several audits, and later ones are committed and checked meanwhile."""
    shop = Shop()
    late, other = shop.issue(), shop.issue()
    mark: str | None = settled(shop)
    shop.redeem(late, "1.00")
    hidden = shop.last_receipt().id
    put_account(shop, account_of(late), posted=9_999)
    for _ in range(5):
        shop.redeem(other, "1.00")
        report = without(shop, hidden, mark)
        assert () == report.findings
        mark = report.mark
        shop.clock.advance(HOUR / 6)
    assert account_of(late) in {finding.id for finding in audit(shop, mark).findings}


def test_a_change_that_the_first_audit_did_not_see_is_not_skipped() -> None:
    """There is no earlier mark, so the events of a whole day are read again."""
    shop = Shop()
    late, other = shop.issue(), shop.issue()
    shop.clock.advance(2 * DAY)
    shop.redeem(late, "1.00")
    hidden = shop.last_receipt().id
    shop.redeem(other, "1.00")
    put_account(shop, account_of(late), posted=9_999)
    everything = without(shop, hidden, None)
    assert not everything.is_clean
    put_account(shop, account_of(late), posted=4_900)
    mark = without(shop, hidden, None).mark
    put_account(shop, account_of(late), posted=9_999)
    assert account_of(late) in {finding.id for finding in audit(shop, mark).findings}


def test_marks_do_not_grow_and_move_on() -> None:
    """However often is audited, what is settled is read no more."""
    shop = Shop()
    card = shop.issue()
    mark = settled(shop)
    for _ in range(50):
        shop.redeem(card, "0.10")
        mark = clean(shop, mark)
        shop.clock.advance(HOUR / 2)
    read = Mark.read(mark)
    assert len(read.seen) <= 3
    assert read.settled.position >= 47
    shop.clock.advance(2 * HOUR)
    mark = clean(shop, mark)
    assert 1 == len(Mark.read(mark).seen)
    assert 0 == audit(shop, mark).accounts


def test_a_clock_that_goes_back_only_reads_more() -> None:
    """Nothing is skipped because of it."""
    shop = Shop()
    card = shop.issue()
    mark = settled(shop)
    shop.redeem(card, "1.00")
    shop.clock.advance(-DAY)
    mark = clean(shop, mark)
    put_account(shop, account_of(card), posted=9_999)
    assert not audit(shop, mark).is_clean
    shop.clock.advance(DAY / 2)
    assert not audit(shop, mark).is_clean


def test_books_without_events_have_a_mark() -> None:
    """From which the first one is found."""
    shop = Shop()
    mark = settled(shop)
    shop.issue()
    assert 1 == audit(shop, mark).accounts


def test_the_mark_of_other_books_is_refused() -> None:
    """As is one of the same books after an older backup was restored: a whole audit is to be made first."""
    ids = iter(range(100))
    shop, empty, other = Shop(), Shop(), Shop(new_id=lambda: f"other-{next(ids)}")
    shop.issue()
    mark = settled(shop)
    other.issue()
    for books in (empty, other):
        with pytest.raises(InvalidRequest, match="of other books, or of later ones; run a whole audit"):
            audit(books, mark)


@pytest.mark.parametrize(
    "mark",
    [
        "", "x", "[]", "null", "1", '[2,0,"",[]]', '[1,-1,"",[]]', '[1,0.5,"",[]]', "[1,0,7,[]]", '[1,0,"",[[]]]',
        '[1,0,"",[[-1,0,""]]]', '[1,true,"",[]]', '[1,0,"",7]', '[1,0,"",[],0]', "[" * 10_000,
        '[1,99999999999999999999,"",[]]', '[1,0,"",[[9000000000000000000,0,""]]]', 7, b"[]",
    ],
    ids=lambda mark: repr(mark)[:30],
)  # fmt: skip
def test_what_is_no_mark_is_refused(mark: Any) -> None:
    """When the query is made."""
    with pytest.raises(InvalidRequest, match=r"since (must be the|is a) mark"):
        Audit(since=mark)


def test_a_mark_is_a_text_that_comes_back_as_it_was() -> None:
    """It can be kept anywhere."""
    shop = Shop()
    shop.issue()
    mark = clean(shop)
    assert mark == Mark.read(mark).text() == Audit(since=mark).since
