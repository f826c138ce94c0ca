"""A process that ends in the middle of a command of several steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from loyalty.ports.storage import Reader, Storage, UnitOfWork

__all__ = ["CutOff", "CutOffStorage"]

Result = TypeVar("Result")


class CutOff(Exception):
    """The process ended between two pieces of work."""


@attrs.define
class CutOffStorage:
    """
    A storage whose process ends after so many pieces of work: what is asked of it then fails.

    On it a command of several steps is left half done.
    """

    storage: Storage
    pieces: int

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run *work*, if it is not too late."""
        if self.pieces == 0:
            raise CutOff
        self.pieces -= 1
        return self.storage.run(work)

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question*."""
        return self.storage.read(question)
