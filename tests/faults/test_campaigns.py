"""The campaigns of `nox -s faults`, each for a short time, so that none of them rots."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.faults.campaign.bank import bank
from tests.faults.campaign.drop import DRIVERS, drop
from tests.faults.campaign.grounds import GROUNDS, Ground
from tests.faults.campaign.hammer import hammer
from tests.faults.campaign.kill import kill
from tests.faults.campaign.knife import Cut
from tests.faults.campaign.program import parsed
from tests.faults.campaign.tally import any_seed
from tests.faults.campaign.wire import Message, Place, mariadb_message, postgresql_message

CUTS = 20
DROPS = 5
HAMMERING = 8
COMMANDS_EACH = 50
CLERKS = 8
BANK_SECONDS = float(os.environ.get("LOYALTY_BANK_SECONDS", "10"))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def ground(request: pytest.FixtureRequest) -> Ground:
    """Give each kind of database in turn."""
    return Ground(request.param, request.getfixturevalue(f"{request.param}_databases"))


def test_workers_that_are_killed_leave_all_or_nothing(ground: Ground) -> None:
    """At a statement, around the commit, at any moment: the books tie, and the command called again has one effect."""
    done = kill(ground, any_seed(), CUTS)

    assert CUTS == sum(done.faults.values())
    assert set(Cut) - {Cut.AT_ANY_MOMENT} <= set(done.faults)
    assert CUTS <= done.checks["single effects"] == done.checks["replays"] <= done.checks["audits"]


def test_processes_that_hammer_on_five_accounts_lose_no_update(ground: Ground) -> None:
    """Every balance is what the acknowledged commands come to, and every process gets its turn."""
    done = hammer(ground, any_seed(), COMMANDS_EACH, HAMMERING)

    assert HAMMERING * COMMANDS_EACH == done.commands
    assert {"audits": 1, "balances": 5, "processes that ended": HAMMERING} == done.checks


def test_every_read_of_the_bank_shows_one_total(ground: Ground) -> None:
    """Whatever is transferred, held, captured and refunded meanwhile, by processes that are killed now and then."""
    done = bank(ground, any_seed(), BANK_SECONDS, CLERKS)

    assert 0 < done.faults["killed"] < done.checks["audits"]
    assert 0 < done.checks["acknowledged"] <= done.commands
    assert 0 < done.checks["reads"]


@pytest.mark.parametrize("name", list(DRIVERS))
def test_a_wire_that_is_cut_leaves_all_or_nothing(request: pytest.FixtureRequest, name: str) -> None:
    """Around a COMMIT the outcome is unknown, at a statement nothing happened; again with the key has one effect."""
    done = drop(Ground(name, request.getfixturevalue(f"{name}_databases")), any_seed(), DROPS)

    assert {f"{place}, {driver}": DROPS for place in Place for driver in DRIVERS[name]} == done.faults
    assert sum(done.faults.values()) == done.checks["single effects"]


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (b"", None),
        (b"Q\0\0", None),
        (b"Q\0\0\0\x0bCOMMIT", None),
        (b"Q\0\0\0\x0bCOMMIT\0and more", Message(12, "COMMIT")),
        (b"Q\0\0\0\x0dSELECT 1\0", Message(14, "SELECT 1")),
        (b"B\0\0\0\x05\0", Message(6, "")),
        (b"P\0\0\0\x05\0", Message(6)),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", Message(8)),
    ],
    ids=["nothing", "no length", "a part", "COMMIT", "a statement", "a prepared one", "preparing it", "asking for TLS"],
)
def test_messages_of_a_client_are_told_apart(received: bytes, message: Message | None) -> None:
    """The first one that is whole; a COMMIT is known as one."""
    assert message == postgresql_message(received)
    assert (message is not None and message.statement == "COMMIT") is (message is not None and message.is_commit)


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (b"\x07\0\0", None),
        (b"\x07\0\0\0\x03COMM", None),
        (b"\x07\0\0\0\x03COMMIT\x01", Message(11, "COMMIT")),
        (b"\x09\0\0\0\x03SELECT 1", Message(13, "SELECT 1")),
        (b"\x01\0\0\0\x01", Message(5)),
        (b"\x03\0\0\x01\x03ab", Message(7)),
    ],
    ids=["no length", "a part", "COMMIT", "a statement", "the end", "the greeting"],
)
def test_messages_to_mariadb_are_told_apart(received: bytes, message: Message | None) -> None:
    """As those of the other protocol."""
    assert message == mariadb_message(received)


def test_the_campaigns_understand_what_the_guide_types() -> None:
    """Every line of it, and the line that is printed to have a fault again."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "faults.md").read_text(encoding="utf-8")
    typed = re.findall(r"nox -s faults(?: -- (.*))?$", re.sub(r" +#.*$", "", guide, flags=re.MULTILINE), re.MULTILINE)

    assert 4 <= len(typed)
    for line in typed:
        assert set(parsed(line.split()).databases) <= set(GROUNDS)
