"""Which policy decided: its name, its version, what it said; and that it decides the same again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty import Policies, SpendingLimits
from loyalty.ledger.lot import Lot
from loyalty.policies.decision import Decision, decision, policy
from loyalty.policies.eligibility import PayingTender
from loyalty.policies.expiry import AtLeastYears
from tests.use_cases.checkout import hold, line, void
from tests.use_cases.shop import Shop, usd


@policy("2026-11")
def an_hour(amount_due: Money) -> timedelta:  # noqa: ARG001 - the same for every amount
    """Hold for an hour."""
    return timedelta(hours=1)


class Strange:
    """A policy of a host that says its name and version in its own way."""

    name = "the strange one"
    version = 7

    def __call__(self, lot: Lot) -> str:
        """Sort by id."""
        return lot.id


def test_a_marked_function_says_its_name_and_version() -> None:
    """The function stays itself and the record is plain text."""
    assert timedelta(hours=1) == an_hour(usd("5"))
    assert Decision("hold_time", "an_hour", "2026-11", None) == decision("hold_time", an_hour)
    assert Decision("hold_time", "an_hour", "2026-11", "it said so") == decision("hold_time", an_hour, "it said so")


@pytest.mark.parametrize(
    ("chosen", "name", "version"),
    [
        (lambda lot: lot.id, "<lambda>", "unversioned"),
        (Strange(), "the strange one", "7"),
        (partial(max, 1), "partial", "unversioned"),
        (SpendingLimits(version="2026-11"), "SpendingLimits", "2026-11"),
        (AtLeastYears(5), "AtLeastYears", "1"),
    ],
    ids=["lambda", "object", "partial", "limits", "years"],
)
def test_every_callable_has_a_name_and_a_version(chosen: Any, name: str, version: str) -> None:
    """A host's own policy without a version is recorded as unversioned, and what it says is made text."""
    assert (name, version) == (decision("kind", chosen).name, decision("kind", chosen).version)


@pytest.mark.parametrize("field", attrs.fields(Policies), ids=lambda field: field.name)
def test_every_default_policy_has_a_version(field: Any) -> None:
    """What the library decides by itself is never unversioned."""
    assert "unversioned" != Policies().decided(field.name).version


def test_a_decision_is_replayed_from_what_is_stored() -> None:
    """Under newer policies an old receipt still tells which rules decided, and they give the same again."""
    rules = {
        ("no_late_wine", "1"): policy("1")(_no_late_wine(1)),
        ("no_late_wine", "2"): policy("2")(_no_late_wine(2)),
    }
    shop = Shop(policies=Policies(eligibility=rules["no_late_wine", "1"]))
    issued = shop.issue("50.00")
    lines = [line("wine", "10.00", metadata={"strength": 1}), line("gin", "10.00", metadata={"strength": 2})]
    held = hold(shop, "20.00", codes=[issued.code], lines=lines)
    stored = json.loads(shop.last_receipt().decisions or "")

    (recorded,) = [one for one in stored if one["policy"] == "eligibility"]
    rule = rules[recorded["name"], recorded["version"]]
    tender = PayingTender(
        gift_card_id=issued.gift_card.id, customer_id=None, currency="USD", issued_at=issued.gift_card.issued_at
    )
    vetoed = [str(place) for place, one in enumerate(lines) if rule(one, tender) is not None]
    assert f"account {held.parts[0].account_id} not for lines {', '.join(vetoed)}" == recorded["said"]
    assert ["1"] == vetoed
    assert [] == [one for one in lines if rules["no_late_wine", "2"](one, tender)]


def _no_late_wine(strongest: int) -> Any:
    def no_late_wine(order_line: Any, tender: PayingTender) -> str | None:  # noqa: ARG001 - the same for every tender
        return "too strong" if order_line.metadata["strength"] > strongest else None

    return no_late_wine


def test_commands_that_ask_no_policy_record_none() -> None:
    """To void a hold nobody is asked."""
    shop = Shop()
    void(shop, hold(shop, "5.00", codes=[shop.issue("50.00").code]))
    assert None is shop.last_receipt().decisions


def test_the_same_decisions_are_written_alike() -> None:
    """Two commands under one set of policies keep equal texts, whatever was written between them."""
    shop = Shop(policies=Policies(hold_time=an_hour))
    issued = shop.issue("50.00")
    texts = []
    for order in ("a", "b"):
        hold(shop, "5.00", codes=[issued.code], order_id=order)
        texts.append(shop.last_receipt().decisions)
        shop.redeem(issued, "1.00", f"between {order}")
    assert texts[0] == texts[1] is not None


def test_times_are_asked_for_once() -> None:
    """A policy that answers another time whenever it is asked decides once per command."""
    answers = iter([timedelta(minutes=1), timedelta(minutes=2)])

    def fickle(amount_due: Money) -> timedelta:  # noqa: ARG001 - whatever it is
        return next(answers)

    shop = Shop(policies=Policies(hold_time=fickle))
    held = hold(shop, "5.00", codes=[shop.issue("50.00").code])
    lapses: datetime = held.lapses_at
    assert held.placed_at + timedelta(minutes=1) == lapses
