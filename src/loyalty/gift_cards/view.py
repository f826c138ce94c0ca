"""A gift card as a host sees it at one instant: plain facts in money, no secret."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs
from moneyed import Money

from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.term import LastDay
from loyalty.identifiers import AccountId, GiftCardId, Metadata
from loyalty.ledger.lot import LotOrigin

__all__ = ["GiftCardView"]


@attrs.frozen(kw_only=True)
class GiftCardView:
    """
    The facts about a card at ``as_of`` (aware, UTC).

    ``posted`` is what is on the books, ``held`` what orders have reserved,
    ``available`` what may be spent. ``is_expired``, ``is_exhausted`` and
    ``is_partly_used`` are derived; ``status`` is stored. ``edition`` is the
    version token of note, tags and metadata. ``price`` is what was paid for the
    card where it was sold. ``last_day`` is the day that ``expires_at`` ends, and
    where, if the card's term says so.
    """

    id: GiftCardId
    account_id: AccountId
    masked_code: str
    last_four: str
    status: GiftCardStatus
    value: Money
    posted: Money
    held: Money
    available: Money
    origin: LotOrigin
    issued_at: datetime
    expires_at: datetime | None
    customer_id: str | None
    claimed_at: datetime | None
    region: str | None
    tax_rate: Decimal | None
    order_id: str | None
    recipient: str | None
    note: str | None
    tags: tuple[str, ...]
    metadata: Metadata | None
    is_disabled: bool
    is_expired: bool
    is_exhausted: bool
    is_partly_used: bool
    as_of: datetime
    product_id: str | None = None
    line_id: str | None = None
    unit: int | None = None
    buyer_id: str | None = None
    price: Money | None = None
    batch_id: str | None = None
    loaded_at: datetime | None = None
    edition: int = 1
    last_day: LastDay | None = None

    @classmethod
    def of(cls, card: GiftCard, at: datetime) -> GiftCardView:
        """Return *card* as it stands at *at*."""
        account = card.account.standing(at)
        return cls(
            id=card.id,
            account_id=account.id,
            masked_code=card.masked_code,
            last_four=card.last_four,
            status=card.status,
            value=account.money(card.value),
            posted=account.money(account.posted),
            held=account.money(account.held),
            available=account.money(card.available(at)),
            origin=card.origin,
            issued_at=card.issued_at,
            expires_at=card.expires_at,
            customer_id=card.customer_id,
            claimed_at=card.claimed_at,
            region=card.region,
            tax_rate=card.tax_rate,
            order_id=card.order_id,
            recipient=card.recipient,
            note=card.note,
            tags=card.tags,
            metadata=card.metadata,
            is_disabled=card.is_disabled,
            is_expired=card.is_expired(at),
            is_exhausted=card.is_exhausted,
            is_partly_used=card.is_partly_used,
            as_of=at,
            product_id=card.product_id,
            line_id=card.line_id,
            unit=card.unit,
            buyer_id=card.buyer_id,
            price=None if card.price is None else account.money(card.price),
            batch_id=card.batch_id,
            loaded_at=card.loaded_at,
            edition=card.edition,
            last_day=card.last_day if _still_ends(card) else None,
        )


def _still_ends(card: GiftCard) -> bool:
    """Tell whether the card ends with its last day, and not when a policy or a change of its term says."""
    return card.last_day is not None and card.last_day.ends_at == card.expires_at
