"""Limiters for tests, and a shop that asks them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from loyalty import AttemptLimiter, CodeFormat, Loyalty, LoyaltyError
from loyalty.ports.observer import Observer
from loyalty.ports.storage import Reader, Storage, UnitOfWork
from tests.use_cases.shop import KEYS, Shop

__all__ = ["Broken", "Recording", "Retrying", "Tripwire", "limited"]

Result = TypeVar("Result")


class Recording:
    """Lets everybody try, and writes down what it is asked and told."""

    def __init__(self) -> None:
        """Start with a clean sheet."""
        self.heard: list[tuple[str, str | None]] = []

    def require(self, caller: str | None) -> None:
        """Write the question down."""
        self.heard.append(("require", caller))

    def wrong(self, caller: str | None) -> None:
        """Write the wrong code down."""
        self.heard.append(("wrong", caller))

    def mistyped(self, caller: str | None) -> None:
        """Write the mistyped text down."""
        self.heard.append(("mistyped", caller))

    def told(self) -> list[str]:
        """Return what was heard since the last time, without the callers."""
        heard, self.heard = self.heard, []
        return [what for what, _ in heard]


class Broken:
    """Fails in one of its methods as a server fails that does not answer."""

    def __init__(self, method: str, error: Exception) -> None:
        """Remember where to fail, and how."""
        self._method, self._error = method, error

    def require(self, caller: str | None) -> None:
        """Fail, or let everybody try."""
        self._fail("require", caller)

    def wrong(self, caller: str | None) -> None:
        """Fail, or count nothing."""
        self._fail("wrong", caller)

    def mistyped(self, caller: str | None) -> None:
        """Fail, or count nothing."""
        self._fail("mistyped", caller)

    def _fail(self, method: str, _caller: str | None) -> None:
        if method == self._method:
            raise self._error


class Tripwire:
    """A storage that nobody may reach."""

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:  # noqa: ARG002  # asked of every storage
        """Fail the test."""
        raise AssertionError("the storage was asked")

    def read(self, question: Callable[[Reader], Result]) -> Result:  # noqa: ARG002  # asked of every storage
        """Fail the test."""
        raise AssertionError("the storage was asked")


class Retrying:
    """A storage that runs every work several times before it keeps one, as one does that loses races."""

    def __init__(self, storage: Storage, times: int = 3) -> None:
        """Keep the storage that the last run is for."""
        self._storage, self._times = storage, times

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run *work* again and again, and lose all runs but the last."""
        for _ in range(self._times):
            with suppress(LoyaltyError, _LostError):
                self._storage.run(lambda uow: _lost(work(uow)))
        return self._storage.run(work)

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer from the storage."""
        return self._storage.read(question)


class _LostError(Exception):
    """Another one won the race."""


def _lost(_result: object) -> None:
    raise _LostError


def limited(
    shop: Shop,
    limiter: AttemptLimiter | None,
    *,
    storage: Storage | None = None,
    code_format: CodeFormat | None = None,
    observer: Observer | None = None,
) -> Loyalty:
    """Return the library on a shop's books, with this limiter."""
    return Loyalty(
        shop.storage if storage is None else storage,
        code_keys=KEYS,
        clock=shop.clock,
        code_format=code_format,
        new_id=shop.new_id,
        attempt_limiter=limiter,
        observer=observer,
    )
