"""
Gift cards: who may spend one, and when.

What is stored of a card's state is only what somebody decided: pending,
active, blocked, deactivated. Expired, exhausted and partly used follow from
its value and the time, and are asked with a time.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import attrs

from loyalty.codes.code import masked
from loyalty.errors import AlreadyClaimed, ClaimedByAnother, NotSpendable
from loyalty.gift_cards.term import LastDay
from loyalty.identifiers import GiftCardId, Metadata
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotOrigin, TaxTreatment

__all__ = ["LEGAL_MOVES", "GiftCard", "GiftCardStatus"]


class GiftCardStatus(StrEnum):
    """What somebody decided about the card."""

    PENDING = "pending"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


LEGAL_MOVES: dict[GiftCardStatus, frozenset[GiftCardStatus]] = {
    # A pending card cannot be blocked: lifting the block would make it spendable unpaid.
    GiftCardStatus.PENDING: frozenset({GiftCardStatus.ACTIVE, GiftCardStatus.DEACTIVATED}),
    GiftCardStatus.ACTIVE: frozenset({GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED}),
    GiftCardStatus.BLOCKED: frozenset({GiftCardStatus.ACTIVE, GiftCardStatus.DEACTIVATED}),
    GiftCardStatus.DEACTIVATED: frozenset(),
}
"""Every legal move of a card's status; the methods below only look it up."""


@attrs.frozen(kw_only=True)
class GiftCard:
    """
    A gift card and its ledger account.

    ``value`` is the face value in minor units and never changes; what is left
    is the account's. Only a keyed digest of the code and its last four symbols
    are known here. ``tax_rate`` is a percentage; None means that the card is not
    taxed, and zero is a rate. ``customer_id`` is who claimed the card.

    A card that was sold names the product, the line of the order and the unit
    of that line (from 1), and the customer who bought it; ``price`` is what was
    paid for it, in minor units, which may differ from the face value. While it
    is pending it has no value yet; ``tax_treatment`` is that of the value it will
    get. ``loaded_at`` is when paid value was last added, None if only by the
    issue. ``edition`` counts the changes of the free facts: note, tags, metadata.
    ``last_day`` is the last day of the term as customers are told it, as long as
    that is where ``expires_at`` came from.
    """

    id: GiftCardId
    account: Account
    value: int
    origin: LotOrigin
    status: GiftCardStatus = GiftCardStatus.ACTIVE
    code_digest: str = attrs.field(repr=False)
    code_key_id: str
    code_version: int = 1
    last_four: str
    issued_at: datetime
    expires_at: datetime | None = None
    customer_id: str | None = None
    claimed_at: datetime | None = None
    region: str | None = None
    tax_rate: Decimal | None = None
    order_id: str | None = None
    recipient: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Metadata | None = None
    product_id: str | None = None
    line_id: str | None = None
    unit: int | None = None
    buyer_id: str | None = None
    price: int | None = None
    batch_id: str | None = None
    loaded_at: datetime | None = None
    edition: int = 1
    tax_treatment: TaxTreatment | None = None
    last_day: LastDay | None = None

    @property
    def masked_code(self) -> str:
        """The code as it may be shown: the last four symbols."""
        return masked(self.last_four)

    @property
    def is_disabled(self) -> bool:
        """Whether somebody blocked or deactivated the card."""
        return self.status in {GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED}

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is on it, and not only because it is still pending."""
        return self.account.posted == 0 and self.status is not GiftCardStatus.PENDING

    @property
    def is_partly_used(self) -> bool:
        """Whether less than its face value is on it, and more than nothing."""
        return 0 < self.account.posted < self.value

    def available(self, at: datetime) -> int:
        """Return what may be spent at *at*, in minor units; nothing unless the card is active."""
        return self.account.available(at) if self.status is GiftCardStatus.ACTIVE else 0

    def is_expired(self, at: datetime) -> bool:
        """Tell whether all value that is left on the card has expired at *at*, held or not, or its term is over."""
        if self.account.posted:
            return all(lot.is_expired(at) for lot in self.account.lots if lot.remaining > 0)
        return self.expires_at is not None and at >= self.expires_at

    def has_ended(self, at: datetime) -> bool:
        """
        Tell whether the card's own term is over at *at* and nothing on it lives, held or not.

        Unlike :meth:`is_expired` it says the same before and after a sweep.
        """
        is_over = self.expires_at is not None and at >= self.expires_at
        return is_over and not any(lot.lives(at) for lot in self.account.lots)

    def is_early(self, at: datetime) -> bool:
        """Tell whether there is value on the card that can be spent later, and none that began by *at*."""
        living = [lot for lot in self.account.lots if lot.remaining > 0 and not lot.is_expired(at)]
        return bool(living) and all(lot.not_before is not None and at < lot.not_before for lot in living)

    def ends_at(self, at: datetime) -> datetime | None:
        """Return when what is spendable at *at* ends, or the first part of it; without any, the card's own term."""
        spendable = [lot for lot in self.account.standing(at).lots if lot.spendable(at) > 0]
        if not spendable:
            return self.expires_at
        return min([lot.expires_at for lot in spendable if lot.expires_at is not None], default=None)

    def require_owner(self, customer_id: str | None) -> None:
        """
        Check that *customer_id* may use this card.

        Whose card it is comes before what is on it.

        Raises:
            loyalty.errors.ClaimedByAnother: If another customer claimed it.
        """
        if self.customer_id is not None and self.customer_id != customer_id:
            raise ClaimedByAnother

    def require_active(self) -> None:
        """
        Check that nobody stopped the card.

        Raises:
            loyalty.errors.NotSpendable: If it is pending, blocked or deactivated.
        """
        if self.status is not GiftCardStatus.ACTIVE:
            raise NotSpendable(f"the gift card is {self.status}", reason=self.status.value)

    def require_spendable(self, customer_id: str | None, at: datetime) -> None:
        """
        Check that *customer_id* may spend from this card at *at*; how much is another question.

        Raises:
            loyalty.errors.ClaimedByAnother: If another customer claimed it.
            loyalty.errors.NotSpendable: If it is pending, blocked, deactivated, expired or not yet active.
        """
        # Asked first, so that a refusal takes the same time for every reason.
        is_expired, is_early = self.is_expired(at), self.is_early(at)
        self.require_owner(customer_id)
        self.require_active()
        if is_expired:
            raise NotSpendable("the gift card has expired", reason="expired")
        if is_early:
            raise NotSpendable("the gift card is not active yet", reason="not yet active")

    def claim(self, customer_id: str, at: datetime) -> GiftCard:
        """
        Bind the card to a customer; the same customer again changes nothing.

        Raises:
            loyalty.errors.AlreadyClaimed: If another customer claimed it.
            loyalty.errors.NotSpendable: If it is pending, blocked, deactivated or expired.
        """
        if self.customer_id == customer_id:
            return self
        if self.customer_id is not None:
            raise AlreadyClaimed
        self.require_spendable(customer_id, at)
        return attrs.evolve(self, customer_id=customer_id, claimed_at=at)

    def handed_to(self, customer_id: str) -> GiftCard:
        """Return a claimed card as another customer's, claimed when it was; whoever had it became that customer."""
        return attrs.evolve(self, customer_id=customer_id)

    def move_to(self, status: GiftCardStatus) -> GiftCard:
        """
        Change the status; the same status again changes nothing.

        Raises:
            loyalty.errors.NotSpendable: If the move is not legal.
        """
        if status is self.status:
            return self
        if status not in LEGAL_MOVES[self.status]:
            raise NotSpendable(f"a {self.status} gift card cannot become {status}", reason=self.status.value)
        return attrs.evolve(self, status=status)

    def with_account(self, account: Account) -> GiftCard:
        """Return the card with the next state of its account."""
        return attrs.evolve(self, account=account)
