"""A split sums to its amount, and no part is a whole minor unit away from its exact share."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from loyalty.money import LIMIT, split

AMOUNTS = st.integers(0, LIMIT) | st.integers(0, 50)
WEIGHTS = st.lists(st.integers(0, LIMIT) | st.integers(0, 5), min_size=1, max_size=30).filter(any)


@given(AMOUNTS, WEIGHTS)
def test_parts_sum_to_the_amount(amount: int, weights: list[int]) -> None:
    """Nothing is lost and nothing is invented."""
    assert amount == sum(split(amount, weights))


@given(AMOUNTS, WEIGHTS)
def test_every_part_is_near_its_share(amount: int, weights: list[int]) -> None:
    """A part is its exact share, rounded down or up; of weight zero it is zero."""
    for part, weight in zip(split(amount, weights), weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1
        assert part >= 0
        assert weight or part == 0


@given(AMOUNTS, WEIGHTS)
def test_who_lost_more_is_rounded_up_first(amount: int, weights: list[int]) -> None:
    """No part that was rounded down had lost more than one that was rounded up; among equals the earlier one is up."""
    parts = split(amount, weights)
    shares = [Fraction(amount * weight, sum(weights)) for weight in weights]
    losses = [(share - share.__floor__(), -place) for place, share in enumerate(shares)]
    up = [loss for loss, part, share in zip(losses, parts, shares, strict=True) if part > share]
    down = [loss for loss, part, share in zip(losses, parts, shares, strict=True) if part < share]
    assume(up and down)
    assert min(up) > max(down)


@given(AMOUNTS, WEIGHTS, st.integers(1, 1000))
def test_only_proportions_matter(amount: int, weights: list[int], factor: int) -> None:
    """Weights in cents and weights in thousandths give the same parts."""
    assert split(amount, weights) == split(amount, [weight * factor for weight in weights])
