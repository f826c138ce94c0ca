"""Rules of cash-outs: dated data that check themselves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty.errors import InvalidRequest, LoyaltyError
from loyalty.policies.cash_out import US_RULES, CashOutRule, CashOutRules, Remainder, no_cash_out, us_cash_out
from tests.unit.accounts import MICROSECOND, NOW

RULE = CashOutRule(jurisdiction="US-XX", limit=Money(5, "USD"), source="a law")


def left(paid: int = 499, **given: Any) -> Remainder:
    """Return a remainder in the rule's place."""
    plain: dict[str, Any] = {"currency": "USD", "exponent": 2, "face": 5000, "is_reloaded": False, "at": NOW}
    return Remainder(**{"jurisdiction": "US-XX", "paid": paid, **plain, **given})


@pytest.mark.parametrize(
    ("rule", "remainder", "is_due"),
    [
        (RULE, left(499), True),
        (RULE, left(500), False),
        (attrs.evolve(RULE, includes_limit=True), left(500), True),
        (attrs.evolve(RULE, includes_limit=True), left(501), False),
        (attrs.evolve(RULE, used_percent=90), left(500), True),
        (attrs.evolve(RULE, used_percent=90), left(501), False),
        (attrs.evolve(RULE, used_percent=90), left(500, is_reloaded=True), False),
        (attrs.evolve(RULE, used_percent=90), left(499, is_reloaded=True), True),
        (attrs.evolve(RULE, used_percent=100), left(499, face=1), True),
        (RULE, left(jurisdiction=None), False),
        (RULE, left(jurisdiction="US-YY"), False),
        (RULE, left(currency="EUR"), False),
        (RULE, left(exponent=3), False),
        (attrs.evolve(RULE, valid_from=NOW), left(), True),
        (attrs.evolve(RULE, valid_from=NOW), left(at=NOW - MICROSECOND), False),
        (attrs.evolve(RULE, valid_until=NOW), left(at=NOW - MICROSECOND), True),
        (attrs.evolve(RULE, valid_until=NOW), left(), False),
    ],
)
def test_a_rule_holds_in_its_place_for_its_time_within_its_bound(
    rule: CashOutRule, remainder: Remainder, is_due: bool
) -> None:
    """To the cent, to the microsecond, and in its own currency."""
    assert is_due is rule.is_due(remainder)
    assert (rule if is_due else None) == CashOutRules(rules=(rule,), version="1")(remainder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"jurisdiction": ""},
        {"jurisdiction": None},
        {"limit": Money(0, "USD")},
        {"limit": Money("0.001", "USD")},
        {"limit": 5},
        {"includes_limit": 1},
        {"used_percent": 0},
        {"used_percent": 101},
        {"used_percent": True},
        {"used_percent": 90.0},
        {"valid_from": datetime(2026, 1, 1)},  # noqa: DTZ001  # naive on purpose
        {"valid_from": NOW, "valid_until": NOW},
        {"source": ""},
    ],
)
def test_a_wrong_rule_cannot_exist(wrong: dict[str, Any]) -> None:
    """It is told when the shop is set up."""
    with pytest.raises(LoyaltyError):
        attrs.evolve(RULE, **wrong)


@pytest.mark.parametrize("rules", [None, RULE, "a law", [RULE, "a law"], {RULE}])
def test_rules_are_a_list_of_rules(rules: Any) -> None:
    """And nothing that merely looks like it."""
    with pytest.raises(InvalidRequest):
        CashOutRules(rules=rules, version="1")


def test_the_table_has_one_rule_per_place_and_time_and_a_source_for_each() -> None:
    """No two rules of one place hold at once."""
    for rule in US_RULES:
        assert rule.source
        same = [one for one in US_RULES if one.jurisdiction == rule.jurisdiction and one is not rule]
        for other in same:
            assert rule.valid_until == other.valid_from or other.valid_until == rule.valid_from
    assert 10 == len({rule.jurisdiction for rule in US_RULES})


def test_california_before_its_law() -> None:
    """A rule says since when it holds; before that nothing was due."""
    since = min(rule.valid_from for rule in US_RULES if rule.valid_from is not None)
    remainder = left(jurisdiction="US-CA")
    assert us_cash_out(attrs.evolve(remainder, at=since)) is not None
    assert us_cash_out(attrs.evolve(remainder, at=since - timedelta(microseconds=1))) is None


def test_the_default_is_off() -> None:
    """Whatever is left, wherever."""
    assert None is no_cash_out(left(1, jurisdiction="US-CA"))
