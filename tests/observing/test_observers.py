"""What an observer hears of each operation, at both doors; and that it cannot get in the way."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import attrs
import pytest
from sqlalchemy import create_engine

from loyalty import (
    AsyncLoyalty,
    CodeFormat,
    GetBalance,
    GetGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    LapseHolds,
    Loyalty,
    MemoryStorage,
    PlaceHold,
    Policies,
    Recipient,
    RedeemGiftCard,
    StartDueGifts,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.codes.mint import mint
from loyalty.errors import (
    ConcurrentUpdate,
    CorruptLedger,
    DuplicateRecord,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    LoyaltyError,
    OutcomeUnknown,
    StorageUnavailable,
    TooManyAttempts,
)
from loyalty.identifiers import GiftCardId
from loyalty.ports.observer import Ending, Operation, OperationKind, Outcome
from loyalty.testing import FakeSink
from tests.observing.doors import DOORS, BlockingDoor, Door, Failing, Losing, Remembering
from tests.use_cases.shop import KEYS, usd

ISSUE = IssueGiftCard(value=usd("20.00"), idempotency_key="issue", order_id="sold-1")


@pytest.fixture
def heard() -> Remembering:
    """Give an observer."""
    return Remembering()


@pytest.fixture(params=DOORS, ids=lambda kind: kind.__name__)
def door(request: pytest.FixtureRequest, heard: Remembering) -> Door:
    """Give each door on books of its own."""
    door: Door = request.param(observer=heard)
    return door


def test_a_committed_command_is_told_with_its_ids(door: Door, heard: Remembering) -> None:
    """What it is, that it was committed at the first attempt, its event, and what it touched."""
    card = door.execute(ISSUE).gift_card
    operation, ending = heard.heard
    assert (
        Operation(kind=OperationKind.COMMAND, name="IssueGiftCard", module="loyalty.use_cases.issue_gift_card")
        == operation
    )
    assert (Outcome.COMMITTED, 1, "GiftCardIssued") == (ending.outcome, ending.attempts, ending.event)
    assert (card.account_id,) == ending.account_ids
    assert (("sold-1",), ()) == (ending.order_ids, ending.hold_ids)
    assert (False, None, None) == (ending.is_failure, ending.error_type, ending.cause)
    assert 0 < ending.seconds < 60
    assert ending.receipt is not None
    assert ending.receipt.id == ending.event_id


def test_a_hold_and_its_order_are_told(door: Door, heard: Remembering) -> None:
    """Of a hold that is placed."""
    card = door.execute(ISSUE)
    held = door.execute(PlaceHold(order_id="o-7", amount_due=usd("5.00"), codes=(card.code,), idempotency_key="hold"))
    assert ((held.id,), ("o-7",)) == (heard.last.hold_ids, heard.last.order_ids)
    assert (card.gift_card.account_id,) == heard.last.account_ids


def test_a_replay_names_the_event_that_was_there(door: Door, heard: Remembering) -> None:
    """It changes nothing, so it touches nothing."""
    door.execute(ISSUE)
    first = heard.last
    door.execute(ISSUE)
    assert (Outcome.REPLAYED, first.event_id) == (heard.last.outcome, heard.last.event_id)
    assert (None, ()) == (heard.last.changes, heard.last.account_ids)


def test_where_nothing_is_written_nothing_is_named(door: Door, heard: Remembering) -> None:
    """A sweep that finds nothing to do."""
    door.execute(LapseHolds())
    assert (OperationKind.SWEEP, Outcome.UNCHANGED, None) == (
        heard.heard[0].kind,
        heard.last.outcome,
        heard.last.event_id,
    )


def test_a_refusal_is_an_answer(door: Door, heard: Remembering) -> None:
    """Its outcome is the code of the error, and it is no failure."""
    card = door.execute(ISSUE)
    with pytest.raises(InsufficientBalance) as refused:
        door.execute(RedeemGiftCard(code=card.code, amount=usd("99"), order_id="1", idempotency_key="r"))
    ending = heard.last
    assert ("insufficient_balance", False, None) == (ending.outcome, ending.is_failure, ending.error_type)
    assert (refused.value, None, ()) == (ending.error, ending.event_id, ending.account_ids)


def test_other_content_under_a_key_is_told(door: Door, heard: Remembering) -> None:
    """A mistake of the host is no failure of ours."""
    door.execute(ISSUE)
    with pytest.raises(IdempotencyConflict):
        door.execute(attrs.evolve(ISSUE, value=usd("1.00")))
    assert ("idempotency_conflict", False) == (heard.last.outcome, heard.last.is_failure)


def test_a_query_is_told(door: Door, heard: Remembering) -> None:
    """One that is answered, and one that is not."""
    card = door.execute(ISSUE).gift_card
    door.ask(GetGiftCard(id=card.id))
    assert (OperationKind.QUERY, "GetGiftCard") == (heard.heard[-2].kind, heard.heard[-2].name)
    assert (Outcome.ANSWERED, 1, None) == (heard.last.outcome, heard.last.attempts, heard.last.error)
    with suppress(LoyaltyError):
        door.ask(GetGiftCard(id=GiftCardId("nobody")))
    assert "gift_card_not_found" == heard.last.outcome


@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
def test_every_lost_race_is_told(kind: type[Door], heard: Remembering) -> None:
    """The number of each further attempt, and all of them in the end."""
    kind(Losing(3), heard).execute(ISSUE)
    assert [2, 3, 4] == heard.heard[1:-1]
    assert (Outcome.COMMITTED, 4) == (heard.last.outcome, heard.last.attempts)


@pytest.mark.parametrize(
    ("error", "is_done", "outcome", "error_type"),
    [
        (ConcurrentUpdate("others"), True, "concurrent_update", "concurrent_update"),
        (StorageUnavailable("away"), False, "storage_unavailable", "storage_unavailable"),
        (OutcomeUnknown(idempotency_key="issue"), True, "outcome_unknown", "outcome_unknown"),
        (CorruptLedger("no"), False, "corrupt_ledger", "corrupt_ledger"),
        (DuplicateRecord("twice"), False, "duplicate_record", None),
        (ZeroDivisionError("a text"), False, "failed", "ZeroDivisionError"),
        (GeneratorExit(), False, "interrupted", "GeneratorExit"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_failure_is_told(
    heard: Remembering, error: BaseException, is_done: bool, outcome: str, error_type: str | None
) -> None:
    """Under the code of the error, or as failed or interrupted; with the key, and the event if there may be one."""
    with pytest.raises(type(error)):
        BlockingDoor(Failing(error, is_done), heard).execute(ISSUE)
    ending = heard.last
    assert (outcome, error_type) == (ending.outcome, ending.error_type)
    assert (error_type is not None, "issue", is_done) == (
        ending.is_failure,
        ending.idempotency_key,
        ending.event_id is not None,
    )


def test_the_driver_s_error_is_named_by_its_class(heard: Remembering) -> None:
    """And by nothing else."""
    error = StorageUnavailable("away")
    error.__cause__ = TimeoutError("a text of the driver")
    with pytest.raises(StorageUnavailable):
        BlockingDoor(Failing(error), heard).execute(ISSUE)
    assert "TimeoutError" == heard.last.cause


def test_a_cancelled_task_is_told(heard: Remembering) -> None:
    """As interrupted: only the same key tells what happened."""

    class Waiting:
        """A storage that never comes to an end."""

        async def run(self, _work: Any) -> Any:
            """Wait."""
            await asyncio.sleep(600)

        async def read(self, _question: Any) -> Any:
            """Wait."""
            await asyncio.sleep(600)

    async def main() -> None:
        door = AsyncLoyalty(Waiting(), code_keys=KEYS, observer=heard)
        task = asyncio.ensure_future(door.execute(ISSUE))
        await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (Outcome.INTERRUPTED, "CancelledError", 0) == (
        heard.last.outcome,
        heard.last.error_type,
        heard.last.attempts,
    )


def test_too_many_wrong_codes_are_told(door: Door, heard: Remembering) -> None:
    """Nothing was looked up, so no attempt was made."""
    unknown = mint(KEYS, CodeFormat(), "a card that nobody issued", 1)
    wrong = GetBalance(code=unknown)
    for _ in range(30):
        with suppress(LoyaltyError):
            door.ask(wrong, caller="stranger")
    with pytest.raises(TooManyAttempts):
        door.execute(
            RedeemGiftCard(code=unknown, amount=usd("1"), order_id="1", idempotency_key="r"),
            caller="stranger",
        )
    assert ("too_many_attempts", False, 0) == (heard.last.outcome, heard.last.is_failure, heard.last.attempts)


def test_each_step_of_a_long_command_is_an_operation(door: Door, heard: Remembering) -> None:
    """With its own event; the later ones bear the name of the step."""
    door.execute(IssueGiftCardBatch(name="spring", count=1_100, value=usd("1.00"), idempotency_key="batch"))
    operations = [one for one in heard.heard if isinstance(one, Operation)]
    endings = [one for one in heard.heard if isinstance(one, Ending)]
    assert 2 <= len(operations) == len(endings) == len({ending.event_id for ending in endings})
    assert "IssueGiftCardBatch" == operations[0].name
    assert {"batch"} == {ending.idempotency_key for ending in endings}
    assert 1_100 == sum(len(ending.account_ids) for ending in endings)


def test_a_delivery_is_told_with_its_numbers(door: Door, heard: Remembering) -> None:
    """How many events the sink has and did not take."""
    door.execute(attrs.evolve(ISSUE, recipient=Recipient(address="ada@example.com")))
    door.execute(StartDueGifts())
    assert heard.last.event is not None
    door.deliver(FakeSink("GiftCardSendingDue"))
    assert (OperationKind.DELIVERY, "deliver_events") == (heard.heard[-2].kind, heard.heard[-2].name)
    assert Outcome.DELIVERED == heard.last.outcome
    assert {"delivered": 1, "failed": 1, "given_up": 0} == heard.last.events


def test_a_delivery_whose_storage_fails_is_told(heard: Remembering) -> None:
    """As a failure."""
    with pytest.raises(StorageUnavailable):
        BlockingDoor(Failing(StorageUnavailable("away")), heard).deliver(FakeSink())
    assert ("storage_unavailable", {}) == (heard.last.outcome, dict(heard.last.events))


def test_inside_a_host_s_transaction_it_is_only_joined(sqlite_url: str, heard: Remembering) -> None:
    """What becomes of it is the host's to say; the observer goes with the configuration."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    door = Loyalty(storage, code_keys=KEYS, observer=heard)
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        door.using(storage.joining(connection)).execute(ISSUE)
        connection.rollback()
    assert Outcome.JOINED == heard.last.outcome
    door.execute(ISSUE)
    assert Outcome.COMMITTED == heard.last.outcome
    engine.dispose()
    storage.dispose()


# --- in nobody's way --------------------------------------------------------


@attrs.frozen
class Broken:
    """An observer that raises in one of its methods."""

    method: str

    def began(self, _operation: Operation) -> Broken | None:
        """Raise, or watch."""
        self._raise("began")
        return self

    def lost_race(self, _attempts: int) -> None:
        """Raise, or do nothing."""
        self._raise("lost_race")

    def ended(self, _ending: Ending) -> None:
        """Raise, or do nothing."""
        self._raise("ended")

    def _raise(self, method: str) -> None:
        if method == self.method:
            raise RuntimeError("a text that may hold anything")


@pytest.mark.parametrize("method", ["began", "lost_race", "ended"])
@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
def test_a_broken_observer_changes_nothing(kind: type[Door], method: str, caplog: pytest.LogCaptureFixture) -> None:
    """What was committed is answered, an error is the error that it was, and the log tells the class."""
    door = kind(Losing(1), Broken(method))
    card = door.execute(ISSUE)
    with pytest.raises(InsufficientBalance):
        door.execute(RedeemGiftCard(code=card.code, amount=usd("99"), order_id="1", idempotency_key="r"))
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert {"Broken is broken: RuntimeError"} == set(said)


def test_an_observer_that_wants_to_hear_no_more_is_left_alone() -> None:
    """None instead of a watch."""

    class Choosy:
        """Wants to know nothing."""

        def began(self, _operation: Operation) -> None:
            """Say so."""

    assert BlockingDoor(observer=Choosy()).execute(ISSUE).code


@pytest.mark.parametrize("observer", [Remembering, object(), 3], ids=["a class", "an object", "a number"])
def test_what_is_no_observer_is_refused_at_the_start(observer: Any) -> None:
    """And not inside a sale."""
    with pytest.raises(InvalidRequest, match="observer must have began"):
        Loyalty(MemoryStorage(), code_keys=KEYS, observer=observer)


def test_the_error_of_a_host_s_policy_is_a_failure(heard: Remembering) -> None:
    """It is not told as an answer of the rules, and passes as it is."""

    def wrong(*_given: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        BlockingDoor(observer=heard, policies=Policies(expiry=wrong)).execute(ISSUE)
    assert ("failed", "ZeroDivisionError", True) == (
        heard.last.outcome,
        heard.last.error_type,
        heard.last.is_failure,
    )
