"""A refund plan sums to the refund, no tender gives more than it took, and all roads end at the same place."""

from __future__ import annotations

from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty import ALL, RefundTender, in_proportion, other_tenders_first, plan_refund, reverse_order_of_use
from loyalty.policies.refund_routing import RefundRouting
from loyalty.testing.programs import minor, money

STRATEGIES: Final = (other_tenders_first, reverse_order_of_use, in_proportion)

strategies = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.__name__)


@st.composite
def paid_orders(draw: st.DrawFn) -> tuple[RefundTender, ...]:
    """Return one to five tenders, some of which gave something back before, with something left in all."""
    captured = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=5).filter(any))
    refunded = [draw(st.integers(0, amount)) for amount in captured]
    if captured == refunded:
        refunded = [0] * len(captured)
    return tuple(
        RefundTender(id=f"{place}", captured=money(took), refunded=money(gave), is_stored_value=draw(st.booleans()))
        for place, (took, gave) in enumerate(zip(captured, refunded, strict=True))
    )


def after(tenders: tuple[RefundTender, ...], amount: int | None, strategy: RefundRouting) -> tuple[RefundTender, ...]:
    """Plan a refund, check it, and return the tenders as they stand when it is done; None is everything."""
    left = sum(tender.left for tender in tenders)
    plan = plan_refund(tenders, ALL if amount is None else money(amount), strategy)
    parts = {part.tender_id: minor(part.amount) for part in plan}
    assert (left if amount is None else amount) == sum(parts.values())
    assert len(plan) == len(parts)
    assert all(0 < parts.get(tender.id, 1) <= max(1, tender.left) for tender in tenders)
    return tuple(attrs.evolve(tender, refunded=tender.refunded + money(parts.get(tender.id, 0))) for tender in tenders)


@strategies
@given(tenders=paid_orders(), share=st.integers(1, 1000))
def test_the_sum_is_exact_and_no_tender_gives_more_than_is_left(
    strategy: RefundRouting, tenders: tuple[RefundTender, ...], share: int
) -> None:
    """For any part of what is left."""
    left = sum(tender.left for tender in tenders)
    after(tenders, max(1, left * share // 1000), strategy)


@strategies
@given(tenders=paid_orders(), cuts=st.lists(st.integers(1, 300), max_size=8))
def test_any_sequence_of_partial_refunds_ends_where_one_full_refund_ends(
    strategy: RefundRouting, tenders: tuple[RefundTender, ...], cuts: list[int]
) -> None:
    """Every tender is closed at zero, not a cent more or less anywhere."""
    at_once = after(tenders, None, strategy)
    for cut in cuts:
        if cut < sum(tender.left for tender in tenders):
            tenders = after(tenders, cut, strategy)

    assert at_once == after(tenders, None, strategy)
    assert {0} == {tender.left for tender in at_once}


@given(tenders=paid_orders(), share=st.integers(1, 1000))
def test_stored_value_gets_nothing_before_all_else_is_full(tenders: tuple[RefundTender, ...], share: int) -> None:
    """By default money from outside goes back outside first; a later tender before an earlier one of its kind."""
    left = sum(tender.left for tender in tenders)
    done = after(tenders, max(1, left * share // 1000), other_tenders_first)
    given_back = [before.left - now.left for before, now in zip(tenders, done, strict=True)]
    if any(part and tender.is_stored_value for part, tender in zip(given_back, done, strict=True)):
        assert all(tender.left == 0 for tender in done if not tender.is_stored_value)
    for kind in (True, False):
        own = [
            (part, tender.left) for part, tender in zip(given_back, done, strict=True) if tender.is_stored_value is kind
        ]
        for place, (part, _) in enumerate(own):
            assert part == 0 or all(rest == 0 for _, rest in own[place + 1 :])
