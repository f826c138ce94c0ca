"""Imports: twice is once, whatever is cut off, and whoever else imports the same at the same time."""

from __future__ import annotations

from typing import Final

import pytest

from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidImport
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.testing.capabilities import needs
from loyalty.testing.cut_off import CutOff, CutOffStorage
from loyalty.testing.fakes import fake_code_keys
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.programs import money
from loyalty.use_cases.import_gift_cards import ImportGiftCards, ImportReport
from loyalty.use_cases.import_row import GiftCardRow

__all__ = ["ImportTests"]

SEVEN: Final = 7


class ImportTests(RaceCase):
    """Cards of another system, on one storage."""

    @pytest.mark.parametrize("per_step", [1, 2, 3, 7, 1000])
    def test_an_import_comes_to_the_same_however_many_rows_a_step_takes(self, stand: Stand, per_step: int) -> None:
        """Each row is a card with what was left on it, also nothing; again under another key there are no more."""
        report = stand.execute(_import(per_step))
        after = stand.books()
        again = stand.execute(_import(per_step, key="again"))

        assert (SEVEN, 0, 0, SEVEN) == (report.imported, report.known, again.imported, again.known)
        assert [one.gift_card_id for one in report.rows] == [one.gift_card_id for one in again.rows]
        assert {"USD": sum(range(SEVEN))} == after.owed()
        assert (money(sum(range(SEVEN))),) == report.totals == again.totals
        assert after.gift_cards == stand.books().gift_cards
        assert [("old", str(number)) for number in range(SEVEN)] == [
            (one.source, one.source_id) for one in after.imported_cards
        ]
        assert money(6) == stand.loyalty.ask(GetGiftCard(id=_card_of(report, 6))).posted
        stand.require_sound()

    @pytest.mark.parametrize("steps", [1, 2, 3])
    def test_an_import_that_was_cut_off_goes_on_where_it_stopped(self, stand: Stand, steps: int) -> None:
        """What was there stays, the rest is added, and the answer is that of one that was not cut off."""
        command = _import(per_step=2)
        with pytest.raises(CutOff):
            stand.on(CutOffStorage(stand.storage, steps)).execute(command)
        before = stand.books()
        report = stand.execute(command)

        assert 2 * steps == len(before.gift_cards)
        assert set(before.gift_cards) < set(stand.books().gift_cards)
        assert (SEVEN, 0) == (report.imported, report.known)
        assert report == stand.execute(command)
        stand.require_sound()

    def test_a_strict_import_checks_every_row_first(self, stand: Stand) -> None:
        """The last one repeats the code of the first; nothing of it is there."""
        rows = [*map(_row, range(SEVEN)), _row(0, source_id="other")]
        with stand.refuses(InvalidImport) as caught:
            stand.execute(ImportGiftCards(source="old", rows=rows, rows_per_step=1, idempotency_key="import"))

        assert ((8, "repeated"),) == caught.value.rows

    def test_a_code_of_the_shop_and_a_changed_row_are_found(self, stand: Stand) -> None:
        """Under another id the code is taken, under the same id the row has changed; a dry run says so too."""
        stand.execute(_import())
        before = stand.books()
        rows = [_row(1, source_id="other"), _row(2, balance=money(1)), _row(3)]
        for is_dry_run in (True, False):
            command = ImportGiftCards(
                source="old", rows=rows, is_strict=False, is_dry_run=is_dry_run, idempotency_key="again"
            )
            report = stand.execute(command)
            assert ["code_taken", "changed", None] == [one.reason for one in report.rows]
        assert before.gift_cards == stand.books().gift_cards

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8])
    def test_many_who_import_one_file_import_it_once(self, stand: Stand, callers: int) -> None:
        """Each under a key of its own: every row becomes one card, and everybody is told of the same cards."""
        outcomes = self.race(stand, [_import(per_step=3, key=f"{number}") for number in range(callers)])
        reports = [result for result, _ in outcomes if isinstance(result, ImportReport)]

        assert {"done": callers} == kinds(outcomes)
        assert SEVEN == len(stand.books().gift_cards) == sum(report.imported for report in reports)
        assert 1 == len({tuple(one.gift_card_id for one in report.rows) for report in reports})
        stand.require_sound()


def _row(number: int, **given: object) -> GiftCardRow:
    keys = fake_code_keys()
    said: dict[str, object] = {
        "source_id": f"{number}",
        "value": money(10),
        "balance": money(number),
        "code_digest": keys.digest(GiftCardCode.of(f"OLD-CARD-{number}")),
        "code_key_id": keys.current_id,
        "last_four": "CARD",
    }
    return GiftCardRow(**{**said, **given})  # type: ignore[arg-type]  # as each field takes it


def _import(per_step: int = 1000, key: str = "import") -> ImportGiftCards:
    rows = list(map(_row, range(SEVEN)))
    return ImportGiftCards(source="old", rows=rows, rows_per_step=per_step, idempotency_key=key)


def _card_of(report: ImportReport, place: int) -> str:
    return str(report.rows[place].gift_card_id)
