"""
Commands that are too long for one transaction: carried out step by step.

Each step is a command of its own, with its own transaction, receipt and event,
and no lock is held from one to the next. The first step is the command itself;
the receipts of the later ones stand under keys that are made of its key. So a
command that was cut off goes on where it stopped when it is executed again: the
steps that were done answer from their receipts, and the rest is carried out.
"""

from __future__ import annotations

from typing import TypeVar

import attrs

from loyalty import fields
from loyalty.plain import dumps
from loyalty.ports.receipt import step_key
from loyalty.use_cases.command import Command

__all__ = ["Step", "Stepwise"]

Result = TypeVar("Result")


@attrs.frozen(kw_only=True)
class Stepwise(Command[Result]):
    """
    A command that may need several steps. ``carry_out`` is the first one.

    A door executes the next step for as long as there is one, each by itself;
    inside a host's transaction all of them are part of it.
    """

    def next_step(self, so_far: Result) -> Command[Result] | None:
        """Return what is to be done after what was answered *so_far*; None at the end. Overridden."""
        raise NotImplementedError

    def together(self, so_far: Result, step: Result) -> Result:  # noqa: ARG002  # some commands need it
        """Return the answer to all steps, the last one included. By default the last one tells all."""
        return step


@attrs.frozen(kw_only=True)
class Step(Command[Result]):
    """
    A later step of a command. *number* tells it from the others under the same key.

    What the command says was checked against the receipt of the first step, so
    a later one is known by its number alone.
    """

    number: int = attrs.field(validator=fields.is_whole_number(1, 10**9))

    @property
    def receipt_key(self) -> str:
        """What the receipt stands under."""
        return step_key(self.idempotency_key, self.number)

    def content(self) -> bytes:
        """Return the step's number, as stable bytes for a keyed fingerprint."""
        return dumps([type(self).__name__, self.number]).encode()
