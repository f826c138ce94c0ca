"""What a SQLite file must be, and must have been told, before money is moved on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loyalty.adapters.sqlalchemy.failures import is_lost_race
from loyalty.adapters.sqlalchemy.finding import Finding, Kind
from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["CONNECTING", "rights", "settings", "version"]

OLDEST: Final = (3, 37, 0)
"""The first with STRICT tables, without which a column of numbers takes texts."""

CONNECTING = "check that it is a SQLite file, and that this process may write it and the directory it is in"

FULL: Final = 2
"""``PRAGMA synchronous``: a COMMIT waits for the disk. With less a power cut takes the last ones back."""


def version(connection: Connection) -> Iterator[Finding]:
    """Tell whether the library that Python uses is too old."""
    found: str = _asked(connection, "SELECT sqlite_version()")
    if tuple(map(int, found.split("."))) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield Finding(f"SQLite {found} is too old; run a Python whose sqlite3 has {oldest} or newer")


def settings(connection: Connection) -> Iterator[Finding]:
    """Tell what the host's engine did not set, or set wrong. Engines of our own are right."""
    if not _pragma(connection, "foreign_keys"):
        yield Finding("foreign keys are not checked; set PRAGMA foreign_keys = ON on every connection")
    if _pragma(connection, "ignore_check_constraints"):
        yield Finding("CHECK constraints are not checked; set PRAGMA ignore_check_constraints = OFF")
    if not _pragma(connection, "busy_timeout"):
        yield Finding("a lock is not waited for; connect with a timeout of some seconds, or set PRAGMA busy_timeout")
    if _pragma(connection, "encoding") != "UTF-8":
        yield Finding("texts are not kept as UTF-8, so ids sort in another order; make the file with that encoding")
    yield from _journal(connection)


def _journal(connection: Connection) -> Iterator[Finding]:
    if not _asked(connection, "SELECT file FROM pragma_database_list WHERE name = 'main'"):
        yield Finding("the database is in memory and ends with this process; name a file", Kind.FORGETFUL)
        return
    mode: str = _pragma(connection, "journal_mode")
    if mode in {"memory", "off"}:
        yield Finding(f"a process that dies destroys the file; set PRAGMA journal_mode = WAL, and not {mode.upper()}")
    if _pragma(connection, "synchronous") < FULL:
        told = "a power cut takes commits back; set PRAGMA synchronous = FULL on every connection"
        yield Finding(told, Kind.FORGETFUL)


def rights(connection: Connection, _tables: Tables, *, writes: bool) -> Iterator[Finding]:
    """Tell whether the file or its directory is read-only, by a write that is rolled back."""
    if not writes:
        return
    number = _pragma(connection, "user_version")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        # Writes a page even if the number stays as it is, and so needs a journal beside the file.
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
    except DBAPIError as error:
        if is_lost_race(error):
            raise
        yield Finding(f"nothing can be written ({error.orig}); {CONNECTING}")
    finally:
        connection.rollback()


def _pragma(connection: Connection, name: str) -> Any:  # a number or a text
    return _asked(connection, f"PRAGMA {name}")


def _asked(connection: Connection, statement: str) -> Any:  # as above
    return connection.exec_driver_sql(statement).scalar()
