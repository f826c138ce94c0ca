"""Batches: exactly so many cards, whatever is cut off, and each code handed out once."""

from __future__ import annotations

from typing import Final

import pytest

from loyalty.errors import CorruptLedger, GiftCardBatchNotFound, InvalidTime
from loyalty.gift_cards.batch import GiftCardBatchView
from loyalty.identifiers import BatchId
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.reports.batches import GetGiftCardBatch
from loyalty.reports.gift_cards import GetBalance
from loyalty.testing.capabilities import needs
from loyalty.testing.cut_off import CutOff, CutOffStorage
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
from loyalty.use_cases.reveal_batch_codes import RevealBatchCodes, RevealedBatchCodes

__all__ = ["BatchTests"]

SEVEN: Final = 7


class BatchTests(RaceCase):
    """Many alike cards on one storage."""

    @pytest.mark.parametrize("per_step", [1, 2, 3, 6, 7, 8, 1000])
    def test_a_batch_has_exactly_its_cards_however_many_a_step_issues(self, stand: Stand, per_step: int) -> None:
        """Numbered from 1 without a gap, each with its value, and again with the same key there are no more."""
        command = _batch(per_step)
        batch = stand.execute(command)
        after = stand.books()

        assert (SEVEN, SEVEN, 0, money(100)) == (batch.count, batch.issued, batch.revealed, batch.value)
        assert list(range(1, SEVEN + 1)) == sorted(card.unit or 0 for card in after.gift_cards)
        assert {"USD": 100 * SEVEN} == after.owed()
        assert -(-SEVEN // per_step) == len(after.receipts)
        assert batch == stand.execute(command)
        assert after == stand.books()
        stand.require_sound()

    @pytest.mark.parametrize("issued", [1, 3, 6])
    def test_a_batch_that_was_cut_off_goes_on_where_it_stopped(self, stand: Stand, issued: int) -> None:
        """What was there stays, the rest is added, and the terms are those of the beginning."""
        command = _batch(per_step=1, expires_at=stand.clock() + 9 * DAY)
        so_far = self._begin(stand, command, issued)
        before = stand.books()
        stand.clock.advance(DAY)
        batch = stand.execute(command)
        after = stand.books()

        assert (issued, SEVEN) == (so_far.issued, batch.issued)
        assert (so_far.id, so_far.opened_at, so_far.expires_at) == (batch.id, batch.opened_at, batch.expires_at)
        assert set(before.gift_cards) < set(after.gift_cards)
        assert {batch.expires_at} == {card.expires_at for card in after.gift_cards}
        assert 2 == len({card.issued_at for card in after.gift_cards})
        stand.require_sound()

    def test_a_batch_does_not_go_on_when_its_cards_would_have_ended(self, stand: Stand) -> None:
        """Nothing more is issued; a batch that was finished in time still answers."""
        command = _batch(per_step=1, expires_at=stand.clock() + DAY)
        self._begin(stand, command, 2)
        finished = _batch(per_step=2, expires_at=stand.clock() + DAY, key="another")
        answer = stand.execute(finished)
        stand.clock.advance(DAY)
        with stand.refuses(InvalidTime):
            stand.execute(command)

        assert answer == stand.execute(finished)

    def test_codes_are_handed_out_once_and_each_leads_to_its_card(self, stand: Stand) -> None:
        """Page after page, in the order of the numbers, until it is done; the same key again answers the same page."""
        batch = stand.execute(_batch(per_step=3))
        pages = [stand.execute(_reveal(batch, key, limit=3)) for key in ("1", "2", "3", "4")]
        codes = [one for page in pages for one in page.codes]

        assert list(range(1, SEVEN + 1)) == [one.unit for one in codes]
        assert [3, 3, 1, 0] == [len(page.codes) for page in pages]
        assert [False, False, True, True] == [page.is_done for page in pages]
        assert [3, 6, 7, 7] == [page.batch.revealed for page in pages]
        assert pages == [stand.execute(_reveal(batch, key, limit=3)) for key in ("1", "2", "3", "4")]
        assert pages[-1].batch == stand.loyalty.ask(GetGiftCardBatch(id=batch.id))
        cards = {card.id: card for card in stand.books().gift_cards}
        for one in codes:
            assert one.unit == cards[one.gift_card_id].unit
            assert money(100) == stand.loyalty.ask(GetBalance(code=one.code)).available
            assert one.code not in repr(stand.books())

    def test_a_batch_that_is_not_finished_gives_the_codes_there_are(self, stand: Stand) -> None:
        """It is done only when the whole batch is."""
        command = _batch(per_step=2)
        so_far = self._begin(stand, command, 2)
        first = stand.execute(_reveal(so_far, "1"))
        stand.execute(command)
        second = stand.execute(_reveal(so_far, "2"))

        assert ([1, 2], False) == ([one.unit for one in first.codes], first.is_done)
        assert ([3, 4, 5, 6, 7], True) == ([one.unit for one in second.codes], second.is_done)

    def test_an_unknown_batch_is_not_there(self, stand: Stand) -> None:
        """Neither for a command nor for a query nor for the port."""
        with stand.refuses(GiftCardBatchNotFound):
            stand.execute(RevealBatchCodes(batch_id="nobody", actor="a", idempotency_key="k"))
        with stand.refuses(GiftCardBatchNotFound):
            stand.loyalty.ask(GetGiftCardBatch(id="nobody"))
        assert stand.storage.run(lambda uow: uow.lock_batch(BatchId("nobody"))) is None
        assert () == stand.storage.read(lambda reader: reader.cards_of_batch(BatchId("nobody"), 0, 10))

    def test_the_audit_finds_a_batch_that_lacks_cards(self, stand: Stand) -> None:
        """A record that counts a card more than there is does not go unnoticed."""
        batch = stand.execute(IssueGiftCardBatch(count=3, value=money(5), cards_per_step=3, idempotency_key="k"))

        def forge(uow: UnitOfWork) -> None:
            locked = uow.lock_batch(batch.id)
            assert locked is not None
            uow.write(Changes(batches=(locked.revealing(1),)))

        assert () == stand.storage.read(lambda reader: reader.batches_issued_wrong())
        stand.storage.run(forge)
        assert () == stand.storage.read(lambda reader: reader.batches_issued_wrong())
        self._begin(stand, _batch(per_step=2), 2)
        (short,) = [one for one in stand.books().batches if one.count == SEVEN]
        stand.storage.run(lambda uow: uow.write(Changes(batches=(short.issuing(1),))))
        assert (short.id,) == stand.storage.read(lambda reader: reader.batches_issued_wrong())

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8])
    def test_many_who_issue_one_batch_issue_it_once(self, stand: Stand, callers: int) -> None:
        """All with one key, all at once: each card once, and all are answered the same."""
        outcomes = self.race(stand, [_batch(per_step=2)] * callers)

        assert {"done": callers} == kinds(outcomes)
        assert 1 == len({result for result, _ in outcomes})
        assert SEVEN == len(stand.books().gift_cards)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8])
    def test_no_two_are_handed_the_same_code(self, stand: Stand, callers: int) -> None:
        """Of many who ask for a code each, as many get one as there are, and no two the same."""
        batch = stand.execute(_batch())
        commands: list[AnyCommand] = [_reveal(batch, f"{number}", limit=1) for number in range(callers)]
        outcomes = self.race(stand, commands)
        codes = [one.code for result, _ in outcomes if isinstance(result, RevealedBatchCodes) for one in result.codes]

        assert {"done": callers} == kinds(outcomes)
        assert min(callers, SEVEN) == len(codes) == len(set(codes))

    @needs("joins_host_transaction")
    @pytest.mark.parametrize("commit", [True, False])
    def test_inside_a_hosts_transaction_all_steps_are_part_of_it(self, stand: Stand, *, commit: bool) -> None:
        """Nobody else sees a card before its end, and a rollback leaves none."""
        before = stand.books()
        with self.host_transaction(stand.storage, commit=commit) as joined:
            batch = stand.on(joined).execute(_batch(per_step=3))
            assert before == stand.books()

        assert SEVEN == batch.issued
        assert commit is (before != stand.books())
        assert batch.count == stand.execute(_batch(per_step=3)).issued == len(stand.books().gift_cards)
        stand.require_sound()

    def test_a_step_of_a_batch_that_is_not_there_stops(self, stand: Stand) -> None:
        """A receipt that tells of a batch which is gone is a matter for a human, and nothing is issued."""
        command = _batch(per_step=2)
        step = command.next_step(_gone(stand))
        assert step is not None
        with stand.refuses(CorruptLedger):
            stand.execute(step)

    def _begin(self, stand: Stand, command: IssueGiftCardBatch, issued: int) -> GiftCardBatchView:
        """Carry out the first steps only, as if the process had ended then."""
        with pytest.raises(CutOff):
            stand.on(CutOffStorage(stand.storage, -(-issued // command.cards_per_step))).execute(command)
        (batch,) = [one for one in stand.books().batches if one.issued == issued]
        return GiftCardBatchView.of(batch)


def _batch(per_step: int = 1000, key: str = "batch", **more: object) -> IssueGiftCardBatch:
    given: dict[str, object] = {"count": SEVEN, "value": money(100), "cards_per_step": per_step, **more}
    return IssueGiftCardBatch(idempotency_key=key, **given)  # type: ignore[arg-type]  # as each field takes it


def _reveal(batch: GiftCardBatchView, key: str, limit: int = 1000) -> RevealBatchCodes:
    return RevealBatchCodes(batch_id=batch.id, limit=limit, actor="a printer", idempotency_key=f"reveal {key}")


def _gone(stand: Stand) -> GiftCardBatchView:
    return GiftCardBatchView(
        id=BatchId("gone"),
        name=None,
        count=SEVEN,
        issued=2,
        revealed=0,
        value=money(100),
        expires_at=None,
        opened_at=stand.clock(),
    )
