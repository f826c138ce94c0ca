"""PAINS.md, pain 42: a worker killed at any step loses no event; each arrives at least once, in order per card."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
from sqlalchemy import event

from loyalty import Loyalty, OutgoingEvent, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import Stand
from loyalty.testing.programs import money
from tests.faults.processes import context, lives_through, url_of

LEASE: Final = timedelta(minutes=1)
CARDS: Final = 2
PAYMENTS: Final = 2


@attrs.frozen
class FileSink:
    """Writes what it is given into a file, which outlives the worker; one short line at a time, so none is torn."""

    path: Path
    step: Any = attrs.field(default=lambda: None)
    pause: float = 0.0

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Write the event down, and tell before and after that it is being handed over."""
        self.step()
        card = getattr(outgoing.event, "gift_card_id", "")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{outgoing.id} {card}\n")
        time.sleep(self.pause)
        self.step()

    def taken(self) -> list[tuple[str, str]]:
        """Return the ids of the events that arrived and the cards they are about, in their order."""
        if not self.path.exists():
            return []
        return [(line.split()[0], line.split()[1]) for line in self.path.read_text(encoding="utf-8").splitlines()]


def sell(stand: Stand) -> list[tuple[str, str]]:
    """Leave some events about two cards; return their ids and cards in the order in which they happened."""
    for card in [stand.card(100) for _ in range(CARDS)]:
        for _ in range(PAYMENTS):
            key = stand.key()
            stand.execute(RedeemGiftCard(code=card.code, amount=money(1), order_id=key, idempotency_key=key))
    waiting = stand.storage.read(lambda reader: reader.undelivered(0, 1000))
    facts = [(entry.id, entry.decoded()) for entry in waiting]
    return [(id_, str(getattr(told, "gift_card_id", ""))) for id_, told in facts]


def _deliver(url: str, path: str, now: Any, dies_at: int) -> None:
    steps = itertools.count(1)

    def step(*_: Any) -> None:
        if next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    storage = SqlAlchemyStorage(url)
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(now), new_id=CountingIds(f"{dies_at}-"))
    event.listen(storage.engine, "before_cursor_execute", step)
    event.listen(storage.engine, "after_cursor_execute", step)
    event.listen(storage.engine, "commit", step)
    loyalty.deliver_events(FileSink(Path(path), step), lease=LEASE)


def require_order(happened: list[tuple[str, str]], taken: list[tuple[str, str]]) -> None:
    """Check that the first time each event arrived came after those of the same card that happened before it."""
    expected, arrived = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for id_, card in happened:
        expected[card].append(id_)
    for id_, card in dict.fromkeys(taken):
        arrived[card].append(id_)
    assert expected == arrived


def test_pain_42_a_worker_killed_at_any_step_loses_no_event(stand: Stand, tmp_path: Path) -> None:
    """Before and after each statement, before each commit, before and after each event is handed over."""
    for dies_at in itertools.count(1):
        happened, sink = sell(stand), FileSink(tmp_path / f"{dies_at}")
        is_alive = lives_through(_deliver, url_of(stand), str(sink.path), stand.clock(), dies_at)

        at_first = len(sink.taken())
        left = stand.loyalty.deliver_events(sink, lease=LEASE)
        assert at_first + left.delivered == len(sink.taken())
        stand.clock.advance(LEASE)
        stand.loyalty.deliver_events(sink, lease=LEASE)

        assert {id_ for id_, _ in happened} == {id_ for id_, _ in sink.taken()}, f"step {dies_at}"
        # At most the one event that was handed over and not written down arrives a second time.
        assert len(sink.taken()) <= len(happened) + 1
        require_order(happened, sink.taken())
        assert () == stand.storage.read(lambda reader: reader.undelivered(0, 1000))
        if is_alive:
            assert len(happened) == at_first
            assert 3 * len(happened) < dies_at
            break


def test_pain_42_workers_that_are_killed_again_and_again_lose_nothing(stand: Stand, tmp_path: Path) -> None:
    """Four at a time, each killed at a random moment; what they leave behind others deliver."""
    sink, url = FileSink(tmp_path / "taken"), url_of(stand)
    happened = [one for _ in range(5) for one in sell(stand)[-CARDS * (PAYMENTS + 1) :]]
    for number in range(3):
        workers = [
            context().Process(target=_deliver_for_ever, args=(url, str(sink.path), stand.clock()), daemon=True)
            for _ in range(4)
        ]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 30
        while len(sink.taken()) < 6 * (number + 1) and time.monotonic() < deadline:
            time.sleep(0.005)
        for worker in workers:
            worker.kill()
            worker.join()
        stand.clock.advance(LEASE)
    while not stand.loyalty.deliver_events(sink, lease=LEASE).is_done:
        pass

    assert {id_ for id_, _ in happened} == {id_ for id_, _ in sink.taken()}
    assert () == stand.storage.read(lambda reader: reader.undelivered(0, 1000))
    require_order(happened, sink.taken())


def _deliver_for_ever(url: str, path: str, now: Any) -> None:
    storage = SqlAlchemyStorage(url)
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(now), new_id=CountingIds(f"{os.getpid()}-"))
    while True:
        loyalty.deliver_events(FileSink(Path(path), pause=0.002), limit=2, lease=LEASE)
