"""What the errors of databases mean, at one place."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from loyalty.errors import ConcurrentUpdate, CorruptLedger, DuplicateRecord, LoyaltyError, StorageUnavailable

__all__ = ["is_lost_race", "is_outcome_unknown", "lacks_rights", "translated"]

LOST_RACES = frozenset({"40001", "40P01"})
"""SQLSTATE of a serialization failure and of a deadlock: the server rolled back; try again."""

CONSTRAINTS = "23"
UNIQUE = "23505"
NOT_ALLOWED = "42501"
ROLLED_BACK_CLASSES = frozenset({"22", "23", "25", "40", "42", "53", "54", "55"})
"""SQLSTATE classes with which a server that answers a COMMIT says that it did not happen."""

SQLITE_LOST_RACES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
SQLITE_ROLLED_BACK = SQLITE_LOST_RACES | {sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_READONLY}
SQLITE_UNIQUE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
PRIMARY_CODE = 0xFF


def is_lost_race(error: DBAPIError) -> bool:
    """Tell whether the database gave the race to another transaction, so that trying again helps."""
    code = _sqlite_code(error)
    if code is not None:
        return code & PRIMARY_CODE in SQLITE_LOST_RACES
    return _sqlstate(error) in LOST_RACES


def is_outcome_unknown(error: DBAPIError | OSError) -> bool:
    """Tell whether a COMMIT that failed with *error* may have happened all the same."""
    if isinstance(error, OSError):
        return True
    code = _sqlite_code(error)
    if code is not None:
        return code & PRIMARY_CODE not in SQLITE_ROLLED_BACK
    state = _sqlstate(error)
    return state is None or state[:2] not in ROLLED_BACK_CLASSES


def lacks_rights(error: object) -> bool:
    """Tell whether the database refused because it was not allowed."""
    if not isinstance(error, DBAPIError):
        return False
    code = _sqlite_code(error)
    return code & PRIMARY_CODE == sqlite3.SQLITE_READONLY if code is not None else _sqlstate(error) == NOT_ALLOWED


def translated(error: SQLAlchemyError | OSError) -> LoyaltyError:
    """
    Return our error for an error of the database or its driver. The message holds no data.

    Async drivers raise the network's own errors, refused connections and
    time-outs among them, as they are.
    """
    if not isinstance(error, DBAPIError):
        return StorageUnavailable(f"the database cannot be used: {type(error).__name__}")
    if is_lost_race(error):
        return ConcurrentUpdate("the database gave the race to another transaction")
    if isinstance(error, IntegrityError) or (_sqlstate(error) or "").startswith(CONSTRAINTS):
        return _broken_constraint(error)
    return StorageUnavailable(f"the database refused: {_first_line(error)}")


def _broken_constraint(error: DBAPIError) -> LoyaltyError:
    if _sqlstate(error) == UNIQUE or _sqlite_code(error) in SQLITE_UNIQUE:
        return DuplicateRecord("a record with the same unique value is already there")
    return CorruptLedger("a constraint of the database stopped a change that the rules allowed")


def _first_line(error: DBAPIError) -> str:
    """Return what the driver said, without the statement and its parameters."""
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return lines[0][:200]


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None
