"""The campaigns of `nox -s faults`, each for a short time, so that none of them rots."""

from __future__ import annotations

import os

import pytest

from tests.faults.campaign.bank import bank
from tests.faults.campaign.grounds import Ground
from tests.faults.campaign.hammer import hammer
from tests.faults.campaign.kill import kill
from tests.faults.campaign.knife import Cut
from tests.faults.campaign.tally import any_seed

CUTS = 20
HAMMERING = 8
COMMANDS_EACH = 50
CLERKS = 8
BANK_SECONDS = float(os.environ.get("LOYALTY_BANK_SECONDS", "10"))


@pytest.fixture(params=["sqlite", "postgresql"])
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
