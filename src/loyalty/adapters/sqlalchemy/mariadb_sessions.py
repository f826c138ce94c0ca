"""
What MariaDB must be told, and asked, before money moves on one of its connections.

Connections of our own engines are told when they are made. Those of a host's
engine stay as the host has them: they are asked once, and refused if texts
would be cut, changes would go uncounted, or tables have no transactions.
"""

from __future__ import annotations

from typing import Any, Final

from loyalty.adapters.sqlalchemy.driver import Driver, commits_by_itself
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import InvalidRequest

__all__ = ["CONNECT", "begin_change", "begin_snapshot", "configure", "require_safe", "require_version"]

OLDEST: Final = (10, 11)
CHARSET: Final = "utf8mb4"
CONNECT: Final[dict[str, Any]] = {"charset": CHARSET}
"""How our own engines connect."""

SQL_MODE: Final = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
STRICT: Final = frozenset({"STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"})
LONGEST_AGGREGATE: Final = 1 << 30
"""Bytes that rows may be put together to. MariaDB cuts what is longer."""

FOUND_ROWS: Final = 2
"""The flag of a connection that counts the rows an UPDATE found, and not those it made different."""

_LEVEL: Final = "loyalty isolation level"


def configure(connection: Any, _record: object) -> None:  # the driver's own connection
    """Set a connection of our own up: strict, at READ COMMITTED."""
    cursor = connection.cursor()
    cursor.execute(f"SET NAMES {CHARSET} COLLATE utf8mb4_nopad_bin")
    cursor.execute(f"SET SESSION sql_mode = '{SQL_MODE}'")
    cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    cursor.close()


def begin_change(driver: Driver, tables: Tables) -> None:
    """
    Let the next transaction of a connection be one in which money can be moved.

    Raises:
        loyalty.errors.InvalidRequest: As :func:`require_safe`.
    """
    if require_safe(driver, tables):
        driver.changed("ROLLBACK", [()])
    if driver.info[_LEVEL] != "READ-COMMITTED":
        driver.changed("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", [()])


def begin_snapshot(driver: Driver) -> None:
    """Let the next transaction of a connection be one that changes nothing and sees one state."""
    driver.changed("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", [()])


def require_safe(driver: Driver, tables: Tables | None) -> bool:
    """
    Refuse a connection, or tables, that would lose or change what is written.

    Args:
        driver:
            The connection.
        tables:
            What is written to; None to look at the connection alone, each time anew.

    Returns:
        Whether the server was asked, which it is once per connection and tables, and
        may be in a transaction since then.

    Raises:
        loyalty.errors.InvalidRequest: If the connection commits every statement by
            itself, does not count the rows an UPDATE found, or is not of utf8mb4; if
            the server is not MariaDB or too old, or not strict; if the session reads
            what is not committed; if a table is not InnoDB's.
    """
    _require_flags(driver.dbapi_connection)
    if tables is None:
        _require_settings(driver)
        return True
    key = f"loyalty is safe with {tables.metadata.schema}, {tables.prefix}"
    if key in driver.info:
        return False
    _require_settings(driver)
    _require_engine(driver, tables)
    driver.changed(f"SET SESSION group_concat_max_len = {LONGEST_AGGREGATE}", [()])
    driver.info[key] = True
    return True


def _require_flags(connection: Any) -> None:  # the driver's own connection
    if commits_by_itself(connection):
        raise InvalidRequest("the connection commits every statement by itself; money needs a transaction")
    # An async driver's own connection stands behind the one that SQLAlchemy made for it, and hides its flags.
    own = getattr(connection, "driver_connection", connection)
    if not getattr(own, "client_flag", getattr(own, "_client_flag", 0)) & FOUND_ROWS:
        raise InvalidRequest("connect with the flag CLIENT.FOUND_ROWS, as SQLAlchemy does by itself")
    if connection.character_set_name() != CHARSET:
        raise InvalidRequest(f"connect with charset={CHARSET}, so that every text can be kept")


def _require_settings(driver: Driver) -> None:
    version, modes, level = driver.rows("SELECT VERSION(), @@SESSION.sql_mode, @@SESSION.tx_isolation", ())[0]
    require_version(version)
    if STRICT.isdisjoint(modes.split(",")):
        raise InvalidRequest("set sql_mode to STRICT_TRANS_TABLES: without it MariaDB cuts texts and says nothing")
    if level == "READ-UNCOMMITTED":
        raise InvalidRequest("set the isolation level to READ COMMITTED: money is not moved by what may be undone")
    driver.info[_LEVEL] = level


def _require_engine(driver: Driver, tables: Tables) -> None:
    names = [table.name for table in tables.metadata.sorted_tables]
    others = driver.rows(
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = COALESCE(%s, DATABASE())"
        f" AND table_name IN ({', '.join(['%s'] * len(names))}) AND engine <> 'InnoDB'",
        (tables.metadata.schema, *names),
    )
    for name, engine in others:
        raise InvalidRequest(f"{name} is a table of {engine}, without transactions: ALTER TABLE {name} ENGINE = InnoDB")


def require_version(version: str) -> None:
    """
    Refuse a server by what it says that it is.

    Raises:
        loyalty.errors.InvalidRequest: If it is not MariaDB, or too old.
    """
    # Such as "10.11.18-MariaDB-0+deb12u1"; some servers put "5.5.5-" before it, for old clients.
    number, _, rest = version.removeprefix("5.5.5-").partition("-")
    if not rest.lower().startswith("mariadb"):
        raise InvalidRequest(f"the server is {version}; only MariaDB is supported, and not MySQL")
    if tuple(map(int, number.split(".")[:2])) < OLDEST:
        raise InvalidRequest(f"MariaDB {number} is too old; use {OLDEST[0]}.{OLDEST[1]} or newer")
