"""Handing over from the command line: mail to a real server, lines for another program, and what was given up."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partialmethod
from typing import Any, Final

import pytest
from moneyed import Money

from loyalty import IssueGiftCard, ListDeadLetters, Loyalty, Recipient
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.clock import system_clock
from loyalty.errors import StorageError, StorageUnavailable
from loyalty.testing import FakeSink, give_up_one
from loyalty.use_cases.deliver_events import Delivered
from loyalty.worker import EventWorker
from tests.cli.terminal import PATIENCE, call, environment, run
from tests.mail.mailbox import Mailbox

TEN: Final = Money("10.00", "USD")


@pytest.fixture
def mailing(env: dict[str, str], server: Any) -> dict[str, str]:
    """Give the environment of an operator whose mail server is known."""
    return {
        **env,
        "LOYALTY_SMTP_HOST": "127.0.0.1",
        "LOYALTY_SMTP_PORT": f"{server.port}",
        "LOYALTY_SMTP_SECURITY": "none",
        "LOYALTY_MAIL_FROM": "cards@shop.example",
        "LOYALTY_SHOP": "Tea & Co",
    }


def give(loyalty: Loyalty, key: str, **more: Any) -> str:
    """Issue a card for somebody and return its code."""
    to = Recipient(address="ada@example.com")
    return loyalty.execute(IssueGiftCard(value=TEN, recipient=to, idempotency_key=key, **more)).code


def test_gift_cards_leave_by_mail(loyalty: Loyalty, mailing: dict[str, str], mailbox: Mailbox) -> None:
    """Each once, with its code, which the command itself never shows."""
    codes = [give(loyalty, key) for key in "ab"]
    first, second = run("deliver", env=mailing), call("deliver", "--json", env=mailing)

    assert [0, 0] == [first.code, second.code], first.err + second.err
    assert ["delivered\t4", "failed\t0", "given up\t0"] == first.out.splitlines()
    # The codes were revealed to be mailed, and that is told of as well.
    assert {"delivered": 2, "failed": 0, "given_up": 0, "is_done": True} == json.loads(second.out)
    assert 2 == len(mailbox.mails)
    for code, mail in zip(codes, mailbox.mails, strict=True):
        assert code in mail.as_string()
        assert code not in first.all + second.all
    assert ["Tea & Co" in str(mail["Subject"]) for mail in mailbox.mails] == [True, True]


def test_a_server_that_refuses_is_tried_again_later(
    loyalty: Loyalty, mailing: dict[str, str], mailbox: Mailbox
) -> None:
    """The exit code says so; nothing of the mail is told."""
    code = give(loyalty, "a")
    mailbox.refusal = "451 come back later, ada@example.com"
    refused = call("deliver", env=mailing)
    again = call("deliver", env=mailing)
    assert (1, 0) == (refused.code, again.code)
    assert "failed\t1" in refused.out.splitlines()
    assert "failed\t0" in again.out.splitlines()
    assert "what failed is tried again later" in refused.err
    assert [] == [word for word in (code, "ada@example.com") if word in refused.all]
    assert [] == mailbox.mails


def test_events_are_printed_for_another_program(loyalty: Loyalty, env: dict[str, str]) -> None:
    """A line of JSON each, in their order; no secret is needed, and no code is shown."""
    soon = system_clock() + timedelta(days=20)
    code = give(loyalty, "a", expires_at=soon)
    del env["LOYALTY_CODE_SECRET"]
    printed = call("deliver", "--print", "--expiring-within", "7", "--expiring-within", "30", env=env)
    again = call("deliver", "--print", "--expiring-within", "30", env=env)

    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert (0, 0, "") == (printed.code, again.code, again.out), printed.err
    assert ["GiftCardIssued", "GiftCardSendingDue", "GiftCardExpiresSoon"] == [line["name"] for line in lines]
    assert {"amount": "10.00", "currency": "USD"} == lines[0]["event"]["value"]
    assert 30 * 24 * 3600 == lines[2]["event"]["window_seconds"]
    assert [1, 1, 1] == [line["attempt"] for line in lines]
    assert code not in printed.all
    assert "delivered 3, failed 0, given up 0" in printed.err


def test_where_to_is_asked_before_anything_is_done(loyalty: Loyalty, env: dict[str, str]) -> None:
    """Without a server or a sender, with a wrong one, and without the secret that codes are derived from."""
    give(loyalty, "a")
    mail = ("--smtp-host", "127.0.0.1", "--from", "cards@shop.example")
    wrong = {
        "where to? Give --smtp-host and --from": ("deliver",),
        "Give --smtp-host and --from to": ("deliver", "--smtp-host", "127.0.0.1"),
        "--smtp-security must be starttls, tls or none": ("deliver", *mail, "--smtp-security", "ssl"),
        "there is no such folder of templates": ("deliver", *mail, "--templates", "/nowhere"),
        "the locale must be one that Babel knows": ("deliver", *mail, "--locale", "xx_YY"),
        "the sender's address must be plain ASCII": ("deliver", *mail[:3], "kärten@shop.example"),
        "Invalid value for '--expiring-within'": ("deliver", "--print", "--expiring-within", "0"),
        "which ones? Give their ids, or --all": ("retry",),
        "which ones?": ("retry", "1", "--all"),
    }
    for message, command in wrong.items():
        done = call(*command, env=env)
        assert (2, "") == (done.code, done.out), command
        assert message in done.err
    del env["LOYALTY_CODE_SECRET"]
    without = call("deliver", *mail, env=env)
    assert (2, "") == (without.code, without.out)
    assert "needs the shop's secret" in without.err
    assert 1 == loyalty.deliver_events(FakeSink()).delivered


def test_what_was_given_up_is_shown_and_retried(loyalty: Loyalty, env: dict[str, str]) -> None:
    """By id, or all of it; under one key for all, so that repeating it is safe."""
    for key in "abc":
        give(loyalty, key)
    dead = [give_up_one(loyalty) for _ in "abc"]

    shown, two = call("dead-letters", env=env), call("dead-letters", "--limit", "2", "--json", env=env)
    assert (0, 0) == (shown.code, two.code)
    header, *rows = [line.split("\t") for line in shown.out.splitlines()]
    assert ["id", "happened", "event", "attempts", "failure", "given up"] == header
    assert dead == [row[0] for row in rows]
    assert ["GiftCardIssued", "1", "ValueError"] == rows[0][2:5]
    assert dead[:2] == [letter["event_id"] for letter in json.loads(two.out)]

    one = call("retry", dead[0], "--key", "case 7", env=env)
    same = call("retry", dead[0], "--key", "case 7", "--json", env=env)
    late = call("retry", dead[0], "--key", "case 8", env=env)
    rest = call("retry", "--all", "--json", env=env)
    assert [0, 0, 1, 0] == [done.code for done in (one, same, late, rest)]
    assert [dead[0], "GiftCardIssued"] == one.out.splitlines()[1].split("\t")[:2]
    assert [dead[0]] == [retried["event_id"] for retried in json.loads(same.out)]
    assert "the event is delivered, or on its way" in late.err
    assert dead[1:] == [retried["event_id"] for retried in json.loads(rest.out)]
    assert [header] == [line.split("\t") for line in call("dead-letters", env=env).out.splitlines()]
    assert () == loyalty.ask(ListDeadLetters()).letters
    assert 1 == call("retry", "nothing", env=env).code


def test_it_goes_on_until_it_is_stopped(storage: SqlAlchemyStorage, loyalty: Loyalty, env: dict[str, str]) -> None:
    """Watching, it hands over what comes; SIGTERM lets it finish, and ends it well."""
    del storage
    process = subprocess.Popen(
        [sys.executable, "-m", "loyalty", "deliver", "--print", "--watch"],
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        names = []
        for key in "ab":
            loyalty.execute(IssueGiftCard(value=TEN, idempotency_key=key))
            names.append(json.loads(process.stdout.readline())["name"])
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert ["GiftCardIssued", "GiftCardIssued"] == names
    assert (0, True) == (process.returncode, "delivered 2" in said), said
    assert 0 == loyalty.deliver_events(FakeSink()).delivered


def test_who_stops_reading_loses_nothing(loyalty: Loyalty, env: dict[str, str]) -> None:
    """More was to be told than fits into a pipe: what could not be written is not handed over, and comes again."""
    for key in range(400):
        loyalty.execute(IssueGiftCard(value=TEN, idempotency_key=f"{key}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "loyalty", "deliver", "--print"],
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "GiftCardIssued" == json.loads(process.stdout.readline())["name"]
    process.stdout.close()
    process.wait(PATIENCE)
    left = FakeSink()
    loyalty.deliver_events(left, limit=1000)
    assert 0 != process.returncode
    assert 100 < len(left.taken) < 399


def test_a_database_that_does_not_answer_is_told(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, while it goes on."""
    turns: Iterator[StorageUnavailable | Delivered] = iter([StorageUnavailable("away"), Delivered()])

    def turn(*_: object) -> Delivered:
        come = next(turns)
        if isinstance(come, StorageUnavailable):
            raise come
        signal.raise_signal(signal.SIGTERM)
        return come

    monkeypatch.setattr(EventWorker, "turn", turn)
    monkeypatch.setattr(EventWorker, "wait_after_failures", partialmethod(_at_once))
    done = call("deliver", "--print", "--watch", env=env)
    assert 0 == done.code
    assert "loyalty: the storage did not answer (StorageUnavailable); trying again in" in done.err
    assert [] == logging.getLogger("loyalty.worker").handlers


def _at_once(worker: EventWorker, failures: int, error: StorageError) -> float:
    assert _WAIT(worker, failures, error) > 0
    return 0.0


_WAIT: Final = EventWorker.wait_after_failures
