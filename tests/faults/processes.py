"""
Processes that may be killed, started quickly.

A server is started once, with everything loaded that takes long to load, and
forks each process from there: before it has any thread, connection or engine,
so nothing of the tests is shared with it.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from functools import cache
from typing import Any

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.testing.kit.case import Stand

__all__ = ["context", "lives_through", "url_of"]


@cache
def context() -> Any:
    """Return what processes are made by; see :mod:`multiprocessing`."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(
        ["loyalty.adapters.sqlalchemy", "loyalty.testing", "loyalty.testing.kit.replays", "sqlalchemy.event", "psycopg"]
    )
    return made


def lives_through(work: Callable[..., None], *given: object) -> bool:
    """Do some work in a process; return whether it came to its end, or was killed on the way."""
    process = context().Process(target=work, args=given, daemon=True)
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return bool(process.exitcode == 0)


def url_of(stand: Stand) -> str:
    """Return where a shop's books are, for another process."""
    assert isinstance(stand.storage, SqlAlchemyStorage)
    return stand.storage.engine.url.render_as_string(hide_password=False)
