"""
The two ways to the till: paying in one step, and through a hold.

A replay through holds does what a checkout does whose payments may fail. Every
purchase that costs something places a hold over the customer's card and store
credit; what remains is charged elsewhere. Three of a hundred of these charges
are declined, as a digest of the purchase says, so that every run declines the
same ones. Of the declined,

* one half is *told* to the shop. It voids the hold, and the customer pays the
  same order with another bank card: a new hold reserves the same value again;
* the other half is *forgotten*: the window is closed and nobody calls anything.
  The customer starts a new order at once and pays it with another bank card.
  What the forgotten hold reserves cannot pay for it, so more is charged
  elsewhere. The hold lapses by itself; the value is free again the next day.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import attrs

from loyalty.cli.checkout_kind import CheckoutKind
from loyalty.cli.purchases import Purchase
from loyalty.cli.till import Paid, Till, key_of, order_of, usd
from loyalty.errors import NotSpendable
from loyalty.money import signed_minor_units
from loyalty.tenders.hold_view import HoldView
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.lapse_holds import LapseHolds
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["Answer", "Checkout", "EarnedCard", "answer_elsewhere", "checkout_of"]

DECLINED_OF_HUNDRED: Final = 3
AGAIN: Final = "again"


class Answer(StrEnum):
    """What comes of a charge elsewhere."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    FORGOTTEN = "forgotten"


def answer_elsewhere(purchase: Purchase) -> Answer:
    """Return what comes of charging this purchase elsewhere: the same in every run, on every machine."""
    said = f"{purchase.number}/{purchase.customer_id}/{purchase.purchased_on}/{purchase.cents}"
    figure = int(hashlib.sha256(said.encode()).hexdigest(), 16)
    if figure % 100 >= DECLINED_OF_HUNDRED:
        return Answer.ACCEPTED
    return Answer.FORGOTTEN if figure // 100 % 2 else Answer.DECLINED


@attrs.frozen(kw_only=True)
class EarnedCard:
    """The card of a first purchase, as its customer has it."""

    code: str
    expires_at: datetime


class Checkout(Protocol):
    """One way of paying with stored value."""

    tags: tuple[str, ...]
    """What the cards of the replay are marked with, so that one way is not continued by the other."""

    def bring(self, purchase: Purchase, card: EarnedCard) -> None:
        """Take the card of a first purchase in at the second one, unless it has expired by then."""
        ...

    def pay(self, purchase: Purchase, *, is_first: bool) -> Paid:
        """Pay a purchase that costs something, with stored value first."""
        ...

    def sweep(self) -> None:
        """Do this way's part of the daily bookkeeping."""
        ...


def checkout_of(kind: CheckoutKind, till: Till) -> Checkout:
    """Return the way of paying that was asked for."""
    return HoldCheckout(till) if kind is CheckoutKind.HOLD else DirectCheckout(till)


class DirectCheckout:
    """Pays in one step. The card becomes store credit at the second purchase."""

    tags: tuple[str, ...] = ()

    def __init__(self, till: Till) -> None:
        """Keep the till."""
        self._till = till

    def bring(self, purchase: Purchase, card: EarnedCard) -> None:
        """Convert the card."""
        command = ConvertGiftCard(
            code=card.code, customer_id=purchase.customer_id, idempotency_key=key_of(purchase, "convert")
        )
        try:
            self._till.execute(command)
        except NotSpendable:
            self._till.events["lapsed"] += 1  # refused each time it is asked: the books' time never goes back
        else:
            self._till.events["converted"] += 1

    def pay(self, purchase: Purchase, *, is_first: bool) -> Paid:
        """Pay with store credit; at a first purchase there is none."""
        order_id = order_of(purchase.number)
        if is_first:
            return Paid(purchase=purchase, order_id=order_id, elsewhere=purchase.cents)
        payment = self._till.execute(
            PayWithBalances(
                order_id=order_id,
                amount_due=usd(purchase.cents),
                customer_id=purchase.customer_id,
                idempotency_key=key_of(purchase, "pay"),
            )
        )
        return Paid(
            purchase=purchase,
            order_id=order_id,
            stored=signed_minor_units(payment.amount),
            elsewhere=signed_minor_units(payment.remaining_due),
        )

    def sweep(self) -> None:
        """Do nothing: no hold is ever placed."""


@attrs.frozen
class _ClaimedCard:
    id: str
    expires_at: datetime


class HoldCheckout:
    """Pays through holds. The card is claimed at the second purchase and pays as a card, beside the credit."""

    tags: tuple[str, ...] = ("paid through holds",)

    def __init__(self, till: Till) -> None:
        """Keep the till."""
        self._till = till
        self._cards: dict[str, _ClaimedCard] = {}

    def bring(self, purchase: Purchase, card: EarnedCard) -> None:
        """Claim the card."""
        command = ClaimGiftCard(
            code=card.code, customer_id=purchase.customer_id, idempotency_key=key_of(purchase, "claim")
        )
        try:
            claimed = self._till.execute(command)
        except NotSpendable:
            self._till.events["lapsed"] += 1
        else:
            self._till.events["claimed"] += 1
            self._cards[purchase.customer_id] = _ClaimedCard(claimed.id, card.expires_at)

    def pay(self, purchase: Purchase, *, is_first: bool) -> Paid:  # noqa: ARG002  # a first hold reserves nothing
        """Hold, charge the rest elsewhere, and take what is held once that succeeded."""
        order_id = order_of(purchase.number)
        hold = self._place(purchase, order_id, "hold")
        answer = answer_elsewhere(purchase) if hold.remaining_due.amount > 0 else Answer.ACCEPTED
        if answer is Answer.DECLINED:
            self._void(purchase, hold)
            hold = self._place(purchase, order_id, "hold-again")
        elif answer is Answer.FORGOTTEN:
            self._till.events["forgotten"] += 1
            order_id = order_of(purchase.number, AGAIN)
            hold = self._place(purchase, order_id, "hold-again")
        return self._capture(purchase, hold)

    def sweep(self) -> None:
        """Write down which holds have lapsed."""
        self._till.sweep(LapseHolds())

    def _place(self, purchase: Purchase, order_id: str, step: str) -> HoldView:
        card = self._cards.get(purchase.customer_id)
        lives = card is not None and self._till.clock() < card.expires_at
        self._till.events["held"] += 1
        return self._till.execute(
            PlaceHold(
                order_id=order_id,
                amount_due=usd(purchase.cents),
                gift_card_ids=(card.id,) if card is not None and lives else (),
                customer_id=purchase.customer_id,
                reference=self._till.log,
                idempotency_key=key_of(purchase, step),
            )
        )

    def _void(self, purchase: Purchase, hold: HoldView) -> None:
        self._till.events["voided"] += 1
        self._till.execute(
            VoidHold(
                hold_id=hold.id,
                order_id=hold.order_id,
                reason="declined elsewhere",
                idempotency_key=key_of(purchase, "void"),
            )
        )

    def _capture(self, purchase: Purchase, hold: HoldView) -> Paid:
        self._till.events["captured"] += 1
        capture = self._till.execute(
            CaptureHold(hold_id=hold.id, order_id=hold.order_id, idempotency_key=key_of(purchase, "capture"))
        )
        return Paid(
            purchase=purchase,
            order_id=hold.order_id,
            stored=signed_minor_units(capture.amount),
            elsewhere=signed_minor_units(capture.remaining_due),
        )
