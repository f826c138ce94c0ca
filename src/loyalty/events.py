"""
What happened, for the outside world.

One event per committed command, none for a refused one. An event is written
with the change it tells of and leaves later. Money is exact, ids are ours,
and no event ever holds the code of a gift card.
"""

from __future__ import annotations

from datetime import datetime

import attrs
from moneyed import Money

__all__ = [
    "BatchCodesRevealed",
    "CustomerErased",
    "CustomersMerged",
    "DeadLetterRetried",
    "Event",
    "GiftCardBatchIssued",
    "GiftCardBlocked",
    "GiftCardCashedOut",
    "GiftCardClaimed",
    "GiftCardCodeReplaced",
    "GiftCardCodeRevealed",
    "GiftCardConverted",
    "GiftCardDeactivated",
    "GiftCardExpiresSoon",
    "GiftCardExpiryChanged",
    "GiftCardIssued",
    "GiftCardProductDefined",
    "GiftCardProductRetired",
    "GiftCardProductRevised",
    "GiftCardRedeemed",
    "GiftCardReinstated",
    "GiftCardReloaded",
    "GiftCardSaleReversed",
    "GiftCardSendingDue",
    "GiftCardUnblocked",
    "GiftCardUpdated",
    "GiftCardsActivated",
    "GiftCardsImported",
    "GiftCardsIssuedForOrder",
    "GiftRecipientChanged",
    "GiftRescheduled",
    "HoldAdjusted",
    "HoldCaptured",
    "HoldPlaced",
    "HoldVoided",
    "HoldsLapsed",
    "OrderPaid",
    "OrderRefunded",
    "RedemptionRefunded",
    "StoreCreditAccountBlocked",
    "StoreCreditAccountClosed",
    "StoreCreditAccountOpened",
    "StoreCreditAccountUnblocked",
    "StoreCreditDebited",
    "StoreCreditGranted",
    "StoreCreditTransferred",
    "TransferReversed",
    "ValueAdjusted",
    "ValueExpired",
]


@attrs.frozen(kw_only=True)
class Event:
    """The root of all events."""


def event_named(name: str) -> type[Event] | None:
    """Return the class of events with this name, or None if this version does not know it."""
    kind = globals().get(name) if name in __all__ else None
    return kind if isinstance(kind, type) and issubclass(kind, Event) else None


@attrs.frozen(kw_only=True)
class DeadLetterRetried(Event):
    """An event that was given up is to be handed over once more."""

    event_id: str
    event_name: str


@attrs.frozen(kw_only=True)
class GiftCardIssued(Event):
    """A gift card exists and has its value."""

    gift_card_id: str
    value: Money
    expires_at: datetime | None
    customer_id: str | None
    recipient: str | None
    order_id: str | None


@attrs.frozen(kw_only=True)
class GiftCardBatchIssued(Event):
    """The cards of a batch from number ``first`` to ``issued`` exist and have their value, of ``count`` in the end."""

    batch_id: str
    first: int
    issued: int
    count: int
    value: Money
    expires_at: datetime | None


@attrs.frozen(kw_only=True)
class BatchCodesRevealed(Event):
    """The codes of a batch from number ``first`` to ``revealed`` were handed out to ``actor``, of ``count`` in all."""

    batch_id: str
    first: int
    revealed: int
    count: int
    actor: str


@attrs.frozen(kw_only=True)
class GiftCardsImported(Event):
    """So many ``cards`` were taken over from another system, of the ``rows`` from place ``first`` on."""

    import_id: str
    source: str
    first: int
    rows: int
    cards: int
    amounts: tuple[Money, ...]


@attrs.frozen(kw_only=True)
class GiftCardClaimed(Event):
    """A gift card is bound to a customer. ``first_time`` is false if it already was."""

    gift_card_id: str
    customer_id: str
    first_time: bool


@attrs.frozen(kw_only=True)
class GiftCardConverted(Event):
    """A gift card's value became store credit."""

    gift_card_id: str
    customer_id: str
    account_id: str
    amount: Money


@attrs.frozen(kw_only=True)
class GiftCardRedeemed(Event):
    """A gift card paid for an order, or a part of it."""

    gift_card_id: str
    redemption_id: str
    order_id: str
    amount: Money


@attrs.frozen(kw_only=True)
class OrderPaid(Event):
    """Stored value paid for an order; ``remaining_due`` is to be paid elsewhere."""

    order_id: str
    redemption_ids: tuple[str, ...]
    amount: Money
    remaining_due: Money


@attrs.frozen(kw_only=True)
class HoldPlaced(Event):
    """Stored value is reserved for an order, in place of ``replaced_id`` if that is not None."""

    hold_id: str
    order_id: str
    amount: Money
    remaining_due: Money
    lapses_at: datetime
    replaced_id: str | None


@attrs.frozen(kw_only=True)
class HoldAdjusted(Event):
    """A hold reserves another amount, or until another time."""

    hold_id: str
    order_id: str
    amount: Money
    remaining_due: Money
    lapses_at: datetime


@attrs.frozen(kw_only=True)
class HoldCaptured(Event):
    """What was reserved for an order paid for it; ``released`` is free again."""

    hold_id: str
    order_id: str
    redemption_ids: tuple[str, ...]
    amount: Money
    released: Money


@attrs.frozen(kw_only=True)
class HoldVoided(Event):
    """What was reserved for an order is free again."""

    hold_id: str
    order_id: str
    released: Money


@attrs.frozen(kw_only=True)
class HoldsLapsed(Event):
    """A sweep wrote down holds that had lapsed."""

    hold_ids: tuple[str, ...]
    amounts: tuple[Money, ...]


@attrs.frozen(kw_only=True)
class OrderRefunded(Event):
    """An order was refunded as new value: to a customer's store credit, or as a gift card."""

    order_id: str
    transfer_id: str
    account_id: str
    amount: Money
    customer_id: str | None
    gift_card_id: str | None
    recipient: str | None


@attrs.frozen(kw_only=True)
class RedemptionRefunded(Event):
    """Value that paid for an order was given back."""

    order_id: str | None
    transfer_ids: tuple[str, ...]
    amount: Money


@attrs.frozen(kw_only=True)
class GiftCardBlocked(Event):
    """A gift card was stopped for now."""

    gift_card_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class GiftCardUnblocked(Event):
    """A gift card may be spent again."""

    gift_card_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class GiftCardDeactivated(Event):
    """A gift card was stopped for good."""

    gift_card_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class GiftCardCodeReplaced(Event):
    """A gift card has another code; ``version`` counts them, and every earlier one is dead."""

    gift_card_id: str
    version: int
    actor: str | None
    reason: str | None


@attrs.frozen(kw_only=True)
class GiftCardExpiresSoon(Event):
    """Value of a card ends at ``ends_at``, within the window that somebody wanted to be told of."""

    gift_card_id: str
    ends_at: datetime
    amount: Money
    window_seconds: int


@attrs.frozen(kw_only=True)
class GiftCardExpiryChanged(Event):
    """Staff gave a gift card another term; None is never."""

    gift_card_id: str
    before: datetime | None
    after: datetime | None
    actor: str
    reason: str


@attrs.frozen(kw_only=True)
class GiftCardReloaded(Event):
    """Value was added to a gift card; ``expires_at`` is when that value ends, None is never."""

    gift_card_id: str
    transfer_id: str
    amount: Money
    expires_at: datetime | None
    order_id: str | None


@attrs.frozen(kw_only=True)
class GiftCardReinstated(Event):
    """Expired value came back to a gift card; ``expires_at`` is the card's term after it, None is never."""

    gift_card_id: str
    transfer_ids: tuple[str, ...]
    amount: Money
    expires_at: datetime | None
    actor: str
    reason: str


@attrs.frozen(kw_only=True)
class GiftCardCashedOut(Event):
    """What was left of a gift card is to be paid out in money, by the law of ``jurisdiction``."""

    gift_card_id: str
    transfer_id: str
    amount: Money
    jurisdiction: str | None


@attrs.frozen(kw_only=True)
class GiftCardCodeRevealed(Event):
    """Somebody was shown the full code of a gift card; ``version`` says which of its codes."""

    gift_card_id: str
    version: int
    actor: str
    reason: str | None


@attrs.frozen(kw_only=True)
class GiftCardSendingDue(Event):
    """A gift card is to be sent to its recipient now; ``sending`` counts the times."""

    gift_card_id: str
    sending: int


@attrs.frozen(kw_only=True)
class GiftRescheduled(Event):
    """A gift card is to be sent at another time."""

    gift_card_id: str
    send_at: datetime


@attrs.frozen(kw_only=True)
class GiftRecipientChanged(Event):
    """A gift card goes to somebody else. ``is_earlier_mail_void`` if one was on its way: what it says is dead now."""

    gift_card_id: str
    send_at: datetime
    is_earlier_mail_void: bool


@attrs.frozen(kw_only=True)
class GiftCardUpdated(Event):
    """Staff changed the free facts of a gift card; ``edition`` counts these changes."""

    gift_card_id: str
    edition: int
    actor: str | None


@attrs.frozen(kw_only=True)
class GiftCardsIssuedForOrder(Event):
    """
    The gift cards of an order exist.

    ``gift_card_ids`` are those that are new, none if all were there; ``activated_ids``
    those that have their value now.
    """

    order_id: str
    gift_card_ids: tuple[str, ...]
    activated_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class GiftCardsActivated(Event):
    """Gift cards of an order have their value now; none if all had it."""

    order_id: str
    gift_card_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class GiftCardSaleReversed(Event):
    """A sale of gift cards was undone. ``clawed_back`` was taken back, ``lost`` was written off."""

    order_id: str
    cause: str
    gift_card_ids: tuple[str, ...]
    clawed_back: Money
    lost: Money


@attrs.frozen(kw_only=True)
class GiftCardProductDefined(Event):
    """A gift card product is on sale."""

    product_id: str
    title: str


@attrs.frozen(kw_only=True)
class GiftCardProductRevised(Event):
    """A gift card product has other denominations. ``version`` is the one that it has now."""

    product_id: str
    version: int


@attrs.frozen(kw_only=True)
class GiftCardProductRetired(Event):
    """A gift card product is off sale. ``first_time`` is false if it already was."""

    product_id: str
    first_time: bool


@attrs.frozen(kw_only=True)
class StoreCreditAccountOpened(Event):
    """A customer has a store credit account. ``first_time`` is false if there was one."""

    account_id: str
    customer_id: str
    currency: str
    first_time: bool


@attrs.frozen(kw_only=True)
class StoreCreditAccountBlocked(Event):
    """A store credit account was stopped for now."""

    account_id: str
    customer_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class StoreCreditAccountUnblocked(Event):
    """A store credit account may be spent again."""

    account_id: str
    customer_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class StoreCreditAccountClosed(Event):
    """A store credit account was stopped for good, with nothing on it."""

    account_id: str
    customer_id: str
    reason: str | None


@attrs.frozen(kw_only=True)
class StoreCreditTransferred(Event):
    """Store credit moved from one account to another."""

    from_account_id: str
    from_customer_id: str
    to_account_id: str
    to_customer_id: str
    transfer_id: str
    amount: Money


@attrs.frozen(kw_only=True)
class CustomersMerged(Event):
    """All that one customer had is another's now."""

    from_customer_id: str
    into_customer_id: str
    amounts: tuple[Money, ...]
    account_ids: tuple[str, ...]
    transfer_ids: tuple[str, ...]
    gift_card_ids: tuple[str, ...]


@attrs.frozen(kw_only=True)
class CustomerErased(Event):
    """A person was forgotten. ``customer_id`` is the pseudonym that stands there instead."""

    customer_id: str
    account_ids: tuple[str, ...]
    gift_card_ids: tuple[str, ...]
    actor: str | None
    reason: str | None


@attrs.frozen(kw_only=True)
class StoreCreditGranted(Event):
    """A customer was given store credit."""

    account_id: str
    customer_id: str
    transfer_id: str
    amount: Money
    origin: str
    expires_at: datetime | None


@attrs.frozen(kw_only=True)
class StoreCreditDebited(Event):
    """Store credit was taken, for an order or otherwise."""

    account_id: str
    customer_id: str
    transfer_id: str
    amount: Money
    order_id: str | None


@attrs.frozen(kw_only=True)
class TransferReversed(Event):
    """An earlier transfer was undone, whole. ``kind`` is what it had been for."""

    transfer_id: str
    reverses: str
    kind: str
    amount: Money
    order_id: str | None
    actor: str
    reason: str


@attrs.frozen(kw_only=True)
class ValueAdjusted(Event):
    """Staff corrected a balance by an amount; ``direction`` is its sign."""

    account_id: str
    transfer_id: str
    direction: str
    amount: Money
    actor: str
    reason: str


@attrs.frozen(kw_only=True)
class ValueExpired(Event):
    """A sweep posted expired value."""

    transfer_ids: tuple[str, ...]
    amounts: tuple[Money, ...]
