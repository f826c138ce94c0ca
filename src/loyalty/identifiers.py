"""
Typed ids, the texts a host may send, and where new ids come from.

An id is opaque text. The types keep an account's id from being passed where a
lot's is due; the checks keep out whatever would not survive a database, a log
line or an index.
"""

from __future__ import annotations

import math
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from json import dumps, loads
from typing import Final, NewType, cast

import attrs

from loyalty.errors import InvalidRequest

__all__ = [
    "AccountId",
    "BatchId",
    "GiftCardId",
    "HoldId",
    "IdSource",
    "LotId",
    "Metadata",
    "TransferId",
    "freeze_metadata",
    "random_id",
    "require_key",
    "require_optional_text",
    "require_text",
]

AccountId = NewType("AccountId", str)
BatchId = NewType("BatchId", str)
GiftCardId = NewType("GiftCardId", str)
HoldId = NewType("HoldId", str)
LotId = NewType("LotId", str)
TransferId = NewType("TransferId", str)

IdSource = Callable[[], str]
"""Answers an id that nobody was given before."""

TEXT_LIMIT: Final = 200
METADATA_DEPTH: Final = 8
METADATA_BYTES: Final = 16 * 1024

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NOT_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_LINES: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_JSON_TEXT: Final = re.compile(r"[\x00\ud800-\udfff]")


# --- new ids ----------------------------------------------------------------


def random_id() -> str:
    """
    Return a new id: a UUID of version 7, as text.

    Later ids sort after earlier ones, which keeps the newest rows of an index
    together. The order is only a courtesy to the database; nothing is decided
    by it. It tells when a record was made, so it is no secret.

    Source:
        RFC 9562, sections 5.7 and 6.2 (method 3: the twelve bits after the
        milliseconds are a finer fraction of the time).
    """
    if sys.version_info >= (3, 14):
        from uuid import uuid7  # noqa: PLC0415 - only there since Python 3.14

        return str(uuid7())
    # The clock port cannot be used here: ids and times are neighbors that do not see each other,
    # and an id needs the time of the machine even where a test turns the clock of the books.
    micros = (datetime.now(UTC) - _EPOCH) // _MICROSECOND  # noqa: TID251 - the one other use of the system time
    return _uuid7(micros, secrets.randbits(62))


def _uuid7(micros: int, random_bits: int) -> str:
    millis, rest = divmod(micros, 1000)
    number = millis << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64 | 0b10 << 62 | random_bits
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# --- texts ------------------------------------------------------------------


def require_text(value: object, name: str, limit: int = TEXT_LIMIT, *, multiline: bool = False) -> str:
    """
    Return the text, if it is one that can be stored and shown.

    The content is kept exactly: nothing is trimmed, folded or normalized, so
    that two keys are the same only if the host sent the same.

    Args:
        value:
            Whatever the caller was given.
        name:
            What the message calls it.
        limit:
            The most characters it may have; the least is one.
        multiline:
            Whether tabs and line breaks are fine, as in a gift message.

    Raises:
        loyalty.errors.InvalidRequest: If it is not a text, is empty, blank or
            too long, or contains control characters or half of a surrogate
            pair. The message names the field and never repeats the value.
    """
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be text, not {type(value).__name__}")
    text = value if type(value) is str else str.__str__(value)
    if not 0 < len(text) <= limit:
        raise InvalidRequest(f"{name} must have 1 to {limit} characters")
    if not (text.isascii() and text.isprintable()) and (_NOT_LINES if multiline else _NOT_TEXT).search(text):
        raise InvalidRequest(f"{name} must not contain control characters or broken text")
    if text.isspace():
        raise InvalidRequest(f"{name} must not be blank")
    return text


def require_optional_text(value: object, name: str, limit: int = TEXT_LIMIT, *, multiline: bool = False) -> str | None:
    """Return None for None, else what :func:`require_text` says."""
    return None if value is None else require_text(value, name, limit, multiline=multiline)


def require_key(value: object) -> str:
    """Return the idempotency key, if it is a text of 1 to 200 characters."""
    return require_text(value, "idempotency_key")


# --- metadata ---------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class Metadata(Mapping[str, object]):
    """
    What a host notes beside a record: small JSON data that nobody can change.

    It holds nothing but its canonical JSON text, so it is hashable, can be
    pickled, and equal contents have equal text. Reading a value parses the
    text anew: what comes out is the reader's own copy. Two instances are equal
    if their texts are; with any other mapping it compares as a ``dict`` would.

    Made by :func:`freeze_metadata`; a storage that gives back the text
    unchanged may construct it directly.
    """

    json: str = "{}"

    def __getitem__(self, key: str) -> object:
        """Return the value under the key, as a new copy."""
        return self._parsed()[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys, sorted."""
        return iter(self._parsed())

    def __len__(self) -> int:
        """Return how many keys there are at the top."""
        return len(self._parsed())

    def __eq__(self, other: object) -> bool:
        """Say whether the contents are the same."""
        if isinstance(other, Metadata):
            return self.json == other.json
        if isinstance(other, Mapping):
            return self._parsed() == dict(other)
        return NotImplemented

    def __hash__(self) -> int:
        """Return a hash of the canonical text."""
        return hash(self.json)

    def _parsed(self) -> dict[str, object]:
        return cast("dict[str, object]", loads(self.json))


NO_METADATA: Final = Metadata()


def freeze_metadata(value: object) -> Metadata:
    """
    Return an immutable copy of what the host noted.

    Args:
        value:
            None (the same as nothing), or a mapping of texts to texts,
            integers, finite floats, booleans, None, lists, tuples (kept as
            lists) and further such mappings.

    Returns:
        A copy that no later change of the argument reaches.

    Raises:
        loyalty.errors.InvalidRequest: If anything else is inside, if it is
            nested more than ``METADATA_DEPTH`` deep, or if its JSON is
            longer than ``METADATA_BYTES`` in UTF-8. The message does not
            repeat the contents.
    """
    if value is None:
        return NO_METADATA
    if isinstance(value, Metadata):
        return value
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"metadata must be a mapping, not {type(value).__name__}")
    try:
        data = _Copy().of(value, METADATA_DEPTH)
        json = dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except (RuntimeError, ValueError) as error:  # changed while being read; an integer of thousands of digits
        if isinstance(error, InvalidRequest):
            raise
        raise InvalidRequest("metadata cannot be written as JSON") from None
    if len(json.encode()) > METADATA_BYTES:
        raise InvalidRequest(f"metadata is longer than {METADATA_BYTES} bytes of JSON")
    return Metadata(json=json)


class _Copy:
    """One deep copy, which stops as soon as the result cannot be small any more."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        self._room = METADATA_BYTES

    def of(self, value: object, depth: int) -> object:
        self._take(1)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return _finite(value)
        if depth == 0:
            raise InvalidRequest(f"metadata is nested more than {METADATA_DEPTH} deep")
        if isinstance(value, Mapping):
            return {self._key(key): self.of(part, depth - 1) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(part, depth - 1) for part in value]
        raise InvalidRequest(f"metadata must not contain {type(value).__name__}")

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise InvalidRequest("the keys of metadata must be text")
        return self._text(key)

    def _text(self, value: str) -> str:
        text = str.__str__(value)
        self._take(len(text))
        if not text.isascii() or "\x00" in text:
            self._require_storable(text)
        return text

    def _require_storable(self, text: str) -> None:
        if _NOT_JSON_TEXT.search(text):
            raise InvalidRequest("metadata must not contain NUL or half of a surrogate pair")

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise InvalidRequest(f"metadata is longer than {METADATA_BYTES} bytes of JSON")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InvalidRequest("metadata must not contain NaN or an infinity")
    return float(value)
