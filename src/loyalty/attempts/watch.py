"""
When the limiter is asked, and what it is told.

It is asked once per request that carries a code as a bearer would give it,
before the storage begins, and told once, when the storage is done: what the
storage tries again inside is still one attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.errors import (
    AlreadyClaimed,
    ClaimedByAnother,
    GiftCardNotFound,
    LoyaltyError,
    MalformedCode,
    NotSpendable,
    StorageUnavailable,
)
from loyalty.identifiers import require_text
from loyalty.ports.attempt_limiter import AttemptLimiter

__all__ = ["CHOSEN", "AttemptWatch", "Charge"]

CHOSEN = {"chosen": True}
"""The metadata of a field for a code that the shop chooses itself: naming it is no attempt."""

UNUSABLE = (GiftCardNotFound, ClaimedByAnother, AlreadyClaimed, NotSpendable)
"""What tells that a code which could be one is of no use to this caller."""

Charge = Callable[[int], None]
"""Takes how many wrong codes an answer told of without raising anything."""


@attrs.frozen
class AttemptWatch:
    """Stands between every request and the storage."""

    limiter: AttemptLimiter

    @contextmanager
    def over(self, request: object, caller: str | None) -> Iterator[Charge]:
        """
        Run what is inside as one attempt of *caller*, if *request* carries a code.

        Works around awaited code, too.

        Raises:
            loyalty.errors.InvalidRequest: If *caller* is not a text.
            loyalty.errors.TooManyAttempts: If there were too many wrong codes.
            loyalty.errors.StorageUnavailable: If the limiter is broken.
        """
        if caller is not None:
            caller = require_text(caller, "caller")
        if not _carries_a_code(request):
            yield _free_of_charge
            return
        self._ask(self.limiter.require, caller)
        try:
            yield lambda count: self._charge(caller, count)
        except MalformedCode:
            self._ask(self.limiter.mistyped, caller)
            raise
        except UNUSABLE:
            self._charge(caller, 1)
            raise

    def _charge(self, caller: str | None, count: int) -> None:
        for _ in range(count):
            self._ask(self.limiter.wrong, caller)

    def _ask(self, question: Callable[[str | None], None], caller: str | None) -> None:
        try:
            question(caller)
        except LoyaltyError:
            raise
        except Exception as error:
            raise StorageUnavailable("the attempt limiter is broken, so no code is looked at") from error


def _free_of_charge(count: int) -> None:
    """Charge nothing: the request carried no code."""


_NAMES: dict[type, tuple[str, ...]] = {}


def _carries_a_code(value: object) -> bool:
    """Tell whether *value* is a code, or has one in it, at whatever depth."""
    kind = type(value)
    if kind is GiftCardCode:
        return True
    if isinstance(value, tuple):
        return any(_carries_a_code(part) for part in value)
    parts = [part for name in _names_of(kind) if (part := getattr(value, name)) is not None]
    return any(_carries_a_code(part) for part in parts)


def _names_of(kind: type) -> tuple[str, ...]:
    """Return the fields in which a value of this class may carry a code that is an attempt."""
    names = _NAMES.get(kind)
    if names is None:
        fields = attrs.fields(kind) if attrs.has(kind) else ()
        names = tuple([field.name for field in fields if "chosen" not in field.metadata])
        _NAMES[kind] = names
    return names
