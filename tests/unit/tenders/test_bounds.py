"""What a shop's limits leave for one order; the sums are tested on every storage in tests/storages/test_limits.py."""

from __future__ import annotations

import pytest

from loyalty.errors import LimitExceeded
from loyalty.policies.limits import Caps
from loyalty.tenders.bounds import NO_BOUNDS, Bounds, require_within
from tests.unit.accounts import card_of, credit_of, lot_of
from tests.use_cases.shop import usd

CARD = card_of(lot_of(1000))
HERS = card_of(lot_of(1000), customer_id="ada", claimed_at=CARD.issued_at)
CREDIT = credit_of(lot_of(1000))


def test_a_card_has_what_the_order_left_of_its_limit() -> None:
    """What it paid for the order before is taken off, never below nothing; credit has no limit per card."""
    for paid, left in ((0, 700), (300, 400), (700, 0), (900, 0)):
        bounds = Bounds(Caps(per_card=700), paid={CARD.account.id: paid})
        assert (left, None) == (bounds.for_card(CARD), bounds.for_card(CREDIT))
    assert None is NO_BOUNDS.for_card(CARD)


def test_the_lower_of_two_bounds_counts() -> None:
    """The caller's or the shop's; without both there is none."""
    bounds = Bounds(Caps(per_card=700))
    assert [700, 500, 700, 0] == [bounds.at_most(CARD, wanted) for wanted in (None, 500, 900, 0)]
    assert [None, 900] == [bounds.at_most(CREDIT, wanted) for wanted in (None, 900)]


@pytest.mark.parametrize(
    ("bounds", "owner", "limit"),
    [
        (Bounds(Caps(per_card=700)), CARD, "per_card"),
        (Bounds(Caps(), for_order=700), CARD, "per_order"),
        (Bounds(Caps(), for_order=700), CREDIT, "per_order"),
        (Bounds(Caps(), for_own=700), HERS, "per_customer_and_day"),
        (Bounds(Caps(), for_own=700), CREDIT, "per_customer_and_day"),
        (Bounds(Caps(per_card=700), for_order=700, for_own=700), HERS, "per_card"),
        (Bounds(Caps(per_card=900), for_order=700, for_own=700), HERS, "per_order"),
    ],
    ids=str,
)
def test_an_exact_amount_is_within_every_bound(bounds: Bounds, owner: object, limit: str) -> None:
    """The bound itself passes; one minor unit more names the first bound that is exceeded, and what it allows."""
    assert isinstance(owner, type(CARD) | type(CREDIT))
    require_within(bounds, owner, 700)
    with pytest.raises(LimitExceeded) as caught:
        require_within(bounds, owner, 701)
    assert (limit, usd("7.00")) == (caught.value.limit, caught.value.allowed)


def test_bounds_of_others_do_not_bind() -> None:
    """A bearer's card is not the customer's own, and credit is no card."""
    require_within(Bounds(Caps(), for_own=0), CARD, 1000)
    require_within(Bounds(Caps(per_card=1)), CREDIT, 1000)
    require_within(NO_BOUNDS, HERS, 1000)
