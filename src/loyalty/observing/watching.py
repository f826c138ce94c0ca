"""
One operation, watched from its beginning to its end.

Everything that a door does goes through here, blocking or awaited: what is
inside a ``with`` block of a :class:`Watching` is one operation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from loyalty.errors import LoyaltyError
from loyalty.observing.logs import Logs
from loyalty.ports.observer import NO_EVENTS, Ending, Observer, Operation, OperationKind, Outcome, Watch
from loyalty.ports.storage import UnitOfWork
from loyalty.reports.query import Query
from loyalty.use_cases.command import Request, Sweep
from loyalty.use_cases.deliver_events import Delivered
from loyalty.use_cases.perform import Performed

__all__ = ["Observers", "Watching"]

Result = TypeVar("Result")

_log: Final = logging.getLogger(__name__)

WORK: Final = frozenset({OperationKind.COMMAND, OperationKind.SWEEP})
"""What a storage may run several times."""

DELIVERY: Final = Operation(
    kind=OperationKind.DELIVERY, name="deliver_events", module="loyalty.use_cases.deliver_events"
)


class Observers:
    """Those who hear of every operation of a door: the log, and the host's own observer if there is one."""

    def __init__(self, own: Observer | None, *, is_joined: bool) -> None:
        """Keep them. *is_joined* tells that the storage works inside the host's transactions."""
        self._all: tuple[Observer, ...] = (Logs(),) if own is None else (Logs(), own)
        self._written = Outcome.JOINED if is_joined else Outcome.COMMITTED

    def over(self, request: Request[Result] | Query[Result]) -> Watching:
        """Return the watch over one piece of work, or over one question."""
        key = getattr(request, "idempotency_key", None)
        ordinary = Outcome.ANSWERED if isinstance(request, Query) else self._written
        return Watching(self._all, operation_of(type(request)), ordinary, key)

    def over_delivery(self) -> Watching:
        """Return the watch over one delivery of events."""
        return Watching(self._all, DELIVERY, Outcome.DELIVERED, None)


class Watching:
    """One operation that is under way."""

    __slots__ = ("_attempts", "_begun", "_events", "_key", "_operation", "_ordinary", "_performed", "_watches")

    def __init__(
        self, observers: tuple[Observer, ...], operation: Operation, ordinary: Outcome, key: str | None
    ) -> None:
        """Tell the observers that it begins. *ordinary* is how it ends if nothing special happens."""
        self._operation, self._ordinary, self._key = operation, ordinary, key
        self._attempts = 0 if operation.kind in WORK else 1
        self._performed: Performed[Any] | None = None
        self._events = NO_EVENTS
        self._begun = perf_counter()
        self._watches = [watch for observer in observers if (watch := _began(observer, operation)) is not None]

    def attempting(self, perform: Callable[[UnitOfWork], Performed[Result]]) -> Callable[[UnitOfWork], Result]:
        """Return what the storage is to run, once or, if it loses races, several times."""

        def attempt(uow: UnitOfWork) -> Result:
            self._attempts += 1
            self._performed = None
            if self._attempts > 1:
                self._lost_race()
            self._performed = performed = perform(uow)
            return performed.result

        return attempt

    def delivered(self, done: Delivered) -> Delivered:
        """Take the numbers of a delivery, and return them."""
        self._events = {"delivered": done.delivered, "failed": done.failed, "given_up": done.given_up}
        return done

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Tell how it ended, and let the error pass."""
        seconds = perf_counter() - self._begun
        if self._watches:
            ending = self._ending(error, seconds)
            for watch in self._watches:
                try:
                    watch.ended(ending)
                except Exception as failure:  # noqa: BLE001 - what was committed must not look as if it failed
                    _failed(watch, failure)

    def _ending(self, error: BaseException | None, seconds: float) -> Ending:
        performed = self._performed
        return Ending(
            outcome=self._outcome() if error is None else _outcome_of(error),
            seconds=seconds,
            attempts=self._attempts,
            error=error,
            idempotency_key=self._key,
            events=self._events,
            receipt=None if performed is None else performed.receipt,
            changes=None if performed is None else performed.changes,
        )

    def _outcome(self) -> Outcome:
        performed = self._performed
        if performed is None:
            return self._ordinary
        if performed.is_replay:
            return Outcome.REPLAYED
        return Outcome.UNCHANGED if performed.receipt is None else self._ordinary

    def _lost_race(self) -> None:
        for watch in self._watches:
            try:
                watch.lost_race(self._attempts)
            except Exception as failure:  # noqa: BLE001 - whoever looks on must not be in the way
                _failed(watch, failure)


_OPERATIONS: dict[type, Operation] = {}


def operation_of(kind: type) -> Operation:
    """Return what asking for a command, sweep or query of this class is."""
    operation = _OPERATIONS.get(kind)
    if operation is None:
        operation = _OPERATIONS[kind] = Operation(kind=_kind_of(kind), name=kind.__name__, module=kind.__module__)
    return operation


def _kind_of(kind: type) -> OperationKind:
    if issubclass(kind, Query):
        return OperationKind.QUERY
    return OperationKind.SWEEP if issubclass(kind, Sweep) else OperationKind.COMMAND


def _outcome_of(error: BaseException) -> str:
    if isinstance(error, LoyaltyError):
        return error.code
    return Outcome.FAILED if isinstance(error, Exception) else Outcome.INTERRUPTED


def _began(observer: Observer, operation: Operation) -> Watch | None:
    try:
        return observer.began(operation)
    except Exception as failure:  # noqa: BLE001 - whoever looks on must not be in the way
        _failed(observer, failure)
        return None


def _failed(who: object, failure: Exception) -> None:
    """Log an observer that is broken; what it says may hold anything, so only its class is told."""
    _log.error("%s is broken: %s", type(who).__name__, type(failure).__name__)
