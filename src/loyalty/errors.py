"""
Every error this library raises, grouped by what the caller does next.

::

    LoyaltyError                        the root; never raised itself
    ├── InvalidRequest (ValueError)     fix the call; a retry cannot help
    │   ├── InvalidAmount
    │   ├── InvalidTime
    │   ├── CurrencyMismatch
    │   ├── MalformedCode
    │   ├── InvalidImport
    │   └── IdempotencyConflict
    ├── Refused                         tell the customer; the rules say no
    │   ├── InsufficientBalance
    │   ├── AccountNotEmpty
    │   ├── NotSpendable
    │   ├── ClaimedByAnother
    │   ├── AlreadyClaimed
    │   ├── NotEligible
    │   ├── LimitExceeded
    │   ├── HoldClosed
    │   ├── TooManyHolds
    │   ├── AlreadyReversed
    │   ├── NotReversible
    │   ├── RefundTooLarge
    │   ├── AmountNotOffered
    │   ├── ChangedMeanwhile
    │   ├── TermTooShort
    │   ├── CashOutNotDue
    │   ├── TooManyAttempts
    │   ├── CodeNotKnown
    │   ├── AlreadySent
    │   └── NotADeadLetter
    ├── NotFound (LookupError)
    │   ├── GiftCardNotFound
    │   ├── GiftCardBatchNotFound
    │   ├── StoreCreditAccountNotFound
    │   ├── HoldNotFound
    │   ├── GiftCardProductNotFound
    │   ├── OrderNotFound
    │   ├── GiftNotFound
    │   ├── EventNotFound
    │   └── TransferNotFound
    │       └── RedemptionNotFound
    ├── StorageError                    try again later
    │   ├── ConcurrentUpdate
    │   ├── DuplicateRecord
    │   ├── StorageUnavailable
    │   ├── StorageNotReady             the database has to be set up first
    │   └── OutcomeUnknown              call again with the same key: always safe
    └── CorruptLedger                   stop and call a human

Each class carries a stable ``code`` for hosts to translate and a
``public_message`` that may be shown to anyone. The errors that could tell a
stranger whether a code exists share one public message. No message ever
contains the code of a gift card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from moneyed import Money

__all__ = [
    "AccountNotEmpty",
    "AlreadyClaimed",
    "AlreadyReversed",
    "AlreadySent",
    "AmountNotOffered",
    "CashOutNotDue",
    "ChangedMeanwhile",
    "ClaimedByAnother",
    "CodeNotKnown",
    "ConcurrentUpdate",
    "CorruptLedger",
    "CurrencyMismatch",
    "DuplicateRecord",
    "EventNotFound",
    "GiftCardBatchNotFound",
    "GiftCardNotFound",
    "GiftCardProductNotFound",
    "GiftNotFound",
    "HoldClosed",
    "HoldNotFound",
    "IdempotencyConflict",
    "InsufficientBalance",
    "InvalidAmount",
    "InvalidImport",
    "InvalidRequest",
    "InvalidTime",
    "LimitExceeded",
    "LoyaltyError",
    "MalformedCode",
    "NotADeadLetter",
    "NotEligible",
    "NotFound",
    "NotReversible",
    "NotSpendable",
    "OrderNotFound",
    "OutcomeUnknown",
    "RedemptionNotFound",
    "RefundTooLarge",
    "Refused",
    "StorageError",
    "StorageNotReady",
    "StorageUnavailable",
    "StoreCreditAccountNotFound",
    "TermTooShort",
    "TooManyAttempts",
    "TooManyHolds",
    "TransferNotFound",
]

UNUSABLE_CODE = "This gift card cannot be used."
"""The one sentence a stranger gets, whatever is wrong with a code."""


def _default_message(error: LoyaltyError) -> str:
    return error.default_message


@attrs.define(eq=False, str=False)
class LoyaltyError(Exception):
    """
    The root of all errors of this library. Never raised itself.

    ``message`` is for staff and logs. It never holds the code of a gift card.
    """

    code: ClassVar[str] = "loyalty_error"
    public_message: ClassVar[str] = "Something went wrong with the stored value."
    default_message: ClassVar[str] = "something went wrong with the stored value"

    message: str = attrs.field(default=attrs.Factory(_default_message, takes_self=True))

    def __str__(self) -> str:
        """Return the message."""
        return self.message


# --- fix the call -----------------------------------------------------------


class InvalidRequest(LoyaltyError, ValueError):
    """The call itself is wrong: a type, a bound, a missing or extra part."""

    code: ClassVar[str] = "invalid_request"
    public_message: ClassVar[str] = "The request is not valid."
    default_message: ClassVar[str] = "the request is not valid"


class InvalidAmount(InvalidRequest):
    """An amount is zero, negative, not finite, too large or has too many decimals."""

    code: ClassVar[str] = "invalid_amount"
    public_message: ClassVar[str] = "The amount is not valid."
    default_message: ClassVar[str] = "the amount is not valid"


class InvalidTime(InvalidRequest):
    """A time is naive, not UTC, or on the wrong side of another time."""

    code: ClassVar[str] = "invalid_time"
    public_message: ClassVar[str] = "The time is not valid."
    default_message: ClassVar[str] = "the time is not valid"


@attrs.define(eq=False, str=False)
class CurrencyMismatch(InvalidRequest):
    """Two currencies meet where only one may be; nothing is ever converted."""

    code: ClassVar[str] = "currency_mismatch"
    public_message: ClassVar[str] = "The currency does not fit."
    default_message: ClassVar[str] = "the currency does not fit"

    expected: str = ""
    actual: str = ""


class MalformedCode(InvalidRequest):
    """A code cannot be one of ours: its length, alphabet, prefix or check symbol."""

    code: ClassVar[str] = "malformed_code"
    public_message: ClassVar[str] = UNUSABLE_CODE
    default_message: ClassVar[str] = "the text is not a gift card code"


@attrs.define(eq=False, str=False)
class IdempotencyConflict(InvalidRequest):
    """The idempotency key is known, but it was used for a different content."""

    code: ClassVar[str] = "idempotency_conflict"
    public_message: ClassVar[str] = "This request was already used for something else."
    default_message: ClassVar[str] = "the idempotency key was used before with a different content"

    idempotency_key: str = ""


@attrs.define(eq=False, str=False)
class InvalidImport(InvalidRequest):
    """
    A file or its rows cannot be imported as they are, and nothing of them was.

    ``rows`` are the first hundred that would be refused: their numbers and reasons.
    """

    code: ClassVar[str] = "invalid_import"
    default_message: ClassVar[str] = "the rows cannot be imported"

    rows: tuple[tuple[int, str], ...] = ()


# --- tell the customer ------------------------------------------------------


class Refused(LoyaltyError):
    """The request was fine; the rules say no. Nothing was changed."""

    code: ClassVar[str] = "refused"
    public_message: ClassVar[str] = "This is not possible."
    default_message: ClassVar[str] = "the rules refuse this"


@attrs.define(eq=False, str=False)
class InsufficientBalance(Refused):
    """Less is available than was asked for."""

    code: ClassVar[str] = "insufficient_balance"
    public_message: ClassVar[str] = "The balance does not cover this amount."
    default_message: ClassVar[str] = "the available balance does not cover the amount"

    requested: Money | None = None
    available: Money | None = None


@attrs.define(eq=False, str=False)
class AccountNotEmpty(Refused):
    """There is still something on the account: ``posted``, of which orders hold ``held``. Both are amounts of money."""

    code: ClassVar[str] = "account_not_empty"
    public_message: ClassVar[str] = "There is still store credit on this account."
    default_message: ClassVar[str] = "the account is not empty"

    posted: Money | None = None
    held: Money | None = None


@attrs.define(eq=False, str=False)
class NotSpendable(Refused):
    """
    The value cannot be spent now.

    ``reason`` is one of ``"pending"``, ``"blocked"``, ``"deactivated"``,
    ``"expired"``, ``"exhausted"``, ``"closed"`` or ``"not yet active"``. For
    staff; never for a stranger.
    """

    code: ClassVar[str] = "not_spendable"
    public_message: ClassVar[str] = UNUSABLE_CODE
    default_message: ClassVar[str] = "the value cannot be spent now"

    reason: str = ""


class ClaimedByAnother(Refused):
    """The card belongs to a customer who is not the one asking."""

    code: ClassVar[str] = "claimed_by_another"
    public_message: ClassVar[str] = UNUSABLE_CODE
    default_message: ClassVar[str] = "the gift card is claimed by another customer"


class AlreadyClaimed(Refused):
    """The card was claimed before and may not be claimed again."""

    code: ClassVar[str] = "already_claimed"
    public_message: ClassVar[str] = UNUSABLE_CODE
    default_message: ClassVar[str] = "the gift card is already claimed"


@attrs.define(eq=False, str=False)
class NotEligible(Refused):
    """The shop's own rules say that this value may not pay for this order; ``reason`` is the rule's."""

    code: ClassVar[str] = "not_eligible"
    public_message: ClassVar[str] = "This stored value cannot pay for this order."
    default_message: ClassVar[str] = "the shop's rules veto this payment"

    reason: str = ""


@attrs.define(eq=False, str=False)
class LimitExceeded(Refused):
    """More would be spent than the shop allows; ``allowed`` is what it still does, ``limit`` which bound it is."""

    code: ClassVar[str] = "limit_exceeded"
    public_message: ClassVar[str] = "This is more than can be paid with stored value."
    default_message: ClassVar[str] = "the amount exceeds a limit of the shop"

    limit: str = ""
    allowed: Money | None = None


@attrs.define(eq=False, str=False)
class HoldClosed(Refused):
    """The hold was captured, voided or has lapsed before; ``status`` says which."""

    code: ClassVar[str] = "hold_closed"
    public_message: ClassVar[str] = "This reservation is already closed."
    default_message: ClassVar[str] = "the hold is closed"

    status: str = ""


class TooManyHolds(Refused):
    """The balance is reserved for as many orders as it can be at once."""

    code: ClassVar[str] = "too_many_holds"
    public_message: ClassVar[str] = "This balance is reserved for too many orders."
    default_message: ClassVar[str] = "too many orders hold value on the account"


class AlreadyReversed(Refused):
    """The transfer, or the whole sale of gift cards, was reversed before; that happens once."""

    code: ClassVar[str] = "already_reversed"
    public_message: ClassVar[str] = "This was already reversed."
    default_message: ClassVar[str] = "the transfer is already reversed"


@attrs.define(eq=False, str=False)
class NotReversible(Refused):
    """
    The transfer cannot be undone whole.

    ``reason`` is ``"reversal"`` if it undoes another one itself, ``"sale"`` if it
    belongs to a sale that was reversed, and ``"refunded"`` if a part of it was
    given back already.
    """

    code: ClassVar[str] = "not_reversible"
    public_message: ClassVar[str] = "This cannot be reversed."
    default_message: ClassVar[str] = "the transfer cannot be reversed"

    reason: str = ""


@attrs.define(eq=False, str=False)
class RefundTooLarge(Refused):
    """More would be given back than was taken and not yet given back."""

    code: ClassVar[str] = "refund_too_large"
    public_message: ClassVar[str] = "The refund is larger than what was paid."
    default_message: ClassVar[str] = "the refund exceeds what is left to refund"

    refundable: Money | None = None


class AmountNotOffered(Refused):
    """The product has no such denomination, or the amount is out of its range."""

    code: ClassVar[str] = "amount_not_offered"
    public_message: ClassVar[str] = "This amount is not on offer."
    default_message: ClassVar[str] = "the amount is not on offer"


class CodeNotKnown(Refused):
    """The code of the card cannot be shown: it was chosen or imported, or its key or format is no longer known."""

    code: ClassVar[str] = "code_not_known"
    public_message: ClassVar[str] = "The code of this gift card cannot be shown."
    default_message: ClassVar[str] = "the code of the gift card cannot be derived; it can be replaced"


class AlreadySent(Refused):
    """The gift card is on its way to its recipient, or arrived."""

    code: ClassVar[str] = "already_sent"
    public_message: ClassVar[str] = "This gift card has already been sent."
    default_message: ClassVar[str] = "the sending of the gift card was started already"


class NotADeadLetter(Refused):
    """The event was not given up: it is still on its way, or was delivered."""

    code: ClassVar[str] = "not_a_dead_letter"
    public_message: ClassVar[str] = "This cannot be done."
    default_message: ClassVar[str] = "the event is delivered, or on its way"


@attrs.define(eq=False, str=False)
class ChangedMeanwhile(Refused):
    """
    Somebody else changed it since it was read; read it again, and decide again.

    ``given`` is the version that the request was decided on, ``current`` the present one.
    """

    code: ClassVar[str] = "changed_meanwhile"
    public_message: ClassVar[str] = "This was changed by somebody else in the meantime."
    default_message: ClassVar[str] = "it was changed since it was read"

    given: int = 0
    current: int = 0


@attrs.define(eq=False, str=False)
class TermTooShort(Refused):
    """Value would end before the shop's policy allows; ``earliest`` (aware, UTC) is when it may, None is never."""

    code: ClassVar[str] = "term_too_short"
    public_message: ClassVar[str] = "This value must live longer."
    default_message: ClassVar[str] = "the value would end before the shop's policy allows"

    earliest: datetime | None = None


@attrs.define(eq=False, str=False)
class CashOutNotDue(Refused):
    """
    What is left is not paid out in money.

    ``reason`` is ``"nothing_paid"`` if no free value on the card was paid for,
    and ``"no_rule"`` if the shop's policy says no to the ``paid`` value there is.
    """

    code: ClassVar[str] = "cash_out_not_due"
    public_message: ClassVar[str] = "This balance is not paid out in money."
    default_message: ClassVar[str] = "the shop's policy does not pay this remainder out in money"

    reason: str = ""
    paid: Money | None = None


@attrs.define(eq=False, str=False)
class TooManyAttempts(Refused):
    """
    Too many codes were wrong lately, so this one was not even looked at.

    It says nothing about the code, and a right one is refused alike.
    ``retry_after`` is how long to wait, or None if that is not known.
    """

    code: ClassVar[str] = "too_many_attempts"
    public_message: ClassVar[str] = "Too many attempts. Please try again later."
    default_message: ClassVar[str] = "too many wrong gift card codes lately"

    retry_after: timedelta | None = None


# --- not there --------------------------------------------------------------


class NotFound(LoyaltyError, LookupError):
    """What the request names does not exist."""

    code: ClassVar[str] = "not_found"
    public_message: ClassVar[str] = "Not found."
    default_message: ClassVar[str] = "not found"


class GiftCardNotFound(NotFound):
    """No gift card has this id or code."""

    code: ClassVar[str] = "gift_card_not_found"
    public_message: ClassVar[str] = UNUSABLE_CODE
    default_message: ClassVar[str] = "no such gift card"


class GiftCardBatchNotFound(NotFound):
    """No batch of gift cards has this id."""

    code: ClassVar[str] = "gift_card_batch_not_found"
    public_message: ClassVar[str] = "Not found."
    default_message: ClassVar[str] = "no such batch of gift cards"


class GiftNotFound(NotFound):
    """The gift card has no recipient, or the recipient was erased."""

    code: ClassVar[str] = "gift_not_found"
    public_message: ClassVar[str] = "There is nobody to send this gift card to."
    default_message: ClassVar[str] = "the gift card has no recipient"


class EventNotFound(NotFound):
    """No event has this id, or a version of this library without an outbox wrote it."""

    code: ClassVar[str] = "event_not_found"
    public_message: ClassVar[str] = "This cannot be found."
    default_message: ClassVar[str] = "no such event"


class StoreCreditAccountNotFound(NotFound):
    """No store credit account has this id, or the customer has none in this currency."""

    code: ClassVar[str] = "store_credit_account_not_found"
    public_message: ClassVar[str] = "There is no store credit."
    default_message: ClassVar[str] = "no such store credit account"


class HoldNotFound(NotFound):
    """No hold has this id."""

    code: ClassVar[str] = "hold_not_found"
    public_message: ClassVar[str] = "There is no such reservation."
    default_message: ClassVar[str] = "no such hold"


class GiftCardProductNotFound(NotFound):
    """No gift card product has this id."""

    code: ClassVar[str] = "gift_card_product_not_found"
    public_message: ClassVar[str] = "There is no such gift card."
    default_message: ClassVar[str] = "no such gift card product"


class OrderNotFound(NotFound):
    """
    No gift card was issued for this order, or for this line of it.

    The message that it was placed may still be on its way: trying again later can help.
    """

    code: ClassVar[str] = "order_not_found"
    public_message: ClassVar[str] = "There are no gift cards in this order yet."
    default_message: ClassVar[str] = "no gift card was issued for this order yet"


class TransferNotFound(NotFound):
    """No transfer has this id."""

    code: ClassVar[str] = "transfer_not_found"
    public_message: ClassVar[str] = "Not found."
    default_message: ClassVar[str] = "no such transfer"


class RedemptionNotFound(TransferNotFound):
    """No redemption has this id, or none paid for this order."""

    code: ClassVar[str] = "redemption_not_found"
    public_message: ClassVar[str] = "There is nothing to refund."
    default_message: ClassVar[str] = "no such redemption"


# --- try again later --------------------------------------------------------


class StorageError(LoyaltyError):
    """The storage could not do its part; nothing was changed unless a subclass says so."""

    code: ClassVar[str] = "storage_error"
    public_message: ClassVar[str] = "Please try again later."
    default_message: ClassVar[str] = "the storage failed"


class ConcurrentUpdate(StorageError):
    """Others changed the same records meanwhile, and the retries are used up."""

    code: ClassVar[str] = "concurrent_update"
    default_message: ClassVar[str] = "the records were changed by others meanwhile"


class DuplicateRecord(StorageError):
    """A record with the same unique value is already there (a chosen code, an id)."""

    code: ClassVar[str] = "duplicate_record"
    default_message: ClassVar[str] = "such a record is already there"


class StorageUnavailable(StorageError):
    """The database did not answer or refused; the driver's error is the cause."""

    code: ClassVar[str] = "storage_unavailable"
    default_message: ClassVar[str] = "the storage is unavailable"


@attrs.define(eq=False, str=False)
class StorageNotReady(StorageError):
    """
    The database was reached and cannot be used as it is; the message says what has to be done.

    ``problems`` holds each thing that was found by itself, none with a password.
    Trying again helps when somebody has done what they say.
    """

    code: ClassVar[str] = "storage_not_ready"
    default_message: ClassVar[str] = "the database is not ready"

    problems: tuple[str, ...] = ()


@attrs.define(eq=False, str=False)
class OutcomeUnknown(StorageError):
    """
    The connection broke while committing, so the change is there whole or not at all.

    Call again with the same ``idempotency_key``: that is always safe, and it
    answers what happened.
    """

    code: ClassVar[str] = "outcome_unknown"
    default_message: ClassVar[str] = "the outcome of the commit is unknown; call again with the same idempotency key"

    idempotency_key: str | None = None


# --- stop -------------------------------------------------------------------


class CorruptLedger(LoyaltyError):
    """An invariant of the books does not hold. Stop and call a human."""

    code: ClassVar[str] = "corrupt_ledger"
    default_message: ClassVar[str] = "the ledger is corrupt"
