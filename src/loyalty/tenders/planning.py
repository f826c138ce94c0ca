"""From what a caller asks for to what each tender pays: examined, bounded by the shop's limits, and planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import attrs

from loyalty.identifiers import AccountId
from loyalty.ledger.hold import Hold
from loyalty.ledger.lot import LotMove
from loyalty.money import minor_units
from loyalty.policies.decision import Decision
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.storage import Found, Reader, Wanted
from loyalty.tenders.asked import PaymentRequest, ReadsCodes
from loyalty.tenders.bounds import Bounds, Deciding, bounds_of, limits_said
from loyalty.tenders.plan import Source, plan_payment
from loyalty.tenders.usable import Examined, UsableTender, examine

__all__ = ["Planned", "PlannedPart", "Planning", "eligibility_said", "plan_request", "wanted_for"]


class Planning(ReadsCodes, Deciding, Protocol):
    """What planning may use besides the books."""


@attrs.frozen
class PlannedPart:
    """One usable tender and what it pays, lot by lot; nothing, perhaps."""

    tender: UsableTender
    moves: tuple[LotMove, ...]

    @property
    def amount(self) -> int:
        """What it pays, in minor units."""
        return sum([move.amount for move in self.moves])


@attrs.frozen
class Planned:
    """A plan: the parts of all usable tenders, what was refused, the time it is for, and who decided."""

    examined: Examined
    parts: tuple[PlannedPart, ...]
    at: datetime
    decisions: tuple[Decision, ...]

    @property
    def amount(self) -> int:
        """What all tenders pay together, in minor units."""
        return sum([part.amount for part in self.parts])


def wanted_for(asked: PaymentRequest, planning: Planning, order_id: str | None = None) -> Wanted:
    """Return what to load for a plan: the tenders, the order's open hold, and all of the customer's if a limit asks."""
    wanted = asked.wanted(planning)
    caps = planning.policies.limits(asked.currency)
    bounds_all = caps.per_customer_and_day is not None and asked.customer_id is not None
    return attrs.evolve(
        wanted,
        owners=(str(asked.customer_id),) if bounds_all else (),
        held_for=() if order_id is None else (order_id,),
    )


def plan_request(
    asked: PaymentRequest,
    planning: Planning,
    reader: Reader,
    found: Found,
    *,
    order_id: str | None = None,
    replaced: Hold | None = None,
) -> Planned:
    """
    Plan what *asked* comes to on the books as they are.

    What the order's own earlier hold reserves is free for it, as *replaced*.
    """
    at = found.instant(planning.now)
    examined = examine(asked, planning, found, at, planning.policies.eligibility)
    bounds = bounds_of(planning, reader, asked, order_id=order_id, replaced=replaced)
    sources = [_source(tender, bounds, replaced, at) for tender in examined.usable]
    due = asked.due if bounds.for_order is None else min(asked.due, bounds.for_order)
    moves = plan_payment(
        due,
        sources,
        at,
        planning.policies.spending_order,
        lines=[minor_units(line.amount) for line in asked.lines],
        own_at_most=bounds.for_own,
    )
    parts = tuple(map(PlannedPart, examined.usable, moves))
    return Planned(examined, parts, at, _decisions(planning, asked, examined, bounds))


def _source(tender: UsableTender, bounds: Bounds, replaced: Hold | None, at: datetime) -> Source:
    account = tender.account if replaced is None else tender.account.release(replaced.id, at)
    return Source(
        account=account,
        at_most=bounds.at_most(tender.owner, tender.at_most),
        priority=tender.priority,
        is_own=tender.is_own,
        lines=tender.lines,
    )


def _decisions(planning: Planning, asked: PaymentRequest, examined: Examined, bounds: Bounds) -> tuple[Decision, ...]:
    """Return which policies took part, and what they said where the parts do not show it."""
    allowed = {tender.account.id: tender.lines for tender in examined.usable}
    return (
        planning.policies.decided("spending_order"),
        *eligibility_said(planning, allowed, asked.lines),
        *limits_said(planning, bounds),
    )


def eligibility_said(
    deciding: Deciding, allowed: Mapping[AccountId, frozenset[int] | None], lines: Sequence[OrderLine]
) -> tuple[Decision, ...]:
    """Return the record of the redemption rules' vetoes, if the lines were said; *allowed* None is all lines."""
    if not lines:
        return ()
    vetoed = [
        f"account {account_id} not for lines {', '.join(str(place) for place in range(len(lines)) if place not in own)}"
        for account_id, own in allowed.items()
        if own is not None
    ]
    return (deciding.policies.decided("eligibility", "; ".join(vetoed) or "no veto"),)
