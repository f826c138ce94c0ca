"""What the errors of databases mean, at one place."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from loyalty.errors import ConcurrentUpdate, CorruptLedger, DuplicateRecord, LoyaltyError, StorageUnavailable

__all__ = [
    "duplicate_key",
    "finds_nothing_to_ask",
    "has_ended_transaction",
    "is_lost_race",
    "is_outcome_unknown",
    "lacks_rights",
    "translated",
]

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

MARIADB_ENDED = frozenset({1020, 1213})
"""A row that changed since the snapshot, and a deadlock or a failed certification: the server rolled back."""
MARIADB_LOST_RACES = MARIADB_ENDED | {1205}
"""Also a lock that was waited for too long, after which the transaction is still there."""
MARIADB_NO_SAVEPOINT = 1305
"""What a server answers to the rollback to a savepoint, after it has rolled back the whole transaction by itself."""
MARIADB_UNIQUE = 1062
MARIADB_CONSTRAINTS = frozenset({1048, 1451, 1452, 4025})
"""A NULL that must not be, both sides of a foreign key, and a check."""
MARIADB_ROLLED_BACK = MARIADB_LOST_RACES | MARIADB_CONSTRAINTS | {MARIADB_UNIQUE, 1290, 1792}
"""With these a server that answers a COMMIT says that it did not happen; the last are read-only modes."""
MARIADB_NOT_ALLOWED = frozenset({1044, 1142, 1143, 1227, 1290})
"""No right to the database, the table, a column or the action, and a server that is read-only."""
MARIADB_NOTHING_TO_ASK = frozenset({1146, 1054, 1290, 1792})
"""No such table, no such column, a read-only server, a read-only transaction."""
_MARIADB_KEY = re.compile("for key '([^']*)'$")


def is_lost_race(error: DBAPIError) -> bool:
    """Tell whether the database gave the race to another transaction, so that trying again helps."""
    code = _sqlite_code(error)
    if code is not None:
        return code & PRIMARY_CODE in SQLITE_LOST_RACES
    if (code := _mariadb_code(error)) is not None:
        return code in MARIADB_LOST_RACES or code == MARIADB_NO_SAVEPOINT
    return _sqlstate(error) in LOST_RACES


def is_outcome_unknown(error: DBAPIError | OSError) -> bool:
    """Tell whether a COMMIT that failed with *error* may have happened all the same."""
    if isinstance(error, OSError):
        return True
    code = _sqlite_code(error)
    if code is not None:
        return code & PRIMARY_CODE not in SQLITE_ROLLED_BACK
    if (code := _mariadb_code(error)) is not None:
        return code not in MARIADB_ROLLED_BACK
    state = _sqlstate(error)
    return state is None or state[:2] not in ROLLED_BACK_CLASSES


def lacks_rights(error: object) -> bool:
    """Tell whether the database refused because it was not allowed."""
    if not isinstance(error, DBAPIError):
        return False
    if (code := _sqlite_code(error)) is not None:
        return code & PRIMARY_CODE == sqlite3.SQLITE_READONLY
    return _sqlstate(error) == NOT_ALLOWED or _mariadb_code(error) in MARIADB_NOT_ALLOWED


def finds_nothing_to_ask(error: DBAPIError) -> bool:
    """Tell whether MariaDB said that a table or column is not there, or that nothing at all can be written."""
    return _mariadb_code(error) in MARIADB_NOTHING_TO_ASK


def has_ended_transaction(error: DBAPIError) -> bool:
    """Tell whether the database rolled back the whole transaction, and would begin a new one without being asked."""
    return _mariadb_code(error) in {*MARIADB_ENDED, MARIADB_NO_SAVEPOINT}


def duplicate_key(error: DBAPIError) -> str | None:
    """Return the name of the unique key that MariaDB says a row broke; None for any other error."""
    if _mariadb_code(error) != MARIADB_UNIQUE:
        return None
    # The message repeats the value, which may be any text, so only its end is read.
    found = _MARIADB_KEY.search(_mariadb_text(error))
    return None if found is None else found[1]


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
    if (
        isinstance(error, IntegrityError)
        or (_sqlstate(error) or "").startswith(CONSTRAINTS)
        or _mariadb_code(error) in MARIADB_CONSTRAINTS
    ):
        return _broken_constraint(error)
    return StorageUnavailable(f"the database refused: {_first_line(error)}")


def _broken_constraint(error: DBAPIError) -> LoyaltyError:
    if _sqlstate(error) == UNIQUE or _sqlite_code(error) in SQLITE_UNIQUE or _mariadb_code(error) == MARIADB_UNIQUE:
        return DuplicateRecord("a record with the same unique value is already there")
    return CorruptLedger("a constraint of the database stopped a change that the rules allowed")


def _first_line(error: DBAPIError) -> str:
    """Return what the driver said, without the statement and its parameters."""
    said = str(error.orig)
    if (code := _mariadb_code(error)) is not None:
        # What MariaDB quotes may be a value, or part of a statement into which the driver wrote its values.
        said = f"{code} {_mariadb_text(error)}".partition("'")[0]
    lines = said.strip().splitlines() or [type(error.orig).__name__]
    return lines[0][:200]


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None


def _mariadb_code(error: DBAPIError) -> int | None:
    arguments: tuple[object, ...] = getattr(error.orig, "args", ())
    return arguments[0] if len(arguments) > 1 and isinstance(arguments[0], int) else None


def _mariadb_text(error: DBAPIError) -> str:
    return "" if error.orig is None else str(error.orig.args[1])
