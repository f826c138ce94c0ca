"""
What is logged: one record for each operation, and one for each race that was lost.

The message is for people; the fields, whose names begin with ``loyalty_``, are
for programs. Neither has a code, a name, an address or any text that a customer
or a stranger chose. What the host was told anyway is logged for those who look
closely (DEBUG), what happens by itself for everybody (INFO), and above that what
somebody should look at.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import attrs

from loyalty.errors import ConcurrentUpdate, CorruptLedger
from loyalty.ports.observer import Ending, Operation, OperationKind, Outcome

__all__ = ["MOST_IDS", "Logs"]

MOST_IDS: Final = 20
"""How many ids of a kind a record has at most: a sweep or a batch may touch hundreds of accounts."""

_PACKAGE: Final = "loyalty"

logging.getLogger(_PACKAGE).addHandler(logging.NullHandler())


class Logs:
    """The observer that logs. Each command, sweep and query has a logger named after the module that defines it."""

    def __init__(self) -> None:
        """Know no operation yet."""
        self._watches: dict[Operation, _LogWatch] = {}

    def began(self, operation: Operation) -> _LogWatch:
        """Return the one watch over all such operations: it remembers nothing."""
        watch = self._watches.get(operation)
        if watch is None:
            watch = self._watches[operation] = _LogWatch(operation, logging.getLogger(_logger_name(operation)))
        return watch


@attrs.frozen
class _LogWatch:
    operation: Operation
    log: logging.Logger

    def lost_race(self, attempts: int) -> None:
        """Log a further attempt."""
        if self.log.isEnabledFor(logging.DEBUG):
            fields = {**_name_fields(self.operation), "loyalty_outcome": "lost_race", "loyalty_attempts": attempts}
            self.log.debug("%s lost a race; attempt %d", self.operation.name, attempts, extra=fields)

    def ended(self, ending: Ending) -> None:
        """Log how it ended."""
        level = _level(self.operation, ending)
        if self.log.isEnabledFor(level):
            fields = _fields(self.operation, ending)
            self.log.log(level, *_message(self.operation, ending), extra=fields)


def _logger_name(operation: Operation) -> str:
    """Return the module; what a host defines itself is logged below our own name, too."""
    is_ours = operation.module.partition(".")[0] == _PACKAGE
    return operation.module if is_ours else f"{_PACKAGE}.{operation.kind}"


def _level(operation: Operation, ending: Ending) -> int:
    if ending.is_failure:
        return _level_of_failure(ending)
    if ending.events.get("failed") or ending.events.get("given_up"):
        return logging.WARNING
    is_sweep = operation.kind is OperationKind.SWEEP and ending.outcome in {Outcome.COMMITTED, Outcome.JOINED}
    return logging.INFO if is_sweep or ending.events.get("delivered") else logging.DEBUG


def _level_of_failure(ending: Ending) -> int:
    if isinstance(ending.error, CorruptLedger):
        return logging.CRITICAL
    is_minor = isinstance(ending.error, ConcurrentUpdate) or ending.outcome == Outcome.INTERRUPTED
    return logging.WARNING if is_minor else logging.ERROR


def _message(operation: Operation, ending: Ending) -> tuple[object, ...]:
    """Return the format of the message, and what belongs in it."""
    milliseconds = ending.seconds * 1000
    if ending.events:
        numbers = ", ".join(f"{number} {what}" for what, number in ending.events.items())
        return "%s: %s in %.1f ms", operation.name, numbers, milliseconds
    if ending.is_failure:
        cause = ending.cause or type(ending.error).__name__
        failed = (operation.name, ending.outcome, cause, milliseconds)
        if ending.idempotency_key is None:
            return "%s: %s (%s) in %.1f ms", *failed
        return "%s: %s (%s) in %.1f ms, under the key %r", *failed, ending.idempotency_key
    if ending.event_id is not None:
        return "%s: %s as %s in %.1f ms", operation.name, ending.outcome, ending.event_id, milliseconds
    return "%s: %s in %.1f ms", operation.name, ending.outcome, milliseconds


def _fields(operation: Operation, ending: Ending) -> dict[str, Any]:
    """Return the fields of a record, without those that do not apply."""
    accounts = ending.account_ids
    fields: dict[str, Any] = {
        **_name_fields(operation),
        "loyalty_outcome": str(ending.outcome),
        "loyalty_seconds": ending.seconds,
        "loyalty_attempts": ending.attempts,
        "loyalty_event": ending.event,
        "loyalty_event_id": ending.event_id,
        "loyalty_accounts": len(accounts) or None,
        "loyalty_account_ids": accounts[:MOST_IDS] or None,
        "loyalty_hold_ids": ending.hold_ids[:MOST_IDS] or None,
        "loyalty_order_ids": ending.order_ids[:MOST_IDS] or None,
        "loyalty_error_type": ending.error_type,
        "loyalty_cause": ending.cause if ending.is_failure else None,
        "loyalty_idempotency_key": ending.idempotency_key if ending.is_failure else None,
        **{f"loyalty_{what}": number for what, number in ending.events.items()},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _name_fields(operation: Operation) -> dict[str, Any]:
    return {"loyalty_kind": str(operation.kind), "loyalty_operation": operation.name}
