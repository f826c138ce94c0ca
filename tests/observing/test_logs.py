"""What is logged, with which fields, at which level, and by which logger; the guide on operations promises each."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from contextlib import suppress
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    GetGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    LapseHolds,
    LoyaltyError,
    PlaceHold,
    Recipient,
    RedeemGiftCard,
    Redelivery,
    StartDueGifts,
)
from loyalty.errors import ConcurrentUpdate, CorruptLedger, DuplicateRecord, OutcomeUnknown, StorageUnavailable
from loyalty.observing.logs import MOST_IDS
from loyalty.testing import FakeClock, FakeSink
from loyalty.use_cases.command import Command
from tests.observing.doors import DOORS, BlockingDoor, Door, Failing, Losing
from tests.use_cases.shop import KEYS, usd

ISSUE: Final = IssueGiftCard(value=usd("20.00"), idempotency_key="issue", order_id="sold-1")


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Listen to all levels."""
    caplog.set_level(logging.DEBUG, logger="loyalty")


@pytest.fixture(params=DOORS, ids=lambda kind: kind.__name__)
def door(request: pytest.FixtureRequest) -> Door:
    """Give each door on books of its own."""
    door: Door = request.param()
    return door


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return our fields of a record, without the prefix."""
    return {name[8:]: value for name, value in vars(record).items() if name.startswith("loyalty_")}


def last(caplog: pytest.LogCaptureFixture) -> tuple[str, int, dict[str, Any]]:
    """Return the logger, the level and our fields of the last record."""
    record = caplog.records[-1]
    return record.name, record.levelno, fields_of(record)


def test_a_committed_command_is_one_record(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """With all its fields, for those who look closely."""
    card = door.execute(ISSUE).gift_card
    (record,) = caplog.records
    name, level, fields = last(caplog)
    seconds, event_id = fields.pop("seconds"), fields.pop("event_id")

    assert ("loyalty.use_cases.issue_gift_card", logging.DEBUG) == (name, level)
    assert {
        "kind": "command",
        "operation": "IssueGiftCard",
        "outcome": "committed",
        "attempts": 1,
        "event": "GiftCardIssued",
        "accounts": 1,
        "account_ids": (card.account_id,),
        "order_ids": ("sold-1",),
    } == fields
    assert f"IssueGiftCard: committed as {event_id} in {seconds * 1000:.1f} ms" == record.getMessage()


def test_a_hold_is_named(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """With its order."""
    card = door.execute(ISSUE)
    held = door.execute(PlaceHold(order_id="7", amount_due=usd("5.00"), codes=(card.code,), idempotency_key="h"))
    assert ((held.id,), ("7",)) == (last(caplog)[2]["hold_ids"], last(caplog)[2]["order_ids"])


def test_a_refusal_is_its_code_alone(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """No text, and no id of what it was about: the host has the error."""
    card = door.execute(ISSUE)
    with suppress(LoyaltyError):
        door.execute(
            RedeemGiftCard(
                code=card.code, amount=usd("99"), order_id="1", reason="a text", note="words", idempotency_key="r"
            )
        )
    _, level, fields = last(caplog)
    assert fields.pop("seconds") > 0
    assert logging.DEBUG == level
    assert {
        "kind": "command",
        "operation": "RedeemGiftCard",
        "outcome": "insufficient_balance",
        "attempts": 1,
    } == fields
    assert re.fullmatch(r"RedeemGiftCard: insufficient_balance in \d+\.\d ms", caplog.messages[-1])


def test_a_query_is_logged_by_its_own_logger(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """So a host can silence those that it asks all the time."""
    card = door.execute(ISSUE).gift_card
    door.ask(GetGiftCard(id=card.id))
    name, level, fields = last(caplog)
    assert ("loyalty.reports.gift_cards", logging.DEBUG) == (name, level)
    assert ("query", "answered") == (fields["kind"], fields["outcome"])


def test_a_command_of_the_host_is_logged_below_our_name() -> None:
    """A host that listens to `loyalty` hears of all that goes through our door."""
    from loyalty.observing.logs import Logs
    from loyalty.observing.watching import operation_of

    class OfTheHost(Command[None]):
        """A command that a host wrote."""

    assert "loyalty.command" == Logs().began(operation_of(OfTheHost)).log.name


@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
def test_a_lost_race_is_a_record(kind: type[Door], caplog: pytest.LogCaptureFixture) -> None:
    """Each further attempt, and how many there were in the end."""
    kind(Losing(2)).execute(ISSUE)
    lost = {"kind": "command", "operation": "IssueGiftCard", "outcome": "lost_race"}
    assert [{**lost, "attempts": 2}, {**lost, "attempts": 3}] == [fields_of(one) for one in caplog.records[:-1]]
    assert {logging.DEBUG} == {one.levelno for one in caplog.records}
    assert 3 == last(caplog)[2]["attempts"]


FAILURES: Final = [
    (ConcurrentUpdate("others"), logging.WARNING),
    (DuplicateRecord("twice"), logging.DEBUG),
    (StorageUnavailable("away"), logging.ERROR),
    (OutcomeUnknown(idempotency_key="issue"), logging.ERROR),
    (CorruptLedger("no"), logging.CRITICAL),
    (ZeroDivisionError("no"), logging.ERROR),
    (KeyboardInterrupt(), logging.WARNING),
]


@pytest.mark.parametrize(("error", "level"), FAILURES, ids=[type(error).__name__ for error, _ in FAILURES])
def test_each_failure_has_its_level(error: BaseException, level: int, caplog: pytest.LogCaptureFixture) -> None:
    """And no text: what a driver or a policy says may hold anything."""
    with pytest.raises(type(error)):
        BlockingDoor(Failing(error)).execute(ISSUE)
    assert level == last(caplog)[1]
    assert str(error) not in caplog.messages[-1] or not str(error)


def test_an_unknown_outcome_says_what_to_call_again_with(caplog: pytest.LogCaptureFixture) -> None:
    """The key, the event to look for, and the class of the driver's error."""
    error = OutcomeUnknown(idempotency_key="issue")
    error.__cause__ = ConnectionResetError("the words of a driver")
    with suppress(OutcomeUnknown):
        BlockingDoor(Failing(error, is_done=True)).execute(ISSUE)
    fields = last(caplog)[2]
    assert ("issue", "ConnectionResetError", "outcome_unknown") == (
        fields["idempotency_key"],
        fields["cause"],
        fields["error_type"],
    )
    assert fields["event_id"]
    assert re.fullmatch(
        r"IssueGiftCard: outcome_unknown \(ConnectionResetError\) in \d+\.\d ms, under the key 'issue'",
        caplog.messages[-1],
    )


# --- what happens by itself -------------------------------------------------


def test_a_sweep_is_logged_for_everybody_if_it_did_something(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """One that finds nothing to do, as most do, is not."""
    door.execute(attrs.evolve(ISSUE, recipient=Recipient(address="ada@example.com")))
    levels = []
    for sweep in (StartDueGifts(), StartDueGifts(), LapseHolds()):
        door.execute(sweep)
        levels.append((last(caplog)[2]["outcome"], last(caplog)[1]))
    assert [("committed", logging.INFO), ("unchanged", logging.DEBUG), ("unchanged", logging.DEBUG)] == levels


def test_a_delivery_is_one_record_with_its_numbers(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """For everybody if events left, and a warning if some did not; nothing to do is no news."""
    door.execute(ISSUE)
    said = []
    for sink in (FakeSink("GiftCardIssued"), FakeSink()):
        door.deliver(sink)
        said.append(last(caplog)[1])
    assert [logging.WARNING, logging.DEBUG] == said
    name, _, fields = last(caplog)
    assert "loyalty.use_cases.deliver_events" == name
    assert {"delivered": 0, "failed": 0, "given_up": 0} == {
        what: fields[what] for what in ("delivered", "failed", "given_up")
    }
    assert re.fullmatch(r"deliver_events: 0 delivered, 0 failed, 0 given_up in \d+\.\d ms", caplog.messages[-1])


def test_events_that_leave_are_news_and_those_that_are_given_up_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever came of the others."""
    clock = FakeClock()
    door = BlockingDoor(clock=clock)
    door.execute(ISSUE)
    door.deliver(FakeSink())
    assert (logging.INFO, 1) == (last(caplog)[1], last(caplog)[2]["delivered"])
    door.execute(attrs.evolve(ISSUE, idempotency_key="second"))
    door.deliver(FakeSink("GiftCardIssued"), redelivery=Redelivery(attempts=1))
    assert (logging.WARNING, 1) == (last(caplog)[1], last(caplog)[2]["given_up"])


def test_a_batch_names_the_first_ids_and_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """A record stays readable whatever was done at once."""
    BlockingDoor().execute(IssueGiftCardBatch(name="spring", count=50, value=usd("1.00"), idempotency_key="batch"))
    fields = last(caplog)[2]
    assert (50, MOST_IDS) == (fields["accounts"], len(fields["account_ids"]))


# --- what is never logged ---------------------------------------------------


def test_nothing_personal_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Neither codes nor customers, people, texts or metadata: in no message, no argument and no field."""
    canary: dict[str, Any] = {"reason": "CANARY-reason", "note": "CANARY-note", "actor": "CANARY-actor"}
    card = door.execute(
        IssueGiftCard(
            value=usd("20.00"),
            customer_id="CANARY-customer",
            recipient=Recipient(address="CANARY@example.com", name="CANARY"),
            metadata={"CANARY": "CANARY"},
            tags=("CANARY",),
            idempotency_key="issue",
            **canary,
        )
    )
    for amount in ("5.00", "99.00", "5.00"):
        with suppress(LoyaltyError):
            door.execute(
                RedeemGiftCard(
                    code=card.code,
                    amount=usd(amount),
                    order_id="1",
                    customer_id="CANARY-customer",
                    metadata={"CANARY": "CANARY"},
                    idempotency_key=amount,
                    **canary,
                )
            )
    door.execute(StartDueGifts())
    door.deliver(FakeSink())
    told = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert 6 <= len(caplog.records)
    assert "CANARY" not in told
    assert card.code not in told
    assert KEYS.current_id not in told


# --- the host's logging -----------------------------------------------------


def test_a_host_that_set_up_no_logging_sees_nothing() -> None:
    """Not even what Python prints of warnings that nobody listens to."""
    code = """
from loyalty import CodeKeys, Loyalty, IssueGiftCard, LapseHolds
from loyalty.errors import StorageUnavailable

class Away:
    def run(self, work): raise StorageUnavailable("away")
    def read(self, question): raise StorageUnavailable("away")

try:
    Loyalty(Away(), code_keys=CodeKeys.generate()).execute(LapseHolds())
except StorageUnavailable:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert ("refused\n", "") == (done.stdout, done.stderr)


def test_our_fields_fit_into_every_record(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """None has the name of an attribute that records have anyway."""
    own = set(vars(logging.makeLogRecord({})))
    door.execute(ISSUE)
    assert all(name in own or name.startswith("loyalty_") for name in vars(caplog.records[-1]) if name != "message")
