"""
Ends a process at a chosen place of a command: at a statement, around its commit, or at any moment.

It stands between the transactions and whatever driver they use, so it cuts on
every kind of database alike.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any

import attrs
from sqlalchemy import Engine

from loyalty.adapters.sqlalchemy import connecting, transactions
from loyalty.adapters.sqlalchemy.driver import Driver, Parameters, Rows

__all__ = ["Cut", "Knife"]

LONGER = 1.2
"""A moment is drawn from a little more than a command takes: what comes after its commit is cut, too."""


class Cut(StrEnum):
    """Where a process ends."""

    AT_A_STATEMENT = "at a statement"
    BEFORE_THE_COMMIT = "before the commit"
    AFTER_THE_COMMIT = "after the commit"
    AT_ANY_MOMENT = "at any moment"


class _Rehearsed(Exception):
    """The work is done but for its commit."""


@attrs.define
class Knife:
    """Counts the statements of this process's transactions, and cuts."""

    statements: int = 0
    at_statement: int | None = None
    cut: Cut | None = None
    is_rehearsal: bool = False

    @classmethod
    def drawn(cls) -> Knife:
        """Return one that hears of every statement of this process from now on."""
        knife = cls()

        @contextmanager
        def watched(engine: Engine) -> Iterator[Driver]:
            with connecting.connected(engine) as driver:
                yield _Watched(driver, knife)

        # A process of its own, which is about to end: nobody else sees the difference.
        vars(transactions)["connected"] = watched
        return knife

    def cutting(self, cut: Cut, share: float, work: Callable[[], object]) -> None:
        """
        Do *work* up to its commit, which tells how long it is; then do it, and end there.

        *share* from 0 to 1 says at which of the statements, or when.
        """
        self._rehearse(work)  # connects, and so is longer than the second
        lasted = self._rehearse(work)
        self.cut = cut
        if cut is Cut.AT_A_STATEMENT:
            self.at_statement = 1 + int(share * self.statements)
        elif cut is Cut.AT_ANY_MOMENT:
            # Not our own doing, so it comes in the middle of anything. Python leaves this signal to the system.
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, share * LONGER * lasted))
        self.statements = 0
        work()

    def _rehearse(self, work: Callable[[], object]) -> float:
        """Do *work* up to its commit; return how many seconds that took."""
        self.is_rehearsal, self.statements = True, 0
        began = time.perf_counter()
        with suppress(_Rehearsed):
            work()
        self.is_rehearsal = False
        return time.perf_counter() - began

    def statement(self) -> None:
        """Hear of a statement that is about to be run."""
        self.statements += 1
        if self.statements == self.at_statement:
            _end()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Hear of a commit."""
        if self.is_rehearsal:
            raise _Rehearsed
        if self.cut is Cut.BEFORE_THE_COMMIT:
            _end()
        yield
        if self.cut is Cut.AFTER_THE_COMMIT:
            _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Watched:
    """A driver that tells the knife what it does."""

    def __init__(self, driver: Driver, knife: Knife) -> None:
        self._driver = driver
        self._knife = knife

    def rows(self, text: str, parameters: Parameters) -> Rows:
        self._knife.statement()
        return self._driver.rows(text, parameters)

    def stream(self, text: str, parameters: Parameters) -> Iterable[Sequence[Any]]:
        self._knife.statement()
        return self._driver.stream(text, parameters)

    def changed(self, text: str, rows: Sequence[Parameters]) -> int:
        self._knife.statement()
        return self._driver.changed(text, rows)

    def commit(self) -> None:
        with self._knife.commit():
            self._driver.commit()

    @property
    def dbapi_connection(self) -> Any:  # whatever the driver has
        return self._driver.dbapi_connection

    @property
    def info(self) -> dict[Any, Any]:
        return self._driver.info
