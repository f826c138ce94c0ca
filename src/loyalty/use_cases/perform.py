"""
The frame around every command: carry out, write with the receipt, or answer again.

The uniqueness of a key is decided by the receipt's own insert, in the same
statement or transaction as the effect; nothing is looked up first. A known key
shows in one of two ways: the write says so, or the rules refuse because the
first call already did it. Then the receipt is read and answers.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import attrs

from loyalty.errors import ConcurrentUpdate, DuplicateRecord, IdempotencyConflict, InvalidRequest, NotFound, Refused
from loyalty.plain import decode, dumps, encode
from loyalty.policies.decision import Decision
from loyalty.ports.changes import Changes
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome, Request, Sweep

__all__ = ["Performed", "perform", "perform_sweep"]

Result = TypeVar("Result")

_NAMED: Final = ("batch_id", "import_id", "order_id", "product_id")
"""The fields of events that name what they are about, beside what changed."""


@attrs.frozen(kw_only=True)
class Performed(Generic[Result]):
    """
    What one attempt came to: the result for the host, and what there is to be told about it.

    ``receipt`` is the one that was written, or in a replay the one that was
    there; None if there was nothing to write. ``changes`` is what was written.
    """

    result: Result
    receipt: Receipt | None = None
    changes: Changes | None = None
    is_replay: bool = False


def perform(command: Command[Result], uow: UnitOfWork, context: Context) -> Performed[Result]:
    """
    Carry out *command*, once for its key; if there is nothing to write, the key is not used up.

    Returns:
        The command's result; for a known key with the same content, an equal
        result and nothing is changed.

    Raises:
        loyalty.errors.IdempotencyConflict: If the key was used for other content.
        loyalty.errors.LoyaltyError: What the command's own rules raise.
    """
    try:
        outcome = command.carry_out(uow, context)
    except (Refused, NotFound, InvalidRequest, DuplicateRecord):
        known = uow.receipt(command.receipt_key)
        if known is None:
            raise
        return _answer_again(command, known, context)
    if outcome.event is None:
        return Performed(result=outcome.result)
    receipt = _receipt(command, outcome, context)
    if uow.write(attrs.evolve(outcome.changes, receipt=receipt)):
        return Performed(result=outcome.result, receipt=receipt, changes=outcome.changes)
    known = uow.receipt(command.receipt_key)
    if known is None:
        raise ConcurrentUpdate("another call with the same idempotency key is being committed")
    return _answer_again(command, known, context)


def perform_sweep(sweep: Sweep[Result], uow: UnitOfWork, context: Context) -> Performed[Result]:
    """Carry out *sweep*; if there is nothing to do, nothing is written."""
    outcome = sweep.carry_out(uow, context)
    if outcome.event is None:
        return Performed(result=outcome.result)
    receipt = _receipt(sweep, outcome, context)
    if not uow.write(attrs.evolve(outcome.changes, receipt=receipt)):
        raise ConcurrentUpdate("another sweep is doing the same")
    return Performed(result=outcome.result, receipt=receipt, changes=outcome.changes)


def _receipt(request: Request[Result], outcome: Outcome[Result], context: Context) -> Receipt:
    command = request if isinstance(request, Command) else None
    return Receipt(
        id=context.new_id(),
        idempotency_key=outcome.once_under if command is None else command.receipt_key,
        command=type(request).__name__,
        fingerprint=None if command is None else context.code_keys.fingerprint(command.content()),
        fingerprint_key_id=None if command is None else context.code_keys.current_id,
        result=dumps(encode(outcome.result)),
        event=type(outcome.event).__name__,
        event_data=dumps(encode(outcome.event)),
        recorded_at=context.now,
        decisions=_decisions_text(outcome.decisions),
        about=_about(outcome),
    )


def _about(outcome: Outcome[Any]) -> tuple[str, ...]:
    """Return what events are kept in order by: the accounts that changed, and what else the event is about."""
    changes = outcome.changes
    accounts = {change.after.id for change in changes.accounts}
    accounts.update(account.id for account in changes.new_accounts())
    accounts.update(filter(None, [getattr(outcome.event, "account_id", None)]))
    named = {f"{name} {id_}" for name in _NAMED if (id_ := getattr(outcome.event, name, None)) is not None}
    return tuple(sorted({*accounts, *outcome.also_about, *named}))


@lru_cache(maxsize=256)
def _decisions_text(decisions: tuple[Decision, ...]) -> str | None:
    """Return the decisions as a receipt keeps them; most commands of a shop make the same ones."""
    return dumps(encode(decisions)) if decisions else None


def _answer_again(command: Command[Result], known: Receipt, context: Context) -> Performed[Result]:
    fingerprint = context.code_keys.fingerprint(command.content(), known.fingerprint_key_id)
    if known.command != type(command).__name__ or known.fingerprint != fingerprint:
        raise IdempotencyConflict(idempotency_key=command.idempotency_key)
    result = command.replayed(decode(command.result_type, json.loads(known.result)), context)
    return Performed(result=result, receipt=known, is_replay=True)
