"""The shop's limits on one order: what they leave on the books as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import attrs

from loyalty.errors import LimitExceeded
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import AccountId
from loyalty.ledger.hold import Hold, HoldStatus
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
    """The shop's limits on one order, in minor units; None is no limit. ``paid`` is what each account paid for it."""

    caps: Caps
    for_order: int | None = None
    for_own: int | None = None
    paid: Mapping[AccountId, int] = attrs.field(factory=dict)

    def for_card(self, owner: GiftCard | StoreCreditAccount) -> int | None:
        """Return what the limit per card leaves for this one; store credit has no such limit."""
        if self.caps.per_card is None or not isinstance(owner, GiftCard):
            return None
        return max(0, self.caps.per_card - self.paid.get(owner.account.id, 0))

    def at_most(self, owner: GiftCard | StoreCreditAccount, wanted: int | None) -> int | None:
        """Return the lower of what the caller lets this one pay and what the limit per card leaves."""
        return min([bound for bound in (wanted, self.for_card(owner)) if bound is not None], default=None)


NO_BOUNDS = Bounds(NO_CAPS)


def bounds_of(
    deciding: Deciding,
    reader: Reader,
    asked: Bounded,
    *,
    order_id: str | None,
    replaced: Hold | None,
    beside_own_hold: bool = False,
) -> Bounds:
    """
    Return what the shop's limits leave for this order; the books are asked only where there is a limit.

    What the order's own hold reserves does not count if it is *replaced*; it
    counts as paid for a payment *beside* it.
    """
    currency = asked.currency
    caps = deciding.policies.limits(currency)
    if caps == NO_CAPS:
        return NO_BOUNDS
    for_order, for_own, paid = caps.per_order, None, dict[AccountId, int]()
    if order_id is not None and (caps.per_order, caps.per_card) != (None, None):
        paid = _paid(reader, order_id, currency)
        if beside_own_hold:
            paid = _with_own_hold(paid, reader, order_id, deciding.now)
    if caps.per_order is not None:
        for_order = max(0, caps.per_order - sum(paid.values()))
    if caps.per_customer_and_day is not None and asked.customer_id is not None:
        midnight = deciding.now.replace(hour=0, minute=0, second=0, microsecond=0)
        without = None if replaced is None else replaced.id
        spent = reader.spent_since(asked.customer_id, currency, midnight, at=deciding.now, without=without)
        for_own = max(0, caps.per_customer_and_day - spent)
    return Bounds(caps, for_order, for_own, paid)


def _paid(reader: Reader, order_id: str, currency: str) -> dict[AccountId, int]:
    """Return what each account paid for an order so far, refunded or not."""
    paid: dict[AccountId, int] = {}
    for transfer in reader.transfers(TransferFilter(order_id=order_id, kind=TransferKind.REDEMPTION)):
        account_id = transfer.debit.account_id
        if transfer.currency == currency and account_id is not None:
            paid[account_id] = paid.get(account_id, 0) + transfer.amount
    return paid


def _with_own_hold(paid: Mapping[AccountId, int], reader: Reader, order_id: str, at: datetime) -> dict[AccountId, int]:
    """Return what each account paid for an order or holds for it."""
    taken, hold = dict(paid), reader.open_hold(order_id)
    if hold is not None and hold.status_at(at) is HoldStatus.OPEN:
        for tender in hold.tenders:
            taken[tender.account_id] = taken.get(tender.account_id, 0) + tender.amount
    return taken


def require_within(bounds: Bounds, owner: GiftCard | StoreCreditAccount, amount: int) -> None:
    """
    Check that *owner* may pay exactly this much.

    Raises:
        loyalty.errors.LimitExceeded: If it is more than one of the bounds.
    """
    named = {
        "per_card": bounds.for_card(owner),
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
