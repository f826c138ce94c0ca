"""Whether a tender may pay, for which lines, and which reason is told first."""

from __future__ import annotations

import pytest

from loyalty import OrderLine, PlanPayment
from loyalty.errors import LoyaltyError, NotEligible, Refused
from loyalty.policies.eligibility import PayingTender
from loyalty.tenders.usable import PRECEDENCE, eligible_lines, facts_of, lines_of, require_eligible
from tests.unit.accounts import NOW, card_of, credit_of, lot_of
from tests.use_cases.checkout import line
from tests.use_cases.shop import usd

CARD = card_of(lot_of(1000), region="de", tags=("gift",), order_id="900", customer_id="ada", claimed_at=NOW)
CREDIT = credit_of(lot_of(1000))
LINES = (line("a", "10.00"), line("b", "5.00", tags=("wine",)), line("c", "2.50", tags=("wine",)))


def no_wine(order_line: OrderLine, _tender: PayingTender) -> str | None:
    """Veto every bottle, each for a reason of its own."""
    return f"no wine in {order_line.id}" if "wine" in order_line.tags else None


def nothing(order_line: OrderLine, _tender: PayingTender) -> str | None:
    """Veto everything."""
    return f"nothing, not even {order_line.id}"


def test_a_rule_is_told_what_a_tender_is() -> None:
    """Whose it is, where it comes from and what staff wrote on it; of credit, whose it is."""
    assert ("card-1", "ada", "USD", "de", ("gift",), "900", NOW) == (
        (facts := facts_of(CARD)).gift_card_id, facts.customer_id, facts.currency, facts.region, facts.tags,
        facts.bought_in, facts.issued_at,
    )  # fmt: skip
    assert (None, "ada", "USD", None, ()) == (
        (own := facts_of(CREDIT)).gift_card_id, own.customer_id, own.currency, own.region, own.tags,
    )  # fmt: skip


def test_lines_without_a_veto_are_all_lines() -> None:
    """None stands for all of them, also for those that no line names."""
    assert None is lines_of((), CARD, nothing)
    assert None is lines_of(LINES[:1], CARD, no_wine)
    assert frozenset({0}) == lines_of(LINES, CARD, no_wine)
    assert frozenset() == lines_of(LINES, CARD, nothing)


def test_a_tender_that_may_pay_for_nothing_is_refused_with_the_first_reason() -> None:
    """Only if nothing is left beside the lines: shipping may be paid by any tender."""
    for due in ("17.50", "3.00"):
        with pytest.raises(NotEligible) as caught:
            eligible_lines(PlanPayment(amount_due=usd(due), customer_id="ada", lines=LINES), CARD, nothing)
        assert "nothing, not even a" == caught.value.reason
    more = PlanPayment(amount_due=usd("17.51"), customer_id="ada", lines=LINES)
    assert frozenset() == eligible_lines(more, CARD, nothing)
    assert frozenset({0}) == eligible_lines(more, CARD, no_wine)


def test_an_exact_amount_is_within_the_lines_without_a_veto() -> None:
    """To the cent; one cent more is refused with the reason of the first veto."""
    require_eligible(LINES, CARD, 1000, no_wine)
    require_eligible((), CARD, 10**9, nothing)
    require_eligible(LINES[:1], CARD, 10**9, no_wine)
    with pytest.raises(NotEligible) as caught:
        require_eligible(LINES, CARD, 1001, no_wine)
    assert "no wine in b" == caught.value.reason


def test_reasons_that_tell_a_stranger_nothing_come_first() -> None:
    """Codes that could not be, then cards that are not there, then whose they are, then what is on them."""
    assert [
        "malformed_code", "gift_card_not_found", "claimed_by_another", "not_spendable", "currency_mismatch",
        "not_eligible",
    ] == [error.code for error in PRECEDENCE]  # fmt: skip
    assert all(issubclass(error, LoyaltyError) for error in PRECEDENCE)
    assert issubclass(PRECEDENCE[-1], Refused)
