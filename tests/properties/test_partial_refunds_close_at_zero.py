"""However a refund is cut into parts, it ends where one full refund ends, and no part ever exceeds its cap."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loyalty.money import LIMIT, split_next

Steps = list[tuple[int, ...]]


@st.composite
def refunds(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Return caps, and amounts that together take all of them."""
    some = st.integers(0, 60) | st.integers(0, 5)
    caps = draw(st.lists(some, min_size=1, max_size=12) | st.lists(st.integers(0, LIMIT), min_size=1, max_size=5))
    left, amounts = sum(caps), []
    for _ in range(draw(st.integers(0, 40))):
        if left:
            amounts.append(draw(st.integers(1, min(left, draw(st.sampled_from((1, 3, 20, LIMIT)))))))
            left -= amounts[-1]
    return caps, [*amounts, left] if left else amounts


def carry_out(caps: list[int], amounts: list[int]) -> Steps:
    """Return what was allotted to each part, after each of the refunds."""
    steps: Steps = [(0,) * len(caps)]
    for amount in amounts:
        parts = split_next(amount, caps, steps[-1])
        steps.append(tuple(before + part for before, part in zip(steps[-1], parts, strict=True)))
    return steps


@given(refunds())
def test_every_refund_is_paid_exactly(case: tuple[list[int], list[int]]) -> None:
    """After each refund the parts together hold exactly what was refunded so far."""
    caps, amounts = case
    totals = [sum(step) for step in carry_out(caps, amounts)]
    assert [sum(amounts[:count]) for count in range(len(amounts) + 1)] == totals


@given(refunds())
def test_no_part_exceeds_its_cap_or_gives_back(case: tuple[list[int], list[int]]) -> None:
    """What a part was allotted only grows, and never above its cap."""
    caps, amounts = case
    steps = carry_out(caps, amounts)
    for before, after in pairwise(steps):
        assert all(old <= new <= cap for old, new, cap in zip(before, after, caps, strict=True))


@given(refunds())
def test_last_refund_closes_every_part(case: tuple[list[int], list[int]]) -> None:
    """The end is the same as that of one full refund: every part stands at its cap."""
    caps, amounts = case
    assert tuple(caps) == carry_out(caps, amounts)[-1] == split_next(sum(caps), caps, [0] * len(caps))


@given(refunds())
def test_no_part_drifts(case: tuple[list[int], list[int]]) -> None:
    """
    On the way a part stands less than one unit above its exact share.

    As the differences sum to zero, it also stands less than one unit per other
    part below it; with two parts that is one unit either way. More cannot be
    had: a part never gives back what an earlier rounding gave it.
    """
    caps, amounts = case
    for step in carry_out(caps, amounts):
        for allotted, cap in zip(step, caps, strict=True):
            difference = allotted - (Fraction(sum(step) * cap, sum(caps)) if cap else 0)
            assert -max(1, len(caps) - 1) < difference < 1


@given(refunds(), st.data())
def test_closes_from_any_start(case: tuple[list[int], list[int]], data: st.DataObject) -> None:
    """Whatever was allotted before, by whichever rule, the rest closes every part."""
    caps, _ = case
    start = [data.draw(st.integers(0, cap)) for cap in caps]
    left = sum(caps) - sum(start)
    first = data.draw(st.integers(0, left))
    middle = [old + part for old, part in zip(start, split_next(first, caps, start), strict=True)]
    rest = split_next(left - first, caps, middle)
    assert caps == [old + part for old, part in zip(middle, rest, strict=True)]
