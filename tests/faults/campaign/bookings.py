"""
Commands as plain records, which can be written down, and what each did to the balances.

What a command did is told by amounts that were asked for, wherever they are exact, and otherwise by the amounts that
were answered; no balance is read for it.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from typing import Any

import attrs

from loyalty import (
    ALL,
    Capture,
    CaptureHold,
    Debit,
    DebitStoreCredit,
    Grant,
    GrantStoreCredit,
    HoldView,
    LotOrigin,
    PlaceHold,
    RedeemGiftCard,
    Redemption,
    Refund,
    RefundRedemption,
    Reload,
    ReloadGiftCard,
    StoreCreditTransfer,
    TransferStoreCredit,
    VoidHold,
)
from loyalty.testing.kit.case import Stand
from loyalty.testing.programs import minor, money
from loyalty.use_cases.command import Command

__all__ = ["Booking", "Till", "Verb", "balances", "command_of", "effect_of", "open_till"]


class Verb(StrEnum):
    """What a booking does."""

    ADD = "add"
    TAKE = "take"
    MOVE = "move"
    HOLD = "hold"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


@attrs.frozen(kw_only=True)
class Booking:
    """
    One command, under its key, which is its order, too. Amounts are minor units.

    ``customer`` and ``card`` say whose value; ``to`` is the customer that gets it,
    ``of`` the hold or the redemption that it is about.
    """

    key: str
    verb: Verb
    amount: int = 0
    customer: str | None = None
    card: str | None = None
    to: str | None = None
    of: str | None = None


@attrs.frozen(kw_only=True)
class Till:
    """Whose value is moved: customers and cards, and their accounts."""

    customers: tuple[str, ...]
    cards: tuple[str, ...]
    accounts: tuple[str, ...]


def open_till(stand: Stand, *, customers: int, cards: int, value: int) -> Till:
    """Give so many customers and cards so much."""
    names = tuple(f"customer-{number}" for number in range(customers))
    granted = [stand.credit(value, name) for name in names]
    issued = [stand.card(value) for _ in range(cards)]
    return Till(
        customers=names,
        cards=tuple(card.gift_card.id for card in issued),
        accounts=(
            *(grant.transfer.account_id for grant in granted),
            *(card.gift_card.account_id for card in issued),
        ),
    )


def balances(stand: Stand) -> dict[str, int]:
    """Return what is posted on each account."""
    return {account.id: account.posted for account in stand.books().accounts}


def command_of(booking: Booking, lapses_after: timedelta | None = None) -> Command[Any]:
    """Return the command; the same booking always gives the same one."""
    one: dict[str, Any] = {"idempotency_key": booking.key}
    match booking.verb:
        case Verb.ADD if booking.card is not None:
            return ReloadGiftCard(gift_card_id=booking.card, amount=money(booking.amount), **one)
        case Verb.ADD:
            amount = money(booking.amount)
            return GrantStoreCredit(customer_id=booking.customer, amount=amount, origin=LotOrigin.GOODWILL, **one)
        case Verb.TAKE if booking.card is not None:
            amount = money(booking.amount)
            return RedeemGiftCard(gift_card_id=booking.card, amount=amount, order_id=booking.key, **one)
        case Verb.TAKE:
            amount = money(booking.amount)
            return DebitStoreCredit(customer_id=booking.customer, amount=amount, order_id=booking.key, **one)
        case Verb.MOVE:
            amount, source, target = money(booking.amount), booking.customer, booking.to
            return TransferStoreCredit(amount=amount, from_customer_id=source, to_customer_id=target, **one)
        case Verb.HOLD:
            return PlaceHold(
                gift_card_ids=() if booking.card is None else (booking.card,),
                customer_id=booking.customer,
                amount_due=money(booking.amount),
                order_id=booking.key,
                lapses_after=lapses_after,
                **one,
            )
        case Verb.CAPTURE:
            return CaptureHold(hold_id=str(booking.of), **one)
        case Verb.VOID:
            return VoidHold(hold_id=str(booking.of), **one)
        case Verb.REFUND:
            return RefundRedemption(redemption_id=booking.of, amount=ALL, **one)


def effect_of(booking: Booking, result: object) -> Counter[str]:
    """
    Return by how much each account has changed.

    Raises:
        AssertionError: If the answer is not one to such a command.
    """
    match result:
        case Grant(transfer=entry) | Reload(transfer=entry):
            return _one(entry.account_id, booking.amount)
        case Debit(transfer=entry):
            return _one(entry.account_id, -booking.amount)
        case Redemption(account_id=account_id):
            return _one(account_id, -booking.amount)
        case StoreCreditTransfer(source=source, target=target):
            moved = _one(source.id, -booking.amount)
            moved.update(_one(target.id, booking.amount))
            return moved
        case Capture(parts=parts, amount=amount):
            return _parts([(part.account_id, -minor(part.amount)) for part in parts], -minor(amount))
        case Refund(parts=parts, amount=amount):
            return _parts([(part.account_id, minor(part.amount)) for part in parts], minor(amount))
        case HoldView():
            return Counter()
    raise AssertionError(f"{type(result).__name__} answers no booking")


def _one(account_id: str, amount: int) -> Counter[str]:
    return Counter({account_id: amount})


def _parts(parts: list[tuple[str, int]], whole: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for account_id, amount in parts:
        sums[account_id] += amount
    assert whole == sums.total(), "the parts are not the whole"
    return sums
