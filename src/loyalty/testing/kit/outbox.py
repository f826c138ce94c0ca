"""The outbox: what was committed leaves, in order per card, whoever delivers it, and what nobody takes is given up."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Final

import attrs
import pytest

from loyalty.errors import ConcurrentUpdate, InsufficientBalance, NotADeadLetter
from loyalty.events import Event, GiftCardExpiresSoon
from loyalty.identifiers import TransferId
from loyalty.policies.redelivery import Redelivery
from loyalty.ports.changes import Changes
from loyalty.ports.event_sink import OutgoingEvent
from loyalty.ports.outbox import OutboxChange, OutboxEntry
from loyalty.ports.storage import UnitOfWork
from loyalty.reports.dead_letters import ListDeadLetters
from loyalty.testing.capabilities import needs
from loyalty.testing.fakes import FakeSink, give_up_one
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, KitCase, Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.kit.replays import prepare
from loyalty.testing.programs import money
from loyalty.use_cases.announce_expiring_gift_cards import AnnounceExpiringGiftCards, ExpiryAnnounced
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.command import swept
from loyalty.use_cases.deliver_events import Delivered
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.retry_dead_letter import RetryDeadLetter

__all__ = ["OutboxRaceTests", "OutboxTests"]

MINUTE: Final = timedelta(minutes=1)


def _waiting(stand: Stand, after: int = 0, limit: int = 1000) -> tuple[OutboxEntry, ...]:
    return stand.storage.read(lambda reader: reader.undelivered(after, limit))


def _use(stand: Stand, card: IssuedGiftCard, times: int) -> None:
    for _ in range(times):
        key = stand.key()
        stand.execute(RedeemGiftCard(code=card.code, amount=money(1), order_id=key, idempotency_key=key))


class OutboxTests(KitCase):
    """What leaves, when and in which order."""

    def test_every_event_leaves_as_it_was_written(self, stand: Stand) -> None:
        """Of many commands: with the receipt's id and time, and all that it says, and none of it holds a code."""
        card, sink = prepare(stand), FakeSink()
        stand.execute(RetryDeadLetter(event_id=card.dead_letter_id, idempotency_key="again"))
        receipts = stand.books().receipts
        while not stand.loyalty.deliver_events(sink, limit=50).is_done:
            pass

        left = {outgoing.id: outgoing for outgoing in sink.taken}
        assert {receipt.id for receipt in receipts} == left.keys()
        assert len(left) == len(sink.taken)
        assert [(type(left[one.id].event).__name__, left[one.id].recorded_at) for one in receipts] == [
            (one.event, one.recorded_at) for one in receipts
        ]
        assert all(isinstance(outgoing.event, Event) for outgoing in sink.taken)
        assert card.code not in repr(sink.taken)
        assert () == _waiting(stand)

    def test_nothing_leaves_of_what_was_refused_or_undone(self, stand: Stand) -> None:
        """P42: neither of a refused command nor of work that failed after it was written."""
        card = stand.card(100)
        with stand.refuses(InsufficientBalance):
            stand.execute(RedeemGiftCard(code=card.code, amount=money(101), order_id="1", idempotency_key="much"))
        receipt = attrs.evolve(stand.books().receipts[0], id="undone", idempotency_key="undone")

        def fails(uow: UnitOfWork) -> None:
            uow.write(Changes(receipt=receipt))
            raise _OwnError

        with pytest.raises(_OwnError):
            stand.storage.run(fails)
        sink = FakeSink()
        stand.loyalty.deliver_events(sink)
        assert ["GiftCardIssued"] == sink.names

    def test_what_waits_is_read_page_by_page_in_the_order_of_the_commits(self, stand: Stand) -> None:
        """Behind a position, at most so many, and neither what left nor what was given up is among them."""
        card = stand.card(100)
        _use(stand, card, 5)
        dead, gone = give_up_one(stand.loyalty), FakeSink()
        stand.loyalty.deliver_events(gone, limit=1)
        _use(stand, card, 1)

        everything = _waiting(stand)
        receipts = [receipt.id for receipt in sorted(stand.books().receipts, key=lambda one: one.id)]
        assert [dead, gone.taken[0].id, *(one.id for one in everything)] == receipts
        positions = [one.position for one in everything]
        assert sorted(set(positions)) == positions
        assert 0 < positions[0]
        assert everything[:2] == _waiting(stand, limit=2)
        assert everything[2:4] == _waiting(stand, positions[1], 2)
        assert () == _waiting(stand, positions[-1])
        assert [dead] == [one.id for one in stand.storage.read(lambda reader: reader.dead_letters(0, 10))]

    def test_a_clock_that_goes_back_leaves_the_order_of_the_commits(self, stand: Stand) -> None:
        """What happened to a card first is read first, also where it is said to have happened later."""
        card = stand.card(100)
        for _ in range(3):
            stand.clock.advance(-HOUR)
            _use(stand, card, 1)
        waiting = _waiting(stand)

        assert ["GiftCardIssued", *["GiftCardRedeemed"] * 3] == [entry.event for entry in waiting]
        assert sorted((entry.recorded_at for entry in waiting), reverse=True) == [one.recorded_at for one in waiting]
        assert sorted({entry.position for entry in waiting}) == [entry.position for entry in waiting]

    def test_all_that_was_recorded_is_read_in_the_order_of_the_commits(self, stand: Stand) -> None:
        """Beyond a position; also what left and what was given up."""
        assert [] == stand.storage.read(lambda reader: list(reader.recorded(0)))
        card = stand.card(100)
        _use(stand, card, 2)
        give_up_one(stand.loyalty)
        stand.loyalty.deliver_events(FakeSink(), limit=1)
        _use(stand, card, 1)

        everything = stand.storage.read(lambda reader: list(reader.recorded(0)))
        assert sorted(receipt.id for receipt in stand.books().receipts) == [one.id for one in everything]
        positions = [one.position for one in everything]
        assert sorted({*positions}) == positions
        assert everything[2:] == stand.storage.read(lambda reader: list(reader.recorded(positions[1])))
        assert [] == stand.storage.read(lambda reader: list(reader.recorded(positions[-1])))

    def test_entries_are_found_by_id_wherever_they_are(self, stand: Stand) -> None:
        """Waiting, left or given up, in the order of their positions; what is not there is left out."""
        card = stand.card(100)
        _use(stand, card, 2)
        dead, gone = give_up_one(stand.loyalty), FakeSink()
        stand.loyalty.deliver_events(gone, limit=1)
        ids = (_waiting(stand)[0].id, "nothing", dead, gone.taken[0].id)

        found = stand.storage.read(lambda reader: reader.outbox_entries(ids))

        assert [dead, gone.taken[0].id, ids[0]] == [one.id for one in found]
        assert [True, False, False] == [one.dead_at is not None for one in found]
        assert [None, None, stand.clock()] == [one.due_at for one in found]
        assert () == stand.storage.read(lambda reader: reader.outbox_entries(()))

    def test_an_entry_is_written_only_on_the_state_that_it_was_read_in(self, stand: Stand) -> None:
        """Whoever took it first has it; nothing of the same piece of work is kept otherwise. What it says stays."""
        stand.card(100)
        stand.card(100)
        one, other = _waiting(stand)
        taken = one.leased(stand.clock() + HOUR)
        stand.storage.run(lambda uow: uow.write(Changes(outbox=(OutboxChange(one, taken.saying("{}")),))))
        assert (taken, other) == _waiting(stand)

        late = (OutboxChange(other, other.delivered()), OutboxChange(one, one.delivered()))
        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(lambda uow: uow.write(Changes(outbox=late)))
        assert (taken, other) == _waiting(stand)

    def test_all_that_is_written_down_of_an_entry_comes_back(self, stand: Stand) -> None:
        """Leases, failures and ends to the microsecond."""
        stand.card(100)
        (entry,) = _waiting(stand)
        at = stand.clock() + MICROSECOND
        states = [
            entry.leased(at),
            entry.leased(at).failed("a failure ☃", at + DAY),
            entry.leased(at).failed("a failure ☃", at + DAY).leased(at).given_up("the last one", at),
            entry.leased(at).given_up("the last one", at).retried(at),
        ]
        for state in states:
            (now,) = stand.storage.read(lambda reader: reader.outbox_entries((entry.id,)))
            change = OutboxChange(now, state)
            stand.storage.run(lambda uow, change=change: uow.write(Changes(outbox=(change,))))  # type: ignore[misc]
            assert (state,) == stand.storage.read(lambda reader: reader.outbox_entries((entry.id,)))

    def test_what_fails_waits_and_is_given_up_and_is_retried(self, stand: Stand) -> None:
        """What is about the same card waits behind it until then, and what is about others does not."""
        card, sink = stand.card(100), FakeSink("GiftCardIssued")
        stand.loyalty.deliver_events(FakeSink(), limit=1)
        stand.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key=stand.key()))
        failing = stand.card(100)
        _use(stand, failing, 1)
        twice = Redelivery(first=MINUTE, longest=MINUTE, attempts=2)

        assert Delivered(delivered=1, failed=1) == stand.loyalty.deliver_events(sink, redelivery=twice)
        assert Delivered() == stand.loyalty.deliver_events(sink, redelivery=twice)
        stand.clock.advance(MINUTE)
        assert Delivered(delivered=1, given_up=1) == stand.loyalty.deliver_events(sink, redelivery=twice)
        assert ["GiftCardBlocked", "GiftCardRedeemed"] == sink.names

        (letter,) = stand.loyalty.ask(ListDeadLetters())
        assert (2, "ValueError", stand.clock()) == (letter.attempts, letter.failure, letter.dead_at)
        assert sink.refused[0].event == letter.event
        sink.refuses.clear()
        stand.execute(RetryDeadLetter(event_id=letter.event_id, idempotency_key="again"))
        stand.loyalty.deliver_events(sink)
        assert ["GiftCardIssued", "DeadLetterRetried"] == sink.names[2:]
        assert letter.event_id == sink.taken[2].id
        assert 1 == sink.taken[2].attempt

    def test_dead_letters_are_listed_page_by_page(self, stand: Stand) -> None:
        """In the order in which they happened."""
        for _ in range(5):
            stand.card(100)
        given_up = [give_up_one(stand.loyalty) for _ in range(5)]
        for limit in (1, 2, 5, 6):
            assert given_up == [one.event_id for one in stand.loyalty.stream(ListDeadLetters(limit=limit))]

    def test_keys_that_receipts_stand_under_are_known(self, stand: Stand) -> None:
        """And no others."""
        _use(stand, stand.card(100), 1)
        (used, *_) = [str(receipt.idempotency_key) for receipt in stand.books().receipts]
        assert {used} == stand.storage.run(lambda uow: uow.used_keys((used, "another", f"{used} ")))
        assert frozenset() == stand.storage.run(lambda uow: uow.used_keys(()))

    def test_a_card_is_told_of_once_per_window_and_end(self, stand: Stand) -> None:
        """To the microsecond; neither a card without value nor one that is stopped is told of."""
        ends = stand.clock() + DAY
        soon, stopped, empty = (stand.card(100, expires_at=ends) for _ in range(3))
        stand.card(100, expires_at=ends + MICROSECOND)
        stand.card(100)
        stand.execute(BlockGiftCard(gift_card_id=stopped.gift_card.id, idempotency_key=stand.key()))
        stand.execute(RedeemGiftCard(code=empty.code, amount=money(100), order_id="1", idempotency_key="all of it"))

        assert [] == _told(stand, DAY - MICROSECOND * 1_000_000)
        assert [soon.gift_card.id] == _told(stand, DAY)
        assert [] == _told(stand, DAY)
        assert [soon.gift_card.id] == [one for one in _told(stand, DAY + HOUR) if one == soon.gift_card.id]
        sink = FakeSink()
        stand.loyalty.deliver_events(sink, limit=1000)
        told = [outgoing.event for outgoing in sink.taken if isinstance(outgoing.event, GiftCardExpiresSoon)]
        first = GiftCardExpiresSoon(
            gift_card_id=soon.gift_card.id, ends_at=ends, amount=money(100), window_seconds=24 * 3600
        )
        assert first == told[0]
        assert 3 == len(told)


class _OwnError(Exception):
    """An error of the host's own."""


def _told(stand: Stand, within: timedelta) -> list[str]:
    """Follow the sweep to its end and return the cards that it told of."""
    told = [one.gift_card_id for one in swept(stand.execute, AnnounceExpiringGiftCards(within=within))]
    return [card for card in told if card is not None]


@attrs.define
class _WatchingSink:
    """Many workers' one sink: it sees when two of them have events about one card at the same time."""

    taken: list[OutgoingEvent] = attrs.field(factory=list)
    clashes: list[str] = attrs.field(factory=list)
    _at_work: set[str] = attrs.field(factory=set)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Take it, slowly enough for others to come in between."""
        card = str(getattr(outgoing.event, "gift_card_id", ""))
        with self._lock:
            self.clashes += [card] if card in self._at_work else []
            self._at_work.add(card)
        threading.Event().wait(0.001)
        with self._lock:
            self.taken.append(outgoing)
            self._at_work.discard(card)


class OutboxRaceTests(RaceCase):
    """Many at once."""

    @needs("threads")
    @pytest.mark.parametrize("workers", [2, 8])
    def test_many_workers_deliver_each_event_once_and_in_order(self, stand: Stand, workers: int) -> None:
        """No event twice, never two of one card at a time, and those of a card in the order of its entries."""
        cards = [stand.card(100) for _ in range(5)]
        for _ in range(6):
            for card in cards:
                _use(stand, card, 1)
        sink = _WatchingSink()

        def work(_: int) -> None:
            for _ in range(200):
                with suppress(ConcurrentUpdate):
                    if stand.loyalty.deliver_events(sink, limit=3).is_done and not _waiting(stand):
                        return

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))

        assert [] == sink.clashes
        assert 35 == len(sink.taken) == len({outgoing.id for outgoing in sink.taken})
        _require_order(stand, sink.taken)

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8])
    def test_a_dead_letter_is_retried_once(self, stand: Stand, callers: int) -> None:
        """Of many who do, one does."""
        stand.card(100)
        event_id = give_up_one(stand.loyalty)
        outcomes = self.race(
            stand, [RetryDeadLetter(event_id=event_id, idempotency_key=f"{number}") for number in range(callers)]
        )
        assert {"done": 1, NotADeadLetter.__name__: callers - 1} == kinds(outcomes)

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8])
    def test_a_card_is_told_of_once_however_many_tell(self, stand: Stand, callers: int) -> None:
        """The receipt's key decides; the others go on behind it."""
        cards = sorted(stand.card(100, expires_at=stand.clock() + DAY).gift_card.id for _ in range(3))
        sweep = AnnounceExpiringGiftCards(within=2 * DAY)
        told: list[str] = []
        for _ in range(4):
            outcomes = self.race(stand, [sweep] * callers)
            told += [
                str(result.gift_card_id)
                for result, _ in outcomes
                if isinstance(result, ExpiryAnnounced) and result.gift_card_id is not None
            ]
        assert cards == sorted(told)


def _require_order(stand: Stand, taken: Sequence[OutgoingEvent]) -> None:
    """Check that the redemptions of each card left in the order in which its entries stand."""
    places = {
        transfer.id: number for number, transfer in enumerate(sorted(stand.books().transfers, key=lambda one: one.id))
    }
    orders: dict[str, list[int]] = defaultdict(list)
    for outgoing in taken:
        redemption = getattr(outgoing.event, "redemption_id", None)
        if redemption is not None:
            orders[str(getattr(outgoing.event, "gift_card_id", ""))].append(places[TransferId(redemption)])
    assert 5 == len(orders)
    assert all(order == sorted(order) for order in orders.values())
