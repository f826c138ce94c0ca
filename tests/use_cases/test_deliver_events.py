"""Events leave after the commit, in order, at least once; what no sink takes waits, and is given up in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    AsyncLoyalty,
    BlockGiftCard,
    Delivered,
    EraseCustomer,
    IssuedGiftCard,
    ListDeadLetters,
    OutgoingEvent,
    PayWithBalances,
    RedeemGiftCard,
    Redelivery,
    RetireGiftCardProduct,
    RetryDeadLetter,
    RevealGiftCardCode,
    UnblockGiftCard,
)
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.errors import EventNotFound, InsufficientBalance, InvalidRequest, NotADeadLetter, StorageUnavailable
from loyalty.ports.changes import Changes
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import UnitOfWork
from loyalty.testing import FakeSink, give_up_one
from loyalty.use_cases import deliver_events
from tests.use_cases.sales import define
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd

MICROSECOND: Final = timedelta(microseconds=1)
MINUTE: Final = timedelta(minutes=1)
ONE_MINUTE: Final = Redelivery(first=MINUTE, longest=MINUTE)
"""After every failure, half a minute to a whole one."""


class Meanwhile(FakeSink):
    """A sink that does something else before it takes an event."""

    def __init__(self, work: Callable[[], object]) -> None:
        """Remember what to do."""
        super().__init__()
        self.work = work

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Do it, and take the event."""
        self.work()
        super().deliver(outgoing)


def block(shop: Shop, issued: IssuedGiftCard) -> None:
    """Block a card: one event more about it."""
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))


def unblock(shop: Shop, issued: IssuedGiftCard) -> None:
    """Unblock a card: one event more about it."""
    shop.execute(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))


def entries(shop: Shop) -> tuple[OutboxEntry, ...]:
    """Return what is still to leave."""
    return shop.storage.read(lambda reader: reader.undelivered(0, 1000))


def test_what_was_committed_leaves_once_in_its_order() -> None:
    """PAINS.md, pain 42: each event with its own id, the time it happened and the first attempt."""
    shop, sink = Shop(), FakeSink()
    issued = shop.issue(order_id="900")
    shop.clock.advance(DAY)
    shop.redeem(issued, "5.00")
    block(shop, issued)

    assert Delivered(delivered=3) == shop.loyalty.deliver_events(sink)

    assert ["GiftCardIssued", "GiftCardRedeemed", "GiftCardBlocked"] == sink.names
    assert [NOW, NOW + DAY, NOW + DAY] == [outgoing.recorded_at for outgoing in sink.taken]
    assert [1, 1, 1] == [outgoing.attempt for outgoing in sink.taken]
    assert 3 == len({outgoing.id for outgoing in sink.taken})
    assert issued.gift_card.id == getattr(sink.taken[0].event, "gift_card_id", None)
    assert Delivered() == shop.loyalty.deliver_events(sink)
    assert 3 == len(sink.taken)


def test_pain_42_what_was_refused_or_rolled_back_never_leaves() -> None:
    """A refused command has no event, and neither has work that a storage did not keep."""
    shop, sink = Shop(), FakeSink()
    issued = shop.issue("5.00")
    with pytest.raises(InsufficientBalance):
        shop.redeem(issued, "9.00")

    def fails(uow: UnitOfWork) -> None:
        uow.write(Changes(receipt=attrs.evolve(shop.last_receipt(), id="another", idempotency_key="another")))
        message = "the host's own error"
        raise ValueError(message)

    with pytest.raises(ValueError, match="the host's own error"):
        shop.storage.run(fails)
    shop.loyalty.deliver_events(sink)

    assert ["GiftCardIssued"] == sink.names


def test_a_replay_has_no_second_event() -> None:
    """The receipt is the outbox, so there is one event for a key however often it is sent."""
    shop, sink = Shop(), FakeSink()
    issued = shop.issue()
    shop.execute_twice(
        RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="1", idempotency_key="sent again and again")
    )
    shop.loyalty.deliver_events(sink)
    assert ["GiftCardIssued", "GiftCardRedeemed"] == sink.names


def test_a_failed_event_holds_back_those_about_the_same_card_and_no_others() -> None:
    """What happened to one card arrives in its order; what happened to another does not wait for it."""
    shop, sink = Shop(), FakeSink("GiftCardBlocked")
    one, other = shop.issue(), shop.issue()
    block(shop, one)
    shop.redeem(other, "5.00", "1")
    unblock(shop, one)
    shop.redeem(one, "5.00", "2")

    assert Delivered(delivered=3, failed=1) == shop.loyalty.deliver_events(sink, redelivery=ONE_MINUTE)
    assert ["GiftCardIssued", "GiftCardIssued", "GiftCardRedeemed"] == sink.names
    assert Delivered() == shop.loyalty.deliver_events(sink, redelivery=ONE_MINUTE)

    sink.refuses.clear()
    shop.clock.advance(MINUTE)
    assert Delivered(delivered=3) == shop.loyalty.deliver_events(sink)
    assert ["GiftCardBlocked", "GiftCardUnblocked", "GiftCardRedeemed"] == sink.names[3:]
    assert [2, 1, 1] == [outgoing.attempt for outgoing in sink.taken[3:]]


def test_a_payment_by_several_cards_waits_for_each_of_them() -> None:
    """The event of the order names no card; that it is about them is known from what it changed."""
    shop, sink = Shop(), FakeSink("GiftCardBlocked")
    one, other = shop.issue("5.00"), shop.issue("5.00")
    block(shop, other)
    unblock(shop, other)
    shop.execute(
        PayWithBalances(order_id="1", amount_due=usd("10.00"), codes=(one.code, other.code), idempotency_key=shop.key())
    )

    shop.loyalty.deliver_events(sink, redelivery=ONE_MINUTE)

    assert ["GiftCardIssued", "GiftCardIssued"] == sink.names
    sink.refuses.clear()
    shop.clock.advance(MINUTE)
    shop.loyalty.deliver_events(sink)
    assert ["GiftCardBlocked", "GiftCardUnblocked", "OrderPaid"] == sink.names[2:]


def test_what_has_no_account_waits_for_its_own_kind() -> None:
    """Events about one product leave in their order, and so do those of one batch, import or order."""
    shop, sink = Shop(), FakeSink("GiftCardProductDefined")
    define(shop, "card")
    define(shop, "another")
    shop.execute(RetireGiftCardProduct(product_id="card", idempotency_key=shop.key()))
    shop.loyalty.deliver_events(sink, redelivery=ONE_MINUTE)
    assert ([], 2) == (sink.names, len(sink.refused))
    sink.refuses.clear()
    shop.clock.advance(MINUTE)
    shop.loyalty.deliver_events(sink)
    assert ["GiftCardProductDefined", "GiftCardProductDefined", "GiftCardProductRetired"] == sink.names


def test_a_command_that_changes_nothing_has_its_place_too() -> None:
    """Blocking a blocked card, and showing a code, are about the card although they leave it as it is."""
    shop, sink = Shop(), FakeSink("GiftCardIssued")
    issued = shop.issue()
    block(shop, issued)
    block(shop, issued)
    shop.execute(RevealGiftCardCode(gift_card_id=issued.gift_card.id, actor="staff/7", idempotency_key=shop.key()))
    shop.loyalty.deliver_events(sink)
    assert [] == sink.names


@pytest.mark.parametrize("early", [MICROSECOND, timedelta(0)])
def test_a_failed_event_is_due_to_the_microsecond(early: timedelta) -> None:
    """Not before the wait is over, and then at once; the wait is at most the policy's, and at least half of it."""
    shop, sink = Shop(), FakeSink("*")
    shop.issue()
    assert Delivered(failed=1) == shop.loyalty.deliver_events(sink, redelivery=ONE_MINUTE)
    (entry,) = entries(shop)
    assert entry.due_at is not None
    assert NOW + MINUTE / 2 < entry.due_at <= NOW + MINUTE
    assert "ValueError" == entry.failure

    shop.clock.now = entry.due_at - early

    assert (1 if early else 2) == len(sink.refused) + len(_delivered(shop, sink))


def _delivered(shop: Shop, sink: FakeSink) -> list[OutgoingEvent]:
    sink.refuses.clear()
    shop.loyalty.deliver_events(sink)
    return sink.taken


def test_waits_double_and_the_last_failure_gives_an_event_up() -> None:
    """Twelve attempts by default; then it is a dead letter, and what waited behind it leaves."""
    shop, sink = Shop(), FakeSink("GiftCardIssued")
    issued = shop.issue()
    block(shop, issued)
    waits = []
    for attempt in range(1, 12):
        assert Delivered(failed=1) == shop.loyalty.deliver_events(sink)
        assert attempt == len(sink.refused)
        due_at = entries(shop)[0].due_at
        assert due_at is not None
        waits.append(due_at - shop.clock.now)
        shop.clock.now = due_at

    assert all(full / 2 < wait <= full for wait, full in zip(waits, _full_waits(), strict=True)), waits
    assert Delivered(delivered=1, given_up=1) == shop.loyalty.deliver_events(sink)
    assert ["GiftCardBlocked"] == sink.names
    (letter,) = shop.ask(ListDeadLetters())
    assert (12, "ValueError", shop.clock.now) == (letter.attempts, letter.failure, letter.dead_at)
    assert (sink.refused[0].id, "GiftCardIssued", NOW) == (letter.event_id, letter.event_name, letter.recorded_at)
    assert sink.refused[0].event == letter.event
    assert Delivered() == shop.loyalty.deliver_events(sink)


def _full_waits() -> list[timedelta]:
    return [min(MINUTE * 2**number, timedelta(hours=6)) for number in range(11)]


def test_of_a_strangers_error_only_its_class_is_kept() -> None:
    """Its message may say anything about anybody; those of this library say nothing secret."""
    shop = Shop()
    shop.issue()

    def fails() -> None:
        """Fail as a storage does."""
        raise StorageUnavailable("the queue does not answer")

    shop.loyalty.deliver_events(FakeSink("*"), redelivery=ONE_MINUTE)
    assert ["ValueError"] == [entry.failure for entry in entries(shop)]
    shop.clock.advance(MINUTE)
    shop.loyalty.deliver_events(Meanwhile(fails), redelivery=ONE_MINUTE)
    assert ["StorageUnavailable: the queue does not answer"] == [entry.failure for entry in entries(shop)]


def test_a_dead_letter_is_handed_over_once_more() -> None:
    """As if it had never been tried; only an event that was given up can be retried, and only once."""
    shop, sink = Shop(), FakeSink()
    shop.issue()
    shop.issue()
    event_id = give_up_one(shop.loyalty)
    shop.loyalty.deliver_events(sink)
    shop.clock.advance(DAY)

    retried = shop.execute_twice(RetryDeadLetter(event_id=event_id, idempotency_key="again"))

    assert (event_id, "GiftCardIssued", shop.clock.now) == (retried.event_id, retried.event_name, retried.due_at)
    with pytest.raises(NotADeadLetter):
        shop.execute(RetryDeadLetter(event_id=event_id, idempotency_key="and again"))
    assert () == shop.ask(ListDeadLetters()).letters
    shop.loyalty.deliver_events(sink)
    assert [event_id, 1] == [sink.taken[-2].id, sink.taken[-2].attempt]
    assert ["GiftCardIssued", "GiftCardIssued", "DeadLetterRetried"] == sink.names
    for known in (event_id, sink.taken[0].id):
        with pytest.raises(NotADeadLetter):
            shop.execute(RetryDeadLetter(event_id=known, idempotency_key=shop.key()))
    with pytest.raises(EventNotFound):
        shop.execute(RetryDeadLetter(event_id="nothing", idempotency_key=shop.key()))


def test_dead_letters_are_listed_page_by_page() -> None:
    """In the order in which they happened, whenever they were given up."""
    shop = Shop()
    issued = [shop.issue() for _ in range(5)]
    given_up = [give_up_one(shop.loyalty) for _ in issued]
    page = shop.ask(ListDeadLetters(limit=2))
    assert given_up[:2] == [letter.event_id for letter in page]
    assert given_up == [letter.event_id for letter in shop.loyalty.stream(ListDeadLetters(limit=2))]
    assert given_up == [letter.event_id for letter in shop.loyalty.stream(ListDeadLetters(limit=5))]
    with pytest.raises(InvalidRequest, match="no place in this list"):
        shop.ask(ListDeadLetters(after="forged"))


@attrs.frozen
class Dies:
    """A sink in which the whole worker dies, at the event with this number."""

    at: int
    seen: list[OutgoingEvent] = attrs.field(factory=list)

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Take it, or die."""
        self.seen.append(outgoing)
        if len(self.seen) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early", [MICROSECOND, timedelta(0)])
def test_what_a_dead_worker_had_is_anothers_when_its_lease_is_over(early: timedelta) -> None:
    """Not a microsecond sooner; what it had handed over and written down stays done."""
    shop, sink, dying = Shop(), FakeSink(), Dies(at=2)
    for _ in range(3):
        shop.issue()
    with pytest.raises(KeyboardInterrupt):
        shop.loyalty.deliver_events(dying, lease=MINUTE)

    assert Delivered() == shop.loyalty.deliver_events(sink)
    shop.clock.advance(MINUTE - early)
    shop.loyalty.deliver_events(sink)

    expected = [] if early else [dying.seen[1].id, entries_ids(shop)[2]]
    assert expected == [outgoing.id for outgoing in sink.taken]
    assert ([] if early else [2, 2]) == [outgoing.attempt for outgoing in sink.taken]


def entries_ids(shop: Shop) -> list[str]:
    """Return the ids of all events, in their order."""
    return [receipt.id for receipt in shop.storage._books.all_receipts]


def test_an_event_that_kills_every_worker_is_given_up() -> None:
    """It would otherwise be taken for ever."""
    shop, twice = Shop(), Redelivery(attempts=2)
    shop.issue()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            shop.loyalty.deliver_events(Dies(at=1), lease=MINUTE, redelivery=twice)
        shop.clock.advance(MINUTE)
    assert Delivered(given_up=1) == shop.loyalty.deliver_events(FakeSink(), redelivery=twice)
    assert ["no worker that took it came back"] == [letter.failure for letter in shop.ask(ListDeadLetters())]


def test_a_worker_lets_go_of_what_half_its_lease_was_too_short_for() -> None:
    """Another may take it at once, and it counts as no attempt."""
    shop, sink = Shop(), FakeSink()
    for _ in range(3):
        shop.issue()

    slow = Meanwhile(lambda: shop.clock.advance(MINUTE / 2))
    assert Delivered(delivered=1, is_done=False) == shop.loyalty.deliver_events(slow, lease=MINUTE)
    assert 1 == len(slow.taken)
    assert Delivered(delivered=2) == shop.loyalty.deliver_events(sink)
    assert [1, 1] == [outgoing.attempt for outgoing in sink.taken]


def test_a_worker_that_is_stopped_finishes_the_event_at_hand() -> None:
    """And lets go of the rest, which another may take at once."""
    shop, sink, other = Shop(), FakeSink(), FakeSink()
    for _ in range(3):
        shop.issue()
    done = shop.loyalty.deliver_events(sink, is_stopped=lambda: len(sink.taken) == 2)
    assert Delivered(delivered=2, is_done=False) == done
    assert Delivered(delivered=1) == shop.loyalty.deliver_events(other)
    assert [1] == [outgoing.attempt for outgoing in other.taken]


@pytest.mark.parametrize(("limit", "is_done"), [(1, False), (3, False), (4, True)])
def test_at_most_so_many_are_handed_over(limit: int, is_done: bool) -> None:
    """There may be more if all that were looked for were found."""
    shop, sink = Shop(), FakeSink()
    for _ in range(3):
        shop.issue()
    done = shop.loyalty.deliver_events(sink, limit=limit)
    assert Delivered(delivered=min(limit, 3), is_done=is_done) == done


def test_many_more_than_a_page_leave_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in front of a page, because it failed, is passed over and stays in front."""
    monkeypatch.setattr(deliver_events, "PAGE", 2)
    shop, sink = Shop(), FakeSink("GiftCardBlocked")
    first = shop.issue()
    shop.loyalty.deliver_events(sink)
    for _ in range(3):
        block(shop, first)
        unblock(shop, first)
    for _ in range(5):
        shop.issue()
    assert Delivered(failed=1, is_done=False) == shop.loyalty.deliver_events(sink, limit=5)
    assert Delivered(delivered=5, is_done=False) == shop.loyalty.deliver_events(sink, limit=5)
    assert Delivered() == shop.loyalty.deliver_events(sink, limit=5)
    assert ["GiftCardIssued"] * 6 == sink.names


def test_two_workers_never_have_one_event_or_one_card_at_a_time() -> None:
    """While one hands over an event of a card, another finds the events of other cards only."""
    shop, second = Shop(), FakeSink()
    one, other = shop.issue(), shop.issue()
    block(shop, one)
    block(shop, other)

    first = Meanwhile(lambda: shop.loyalty.deliver_events(second))
    shop.loyalty.deliver_events(first, limit=1)

    assert [one.gift_card.id] == [_card(outgoing) for outgoing in first.taken]
    assert [other.gift_card.id] * 2 == [_card(outgoing) for outgoing in second.taken]
    shop.loyalty.deliver_events(second)
    assert one.gift_card.id == _card(second.taken[-1])


def _card(outgoing: OutgoingEvent) -> str:
    return str(getattr(outgoing.event, "gift_card_id", ""))


def test_what_another_took_since_it_was_chosen_is_not_taken_nor_what_follows_on_it() -> None:
    """Choosing and taking are two transactions; between them another worker may have been at work."""
    shop, other = Shop(), FakeSink()
    one = shop.issue()
    block(shop, one)
    shop.issue()
    late = FakeSink()
    delivery = deliver_events.Delivery(clock=shop.clock)
    steps = delivery.steps()
    choosing = next(steps)
    assert isinstance(choosing, deliver_events.ReadStep)
    chosen = shop.storage.read(choosing.question)
    with pytest.raises(KeyboardInterrupt):
        shop.loyalty.deliver_events(Dies(at=1), limit=1)
    taking = steps.send(chosen)
    assert isinstance(taking, deliver_events.WorkStep)

    taken = shop.storage.run(taking.work)

    assert 3 == len(chosen)
    assert [chosen[2].id] == [entry.id for entry in taken]
    shop.loyalty.deliver_events(late)
    shop.loyalty.deliver_events(other)
    assert [] == late.taken == other.taken


def test_a_lease_that_ran_out_writes_nothing_down() -> None:
    """A sink that took longer than the lease: another has the event now, and what this one says is too late."""
    shop = Shop()
    shop.issue()

    def takes_too_long() -> None:
        """Let the lease run out, and another worker die with the event."""
        shop.clock.advance(MINUTE)
        with pytest.raises(KeyboardInterrupt):
            shop.loyalty.deliver_events(Dies(at=1), lease=MINUTE)

    shop.loyalty.deliver_events(Meanwhile(takes_too_long), lease=MINUTE)

    (entry,) = entries(shop)
    assert (2, shop.clock.now + MINUTE) == (entry.attempts, entry.leased_until)


def test_who_is_erased_while_an_event_is_on_its_way_is_not_told_of_afterwards() -> None:
    """Neither in what waits nor in what was given up; and it still leaves once."""
    shop, sink = Shop(), FakeSink()
    shop.grant(customer_id="ada")

    erases = Meanwhile(lambda: shop.execute(EraseCustomer(customer_id="ada")))
    shop.loyalty.deliver_events(erases)
    shop.loyalty.deliver_events(sink)

    assert ["StoreCreditGranted"] == erases.names
    assert ["CustomerErased"] == sink.names
    assert "ada" not in repr([entry.event_data for entry in shop.storage._books.outbox.values()])


def test_an_event_of_a_later_version_waits_for_a_worker_that_knows_it() -> None:
    """It is a failure like any other, so that what follows it about the card waits."""
    shop, sink = Shop(), FakeSink()
    shop.issue()
    receipt = attrs.evolve(shop.last_receipt(), id="later", event="GiftCardFrozen", idempotency_key="later")
    shop.storage.run(lambda uow: uow.write(Changes(receipt=receipt)))

    assert Delivered(delivered=1, failed=1) == shop.loyalty.deliver_events(sink, redelivery=Redelivery(attempts=2))
    assert ["InvalidRequest: this version does not know such an event"] == [one.failure for one in entries(shop)]
    shop.clock.advance(DAY)
    shop.loyalty.deliver_events(sink, redelivery=Redelivery(attempts=2))
    (letter,) = shop.ask(ListDeadLetters())
    assert (None, "GiftCardFrozen") == (letter.event, letter.event_name)


BAD: Final[dict[str, dict[str, Any]]] = {
    "no sink": {"sink": object()},
    "a class of sinks": {"sink": FakeSink},
    "None": {"sink": None},
    "nothing at a time": {"limit": 0},
    "too many at a time": {"limit": 1001},
    "a limit that is a text": {"limit": "1"},
    "a limit that is a flag": {"limit": True},
    "no lease": {"lease": None},
    "a short lease": {"lease": timedelta(milliseconds=999)},
    "a long lease": {"lease": timedelta(days=1, microseconds=1)},
    "a lease in seconds": {"lease": 60},
    "a number of attempts": {"redelivery": 3},
    "no policy": {"redelivery": None},
    "a flag to stop": {"is_stopped": True},
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument_is_refused_and_nothing_leaves(name: str) -> None:
    """At both doors."""
    shop, sink = Shop(), FakeSink()
    shop.issue()
    given = {"sink": sink} | BAD[name]
    before = entries(shop)
    with pytest.raises(InvalidRequest):
        shop.loyalty.deliver_events(**given)
    door = AsyncLoyalty(ThreadedStorage(shop.storage), code_keys=KEYS, clock=shop.clock)
    with pytest.raises(InvalidRequest):
        asyncio.run(door.deliver_events(**given))
    assert before == entries(shop)
    assert [] == sink.taken


@pytest.mark.parametrize(
    "given",
    [
        {"first": timedelta(0)},
        {"first": timedelta(days=31), "longest": timedelta(days=31)},
        {"first": 60},
        {"longest": None},
        {"longest": timedelta(seconds=59)},
        {"attempts": 0},
        {"attempts": 101},
        {"attempts": 1.0},
        {"attempts": True},
    ],
    ids=str,
)
def test_bad_waits_are_refused(given: dict[str, Any]) -> None:
    """Nothing, too long, of another type, or shorter at most than at first."""
    with pytest.raises(InvalidRequest):
        Redelivery(**given)


class AwaitedSink(FakeSink):
    """A sink of the event loop."""

    async def deliver(self, outgoing: OutgoingEvent) -> None:  # type: ignore[override]  # awaited instead
        """Take it a little later."""
        await asyncio.sleep(0)
        super().deliver(outgoing)


@pytest.mark.parametrize("kind", [FakeSink, AwaitedSink])
def test_in_an_event_loop_a_sink_is_awaited_if_it_can_be(kind: type[FakeSink]) -> None:
    """What it raises is a failure as well; both kinds work as they do at the other door."""
    shop, sink = Shop(), kind("GiftCardBlocked")
    block(shop, shop.issue())
    shop.issue()
    door = AsyncLoyalty(ThreadedStorage(shop.storage), code_keys=KEYS, clock=shop.clock)

    assert Delivered(delivered=2, failed=1) == asyncio.run(door.deliver_events(sink, redelivery=ONE_MINUTE))
    sink.refuses.clear()
    shop.clock.advance(MINUTE)
    assert Delivered(delivered=1) == asyncio.run(door.deliver_events(sink))
    assert ["GiftCardIssued", "GiftCardIssued", "GiftCardBlocked"] == sink.names


def test_a_task_that_is_cancelled_leaves_the_event_to_another() -> None:
    """The event that it was at is another worker's when the lease is over."""
    shop, sink, begun = Shop(), FakeSink(), asyncio.Event()
    shop.issue()

    class Waits(FakeSink):
        """A sink that never comes back."""

        async def deliver(self, outgoing: OutgoingEvent) -> None:  # type: ignore[override]  # awaited instead
            """Take an event, say so, and wait for ever."""
            super().deliver(outgoing)
            begun.set()
            await asyncio.Event().wait()

    async def main() -> None:
        waits = Waits()
        door = AsyncLoyalty(ThreadedStorage(shop.storage), code_keys=KEYS, clock=shop.clock)
        task = asyncio.ensure_future(door.deliver_events(waits, lease=MINUTE))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert Delivered() == shop.loyalty.deliver_events(sink)
    shop.clock.advance(MINUTE)
    assert Delivered(delivered=1) == shop.loyalty.deliver_events(sink)
