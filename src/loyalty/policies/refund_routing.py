"""
Which tender a refund goes back to, when several paid for an order.

A routing is a pure function: it takes what each tender captured and gave back
before, in the order in which the tenders were used, and an amount in minor
units; it answers with one part per tender. :func:`plan_refund` asks one and
checks what it says. Nothing is moved by planning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs
from moneyed import Money

from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest, RefundTooLarge
from loyalty.identifiers import require_text
from loyalty.money import ALL, Everything, exponent_of, minor_units, signed_minor_units, split_next, to_money
from loyalty.policies.decision import policy

__all__ = [
    "PlannedRefund",
    "RefundRouting",
    "RefundTender",
    "in_proportion",
    "other_tenders_first",
    "plan_refund",
    "reverse_order_of_use",
]


@attrs.frozen(kw_only=True)
class RefundTender:
    """
    What one means of payment did for an order: the facts a refund is planned from.

    ``id`` is the host's name for it; for stored value the redemption's id, so
    that a part of the plan is a ``RefundRedemption``. ``captured`` is what it
    paid, ``refunded`` what of that was given back before; both may be zero.
    """

    id: str
    captured: Money
    refunded: Money
    is_stored_value: bool

    def __attrs_post_init__(self) -> None:
        """Check that the facts are possible."""
        require_text(self.id, "id")
        if not isinstance(self.is_stored_value, bool):
            raise InvalidRequest("is_stored_value must be True or False")
        captured = signed_minor_units(self.captured, "captured")
        refunded = signed_minor_units(self.refunded, "refunded")
        if self.refunded.currency != self.captured.currency:
            raise CurrencyMismatch(expected=self.captured.currency.code, actual=self.refunded.currency.code)
        if not 0 <= refunded <= captured:
            raise InvalidAmount("a tender gives back from nothing to what it captured")

    @property
    def left(self) -> int:
        """What may still be given back, in minor units."""
        return signed_minor_units(self.captured) - signed_minor_units(self.refunded)


@attrs.frozen(kw_only=True)
class PlannedRefund:
    """What one tender is to give back."""

    tender_id: str
    amount: Money


RefundRouting = Callable[[Sequence[RefundTender], int], Sequence[int]]
"""Divides minor units over tenders, which stand in the order of their use: one part per tender, none above its left."""


@policy("1")
def other_tenders_first(tenders: Sequence[RefundTender], amount: int) -> tuple[int, ...]:
    """
    Give back to bank cards and the like first, then to stored value; each kind in reverse order of use.

    Money that came from outside goes back outside, up to what it paid, so that
    a refund is no way to turn one into the other.
    """
    places = sorted(range(len(tenders)), key=lambda place: (tenders[place].is_stored_value, -place))
    return _one_after_the_other(tenders, amount, places)


@policy("1")
def reverse_order_of_use(tenders: Sequence[RefundTender], amount: int) -> tuple[int, ...]:
    """Give back to what was used last first, whatever it is."""
    return _one_after_the_other(tenders, amount, reversed(range(len(tenders))))


@policy("1")
def in_proportion(tenders: Sequence[RefundTender], amount: int) -> tuple[int, ...]:
    """Give back to every tender in proportion to what it paid; the last refund closes each of them at zero."""
    captured = [signed_minor_units(tender.captured) for tender in tenders]
    return split_next(amount, captured, [signed_minor_units(tender.refunded) for tender in tenders])


def _one_after_the_other(tenders: Sequence[RefundTender], amount: int, places: Iterable[int]) -> tuple[int, ...]:
    parts = [0] * len(tenders)
    for place in places:
        parts[place] = min(amount, tenders[place].left)
        amount -= parts[place]
    return tuple(parts)


def plan_refund(
    tenders: Sequence[RefundTender], amount: Money | Everything, strategy: RefundRouting = other_tenders_first
) -> tuple[PlannedRefund, ...]:
    """
    Divide a refund over the tenders that paid for an order.

    Args:
        tenders:
            At least one, each id once, in the order in which they were used.
        amount:
            At most what all tenders together still may give back; ``ALL`` for all of that.
        strategy:
            How to divide; a shop keeps its choice in ``Policies.refund_routing``.

    Returns:
        One part for each tender that gives something back, in the order of use.

    Raises:
        loyalty.errors.InvalidRequest: If there is no tender, an id comes twice,
            or the strategy's answer is not a division of the amount.
        loyalty.errors.InvalidAmount: If the amount is not positive and exact.
        loyalty.errors.CurrencyMismatch: If there are several currencies.
        loyalty.errors.RefundTooLarge: If less is left.

    Guarantees:
        The parts sum to the amount, no tender gives back more than it captured,
        and any sequence of refunds ends where one full refund ends
        (``tests/properties/test_a_refund_plan_is_exact.py``).
    """
    first = _first_of(tenders)
    currency = first.captured.currency
    left = sum(tender.left for tender in tenders)
    if amount is not ALL and amount.currency != currency:
        raise CurrencyMismatch(expected=currency.code, actual=amount.currency.code)
    asked = left if amount is ALL else minor_units(amount)
    if not 0 < asked <= left:
        raise RefundTooLarge(refundable=to_money(left, currency.code, exponent_of(currency)))
    parts = strategy(tenders, asked)
    _require_division(tenders, asked, parts)
    return tuple(
        PlannedRefund(tender_id=tender.id, amount=to_money(part, currency.code, exponent_of(currency)))
        for tender, part in zip(tenders, parts, strict=True)
        if part > 0
    )


def _first_of(tenders: Sequence[RefundTender]) -> RefundTender:
    if not isinstance(tenders, list | tuple) or not all(isinstance(tender, RefundTender) for tender in tenders):
        raise InvalidRequest("tenders must be a list or tuple of RefundTender")
    if not tenders or len({tender.id for tender in tenders}) != len(tenders):
        raise InvalidRequest("name at least one tender, and each once")
    first: RefundTender = tenders[0]
    for tender in tenders:
        if tender.captured.currency != first.captured.currency:
            raise CurrencyMismatch(expected=first.captured.currency.code, actual=tender.captured.currency.code)
    return first


def _require_division(tenders: Sequence[RefundTender], amount: int, parts: Sequence[int]) -> None:
    fits = len(parts) == len(tenders) and all(
        0 <= part <= tender.left for tender, part in zip(tenders, parts, strict=True)
    )
    if not fits or sum(parts) != amount:
        raise InvalidRequest("the strategy did not divide the refund over what the tenders have left")
