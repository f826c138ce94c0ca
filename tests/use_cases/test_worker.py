"""Workers: turn by turn, until they are told to stop, whatever the storage does meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    AnnounceExpiringGiftCards,
    AsyncEventWorker,
    AsyncLoyalty,
    Delivered,
    EventWorker,
    ExpireValue,
    LapseHolds,
    Loyalty,
    OutgoingEvent,
    Recipient,
    StartDueGifts,
)
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.errors import InvalidRequest, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import FakeSink
from tests.use_cases.shop import DAY, KEYS, Shop

SOON: Final = timedelta(milliseconds=1)


class StoppingSink(FakeSink):
    """Takes so many events and then tells the worker to stop."""

    def __init__(self, stop: threading.Event | asyncio.Event, count: int) -> None:
        """Remember whom to stop."""
        super().__init__()
        self.stop, self.count = stop, count

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Take an event."""
        super().deliver(outgoing)
        if len(self.taken) == self.count:
            self.stop.set()


@attrs.define
class Flaky:
    """A storage that does not answer for the first few times."""

    storage: Storage
    failures: int

    def run(self, work: Any) -> Any:
        """Do some work, or fail."""
        self._fail()
        return self.storage.run(work)

    def read(self, question: Any) -> Any:
        """Answer, or fail."""
        self._fail()
        return self.storage.read(question)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("away")


def three_cards() -> Shop:
    """Return a shop with three cards to be sent, one of them tomorrow; six events in all."""
    shop = Shop()
    for send_at in (None, None, shop.clock.now + DAY):
        shop.issue(recipient=Recipient(address="ada@example.com", send_at=send_at))
    return shop


def test_a_turn_starts_what_is_due_and_hands_it_over() -> None:
    """Gifts that are due become events and leave in the same turn; the next turn finds nothing."""
    shop, sink = three_cards(), FakeSink()
    worker = EventWorker(loyalty=shop.loyalty, sink=sink)
    assert Delivered(delivered=5) == worker.turn()
    assert ["GiftCardIssued"] * 3 + ["GiftCardSendingDue"] * 2 == sink.names
    assert Delivered() == worker.turn()
    shop.clock.advance(DAY)
    assert Delivered(delivered=1) == worker.turn()


def test_every_sweep_may_be_run() -> None:
    """Each until nothing is left, in the order in which they are given."""
    shop, sink = Shop(), FakeSink()
    for hours in (1, 30):
        shop.issue(expires_at=shop.clock.now + timedelta(hours=hours))
    shop.clock.advance(timedelta(hours=1))
    sweeps = [ExpireValue(limit=1), LapseHolds(), AnnounceExpiringGiftCards(within=2 * DAY), StartDueGifts()]
    worker = EventWorker(loyalty=shop.loyalty, sink=sink, sweeps=sweeps)
    worker.turn()
    assert ["GiftCardIssued", "GiftCardIssued", "ValueExpired", "GiftCardExpiresSoon"] == sink.names


def test_a_worker_runs_until_it_is_stopped() -> None:
    """It finishes the event at hand and lets go of the rest."""
    shop, stop = three_cards(), threading.Event()
    sink = StoppingSink(stop, 2)
    worker = EventWorker(loyalty=shop.loyalty, sink=sink, pause=SOON)
    assert Delivered(delivered=2, is_done=False) == worker.run(stop)
    assert 2 == len(sink.taken)

    rest = FakeSink()
    assert Delivered(delivered=3) == shop.loyalty.deliver_events(rest)
    worker.run(stop)
    assert 2 == len(sink.taken)


def test_a_worker_goes_on_when_more_comes() -> None:
    """It waits when nothing is left, and finds what is committed meanwhile."""
    shop, stop = three_cards(), threading.Event()
    sink = StoppingSink(stop, 6)
    working = threading.Thread(target=EventWorker(loyalty=shop.loyalty, sink=sink, pause=SOON).run, args=(stop,))
    working.start()
    shop.issue()
    working.join(30)
    assert not working.is_alive()
    assert 6 == len(sink.taken)


def test_a_worker_outlives_a_storage_that_does_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    """It says so and tries again; of the error it says the class."""
    shop, stop = three_cards(), threading.Event()
    sink = StoppingSink(stop, 5)
    loyalty = Loyalty(Flaky(shop.storage, failures=3), code_keys=KEYS, clock=shop.clock)
    with caplog.at_level(logging.WARNING):
        EventWorker(loyalty=loyalty, sink=sink, pause=SOON).run(stop)
    assert 5 == len(sink.taken)
    said = [one.message for one in caplog.records if one.name == "loyalty.worker"]
    assert ["the storage did not answer (StorageUnavailable); trying again in 0.0 s"] * 3 == said


def test_waits_for_a_storage_grow_to_a_minute() -> None:
    """From half the pause to a minute, spread so that many workers do not come back together."""
    worker = EventWorker(loyalty=Shop().loyalty, sink=FakeSink(), pause=timedelta(seconds=1))
    waits = [worker.wait_after_failures(number, StorageUnavailable("away")) for number in range(1, 12)]
    full = [min(2.0**number, 60.0) for number in range(11)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, full, strict=True)), waits
    assert 0 == worker.wait_after(Delivered(is_done=False))
    assert 1 == worker.wait_after(Delivered(is_done=True))


def test_in_an_event_loop() -> None:
    """The same, awaiting; it stops when it is told to, and outlives failures."""
    shop = three_cards()

    async def main() -> FakeSink:
        stop = asyncio.Event()
        sink = StoppingSink(stop, 4)
        door = AsyncLoyalty(ThreadedStorage(Flaky(shop.storage, failures=2)), code_keys=KEYS, clock=shop.clock)
        await AsyncEventWorker(loyalty=door, sink=sink, pause=SOON).run(stop)
        return sink

    assert ["GiftCardIssued"] * 3 + ["GiftCardSendingDue"] == asyncio.run(main()).names


def test_in_an_event_loop_it_waits_and_goes_on() -> None:
    """The loop is free while it waits."""
    shop = Shop()

    async def main() -> None:
        stop = asyncio.Event()
        sink = StoppingSink(stop, 1)
        door = AsyncLoyalty(ThreadedStorage(shop.storage), code_keys=KEYS, clock=shop.clock)
        working = asyncio.ensure_future(AsyncEventWorker(loyalty=door, sink=sink, pause=SOON).run(stop))
        await asyncio.sleep(0.01)
        shop.issue()
        await asyncio.wait_for(working, 30)
        assert ["GiftCardIssued"] == sink.names

    asyncio.run(main())


@pytest.mark.parametrize(
    "given",
    [
        {"pause": timedelta(0)},
        {"pause": timedelta(seconds=61)},
        {"pause": 5},
        {"sweeps": StartDueGifts()},
        {"sweeps": [StartDueGifts]},
        {"sweeps": None},
        {"limit": 0},
        {"limit": 1001},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [EventWorker, AsyncEventWorker])
def test_a_bad_argument_is_refused(kind: Any, given: dict[str, Any]) -> None:
    """Before anything is done."""
    with pytest.raises(InvalidRequest):
        kind(loyalty=Shop().loyalty, sink=FakeSink(), **given)


@pytest.mark.parametrize("given", [{"lease": None}, {"redelivery": 3}, {"sink": "a text"}], ids=str)
def test_what_a_delivery_refuses_ends_the_worker(given: dict[str, Any]) -> None:
    """It is no failure of the storage, so trying again would not help."""
    kind: Any = EventWorker
    with pytest.raises(InvalidRequest):
        kind(**({"loyalty": Shop().loyalty, "sink": FakeSink()} | given)).run(threading.Event())
