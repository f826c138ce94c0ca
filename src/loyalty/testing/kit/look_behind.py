"""Reading behind a storage's back: what was answered is what another storage on the same data finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from loyalty.ports.storage import Storage
from loyalty.testing.capabilities import needs
from loyalty.testing.fakes import FakeSink
from loyalty.testing.kit.case import DAY, HOUR, KitCase, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.use_cases.announce_expiring_gift_cards import AnnounceExpiringGiftCards
from loyalty.use_cases.erase_customer import EraseCustomer
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.lapse_holds import LapseHolds
from loyalty.use_cases.start_due_gifts import StartDueGifts

__all__ = ["LookBehindTests"]

SWEEPS: Final[Mapping[str, Callable[[Stand], Any]]] = {
    "announce": lambda stand: stand.execute(AnnounceExpiringGiftCards(within=3 * DAY)),
    "start gifts": lambda stand: stand.execute(StartDueGifts()),
    "deliver": lambda stand: stand.loyalty.deliver_events(FakeSink("GiftCardIssued"), limit=20),
    "erase": lambda stand: stand.execute(EraseCustomer(customer_id="ada")),
    "expire": lambda stand: stand.execute(ExpireValue()),
    "lapse": lambda stand: stand.execute(LapseHolds()),
}
"""What works without a key."""


class LookBehindTests(KitCase):
    """Two more storages on the same data: one that was open all the time, and one that is opened afterwards."""

    @needs("second_handle")
    @pytest.mark.parametrize("name", COMMANDS)
    def test_what_a_command_wrote_is_stored(self, stand: Stand, name: str) -> None:
        """All of it, also the receipt, so that a replay there answers the same and has no other effect."""
        make, _ = COMMANDS[name]
        command = make(prepare(stand), "once", "a note")
        beside = self.reopen(stand.storage)
        before = _everything(beside)
        result = stand.execute(command)
        here = _everything(stand.storage)

        assert before != here
        for other in (beside, self.reopen(stand.storage)):
            assert here == _everything(other)
            assert result == stand.on(other).execute(command)
        assert here == _everything(stand.storage)

    @needs("second_handle")
    @pytest.mark.parametrize("name", SWEEPS)
    def test_what_a_sweep_wrote_is_stored(self, stand: Stand, name: str) -> None:
        """Also how far each event has come, and whom the books no longer name."""
        make, _ = COMMANDS["issue as a gift"]
        stand.execute(make(prepare(stand), "a gift", "a note"))
        stand.clock.advance(DAY if name in {"expire", "lapse"} else HOUR)
        beside = self.reopen(stand.storage)
        before = _everything(beside)
        SWEEPS[name](stand)
        here = _everything(stand.storage)

        assert before != here
        assert here == _everything(beside) == _everything(self.reopen(stand.storage))


def _everything(storage: Storage) -> tuple[object, ...]:
    """Return the books and the outbox; what left and what was given up stands in it, too."""
    books = Stand(storage).books()
    ids = tuple(receipt.id for receipt in books.receipts)
    return books, storage.read(lambda reader: reader.outbox_entries(ids))
