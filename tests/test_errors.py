"""The tree of errors: its shape, its codes, what it tells whom, and that it survives every journey."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

from loyalty import errors
from loyalty.errors import (
    AlreadyClaimed,
    ClaimedByAnother,
    ConcurrentUpdate,
    CorruptLedger,
    GiftCardNotFound,
    InvalidRequest,
    LoyaltyError,
    MalformedCode,
    NotFound,
    NotSpendable,
    OutcomeUnknown,
    Refused,
    StorageError,
)

CANARY: Final = "GIFT-7KQ2-0000-SECRET"

HOUSE_SECTION_8: Final = {
    "LoyaltyError": {"InvalidRequest", "Refused", "NotFound", "StorageError", "CorruptLedger"},
    "InvalidRequest": {
        "InvalidAmount", "InvalidImport", "InvalidTime", "CurrencyMismatch", "MalformedCode", "IdempotencyConflict",
    },
    "Refused": {
        "InsufficientBalance", "NotSpendable", "ClaimedByAnother", "AlreadyClaimed", "HoldClosed", "AlreadyReversed",
        "NotReversible", "RefundTooLarge", "AmountNotOffered", "NotEligible", "LimitExceeded", "TooManyHolds",
        "TooManyAttempts", "AccountNotEmpty", "ChangedMeanwhile", "TermTooShort", "CashOutNotDue",
        "CodeNotKnown", "AlreadySent", "NotADeadLetter",
    },
    "NotFound": {
        "GiftCardNotFound", "StoreCreditAccountNotFound", "HoldNotFound", "TransferNotFound", "GiftCardProductNotFound",
        "OrderNotFound", "GiftCardBatchNotFound", "GiftNotFound", "EventNotFound",
    },
    "StorageError": {"ConcurrentUpdate", "DuplicateRecord", "StorageUnavailable", "StorageNotReady", "OutcomeUnknown"},
    "TransferNotFound": {"RedemptionNotFound"},
}  # fmt: skip
"""The tree as HOUSE.md draws it, with what SPEC.md sections 4 and 7, the refunds and the policies add."""

ALL_CLASSES: Final[list[type[LoyaltyError]]] = [getattr(errors, name) for name in errors.__all__]


def documented_tree() -> Iterator[tuple[str, str, str | None]]:
    """Yield class, parent and second base from the drawing in the module's docstring."""
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ((?:[│├└─ ]{4})*)([A-Z]\w+)(?: \((\w+)\))?", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        del path[depth:]
        yield found[2], path[-1] if path else "Exception", found[3]
        path.append(found[2])


def full(kind: type[LoyaltyError]) -> LoyaltyError:
    """Return an error of this class with every field set."""
    values: dict[str, Any] = {
        "message": "what happened",
        "requested": Money("5.00", "USD"),
        "available": Money("3.00", "USD"),
        "posted": Money("4.00", "USD"),
        "held": Money("1.00", "USD"),
        "refundable": Money("1.00", "KWD"),
        "expected": "USD",
        "actual": "EUR",
        "idempotency_key": "the key",
        "reason": "blocked",
        "status": "captured",
        "limit": "per_order",
        "allowed": Money("2.00", "USD"),
        "retry_after": timedelta(seconds=42),
        "given": 1,
        "paid": Money("4.00", "USD"),
        "earliest": datetime(2031, 1, 1, tzinfo=UTC),
        "current": 2,
        "rows": ((3, "repeated"),),
        "problems": ("no tables",),
    }
    return kind(*(values[field.name] for field in attrs.fields(kind)))


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    """The drawing at the top of the file names every class, once, below its parent."""
    drawn = list(documented_tree())
    assert sorted(errors.__all__) == sorted(name for name, _, _ in drawn)
    for name, parent, second in drawn:
        bases = [base.__name__ for base in getattr(errors, name).__bases__]
        assert [parent, *([second] if second else [])] == bases


@pytest.mark.parametrize("parent", HOUSE_SECTION_8)
def test_the_tree_is_the_one_of_the_house(parent: str) -> None:
    """Classes are grouped by what the caller does next, as HOUSE.md section 8 says."""
    children = {kind.__name__ for kind in ALL_CLASSES if getattr(errors, parent) in kind.__bases__}
    assert HOUSE_SECTION_8[parent] == children


def test_every_error_of_the_file_is_public() -> None:
    """No error class hides from ``__all__``."""
    defined = {
        name for name, thing in vars(errors).items() if inspect.isclass(thing) and issubclass(thing, LoyaltyError)
    }
    assert set(errors.__all__) == defined
    assert sorted(errors.__all__) == list(errors.__all__)


def test_codes_are_stable_and_unique() -> None:
    """Each class has a code of its own, made of its name, for hosts to translate."""
    codes = {kind.__name__: kind.__dict__["code"] for kind in ALL_CLASSES}
    assert {name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in codes} == codes


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_says_something_with_and_without_words(kind: type[LoyaltyError]) -> None:
    """Without arguments an error has a message, with one it has that one; the public message stands for itself."""
    assert str(kind())
    assert "what happened" == str(kind("what happened")) == kind("what happened").message
    assert kind.public_message
    assert kind.public_message.endswith(".")
    assert kind.__doc__


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_pickle(kind: type[LoyaltyError], protocol: int) -> None:
    """An error comes out of a task queue as it went in, fields and all."""
    for error in (kind(), full(kind)):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert kind is type(again)
        assert str(error) == str(again)
        assert error.args == again.args
        for field in attrs.fields(kind):
            assert getattr(error, field.name) == getattr(again, field.name)


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
def test_errors_can_be_copied(kind: type[LoyaltyError]) -> None:
    """A copy, shallow or deep, says the same."""
    error = full(kind)
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert (kind, str(error), error.args) == (type(again), str(again), again.args)


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
def test_errors_are_themselves(kind: type[LoyaltyError]) -> None:
    """Two errors of the same content are two errors, and each can be a key and carry notes and a cause."""
    one, two = full(kind), full(kind)
    assert 2 == len({one, two})
    one.add_note("a note")
    cause = ValueError("cause")
    with pytest.raises(kind) as caught:
        raise one from cause
    assert cause is caught.value.__cause__


def test_whoever_fixes_the_call_catches_value_errors() -> None:
    """Wrong calls are ValueErrors, missing things LookupErrors, refusals and storage troubles neither."""
    for kind in ALL_CLASSES:
        assert issubclass(kind, InvalidRequest) == issubclass(kind, ValueError)
        assert issubclass(kind, NotFound) == issubclass(kind, LookupError)
        assert not issubclass(kind, KeyError | TypeError | RuntimeError | OSError)


def test_every_error_belongs_to_exactly_one_group() -> None:
    """There is one answer to what the caller does next."""
    groups = (InvalidRequest, Refused, NotFound, StorageError, CorruptLedger)
    for kind in ALL_CLASSES:
        assert (0 if kind is LoyaltyError else 1) == sum(issubclass(kind, group) for group in groups)


def test_what_could_tell_a_stranger_about_a_code_says_one_sentence() -> None:
    """Malformed, unknown, not spendable, another's, already claimed: one and the same public message."""
    tellers = (MalformedCode, GiftCardNotFound, NotSpendable, ClaimedByAnother, AlreadyClaimed)
    assert {"This gift card cannot be used."} == {kind.public_message for kind in tellers}


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
def test_the_public_message_repeats_nothing(kind: type[LoyaltyError]) -> None:
    """Whatever was put into an error, its public message is the same fixed sentence."""
    assert kind.public_message == full(kind).public_message == kind(CANARY).public_message
    assert CANARY not in kind(CANARY).public_message


@pytest.mark.parametrize("kind", ALL_CLASSES, ids=lambda kind: kind.__name__)
def test_the_message_does_not_show_the_other_fields(kind: type[LoyaltyError]) -> None:
    """Facts are typed attributes; the text of an error is its message alone, so a key never slips into a log line."""
    text = str(full(kind))
    assert "what happened" == text


def test_after_an_unknown_outcome_the_key_is_at_hand() -> None:
    """The one error after which something may have changed carries the key to ask with."""
    assert "the key" == OutcomeUnknown("lost", "the key").idempotency_key
    assert OutcomeUnknown().idempotency_key is None
    assert not issubclass(OutcomeUnknown, ConcurrentUpdate)


def test_no_template_holds_a_place_for_a_code() -> None:
    """No message in the package is formatted with a code."""
    from pathlib import Path

    package = Path(errors.__file__).parent
    raising = re.compile(r"raise \w+\((.*)$", re.MULTILINE)
    suspicious = re.compile(r"\{[^}]*(\bcode\b|\.code\b|reveal|secret)[^}]*\}")
    found = [
        f"{path.name}: {line}"
        for path in package.rglob("*.py")
        for line in raising.findall(path.read_text())
        if suspicious.search(line) and "currency.code" not in line
    ]
    assert [] == found
