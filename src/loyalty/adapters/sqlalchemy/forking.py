"""
What a forked process must not share with the one that it came from.

Servers load the application, and then fork their workers. A connection that
two processes use mixes up their transactions, and a lock that another thread
held at that moment is never given back. So in a forked process every storage
begins with an empty pool and locks of its own.

SQLite itself does not survive a fork in the middle of a write, as a thread may
be: fork before, or between.
"""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet

from sqlalchemy import Engine
from sqlalchemy.pool import Pool, StaticPool

__all__ = ["Forkable", "leave_connections", "when_forked"]


class Forkable(Protocol):
    """A storage that begins anew in a forked process."""

    def begin_anew(self) -> None:
        """Share nothing with the process that this one came from."""
        ...


_STORAGES: Final[WeakSet[Forkable]] = WeakSet()
_INHERITED: Final[list[Pool]] = []
"""Kept for ever: closing a connection here would end it for the process that it belongs to."""


def when_forked(storage: Forkable) -> None:
    """Let *storage* begin anew in every process that is forked from this one, as long as it is used."""
    _STORAGES.add(storage)


def leave_connections(engine: Engine) -> None:
    """
    Leave all pooled connections to the process that this one came from.

    A database in memory is not shared: the forked process has a copy of its own.
    """
    if engine.dialect.name == "sqlite" and isinstance(engine.pool, StaticPool):
        return
    _INHERITED.append(engine.pool)
    engine.dispose(close=False)


def _begin_anew() -> None:
    for storage in list(_STORAGES):
        storage.begin_anew()


if hasattr(os, "register_at_fork"):  # not on every system are there forks
    os.register_at_fork(after_in_child=_begin_anew)
