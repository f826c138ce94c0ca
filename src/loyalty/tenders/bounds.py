"""The shop's limits on one order: what they leave on the books as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

from loyalty.errors import LimitExceeded
from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import TransferKind
from loyalty.policies.chosen import Policies
from loyalty.policies.decision import Decision
from loyalty.policies.limits import NO_CAPS, Caps
from loyalty.ports.storage import Reader, TransferFilter
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["NO_BOUNDS", "Bounded", "Bounds", "Deciding", "bounds_of", "limits_said", "require_within"]


class Deciding(Protocol):
    """The time of a call and the shop's choices; commands and queries bring them along."""

    @property
    def now(self) -> datetime:
        """The time of the call."""
        ...

    @property
    def policies(self) -> Policies:
        """The shop's choices."""
        ...


class Bounded(Protocol):
    """Whose payment is bounded, and in which currency: a request, or a hold."""

    @property
    def currency(self) -> str:
        """The code of the currency."""
        ...

    @property
    def customer_id(self) -> str | None:
        """Who pays, if that was said."""
        ...


@attrs.frozen
class Bounds:
    """The shop's limits on one order, in minor units; None is no limit."""

    caps: Caps
    for_order: int | None = None
    for_own: int | None = None


NO_BOUNDS = Bounds(NO_CAPS)


def bounds_of(
    deciding: Deciding,
    reader: Reader,
    asked: Bounded,
    *,
    order_id: str | None,
    replaced: Hold | None,
) -> Bounds:
    """
    Return what the shop's limits leave for this order; the books are asked only where there is a limit.

    What the order's own earlier hold reserves does not count, as *replaced*.
    """
    currency = asked.currency
    caps = deciding.policies.limits(currency)
    if caps == NO_CAPS:
        return NO_BOUNDS
    for_order, for_own = caps.per_order, None
    if caps.per_order is not None and order_id is not None:
        paid = reader.transfers(TransferFilter(order_id=order_id, kind=TransferKind.REDEMPTION))
        earlier = sum(transfer.amount for transfer in paid if transfer.currency == currency)
        for_order = max(0, caps.per_order - earlier)
    if caps.per_customer_and_day is not None and asked.customer_id is not None:
        midnight = deciding.now.replace(hour=0, minute=0, second=0, microsecond=0)
        without = None if replaced is None else replaced.id
        spent = reader.spent_since(asked.customer_id, currency, midnight, at=deciding.now, without=without)
        for_own = max(0, caps.per_customer_and_day - spent)
    return Bounds(caps, for_order, for_own)


def require_within(bounds: Bounds, owner: GiftCard | StoreCreditAccount, amount: int) -> None:
    """
    Check that *owner* may pay exactly this much.

    Raises:
        loyalty.errors.LimitExceeded: If it is more than one of the bounds.
    """
    named = {
        "per_card": bounds.caps.per_card if isinstance(owner, GiftCard) else None,
        "per_order": bounds.for_order,
        "per_customer_and_day": bounds.for_own if owner.customer_id is not None else None,
    }
    for name, allowed in named.items():
        if allowed is not None and amount > allowed:
            raise LimitExceeded(limit=name, allowed=owner.account.money(allowed))


def limits_said(deciding: Deciding, bounds: Bounds) -> tuple[Decision, ...]:
    """Return the record of the limits, if there is any."""
    named = {"per card": bounds.caps.per_card, "for the order": bounds.for_order, "for the customer": bounds.for_own}
    said = [f"{name} {bound}" for name, bound in named.items() if bound is not None]
    return (deciding.policies.decided("limits", ", ".join(said)),) if said else ()
