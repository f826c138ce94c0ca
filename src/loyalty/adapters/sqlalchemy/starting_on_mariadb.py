"""What a MariaDB server must be, and must have been told, before money is moved on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from loyalty.adapters.sqlalchemy.driver import ThroughSqlAlchemy
from loyalty.adapters.sqlalchemy.failures import finds_nothing_to_ask, lacks_rights
from loyalty.adapters.sqlalchemy.finding import Finding, Kind, listed
from loyalty.adapters.sqlalchemy.mariadb_sessions import require_safe, require_version
from loyalty.adapters.sqlalchemy.statements import names
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import InvalidRequest

__all__ = ["CONNECTING", "rights", "settings", "version"]

CONNECTING = "check the host, the port, the name of the database, the user and the password"

CHECKS: Final = ("foreign_key_checks", "unique_checks", "check_constraint_checks")
"""What a session may switch off, as those do that load a dump."""

DURABLE: Final = (("innodb_flush_log_at_trx_commit", 1), ("innodb_doublewrite", 1))
"""Settings of the server, and what they must be for a commit to outlive a power cut."""


def version(connection: Connection) -> Iterator[Finding]:
    """Tell whether the server is another one, or too old."""
    try:
        require_version(str(connection.exec_driver_sql("SELECT VERSION()").scalar()))
    except InvalidRequest as error:
        yield Finding(str(error))


def settings(connection: Connection) -> Iterator[Finding]:
    """Tell what this session would lose, or could not keep."""
    try:
        require_safe(ThroughSqlAlchemy(connection), None)
    except InvalidRequest as error:
        yield Finding(str(error))
    asked = [*(f"@@SESSION.{name}" for name in CHECKS), "@@GLOBAL.read_only", "@@SESSION.tx_read_only"]
    *checks, read_only, tx_read_only = connection.exec_driver_sql(f"SELECT {', '.join(asked)}").one()
    for name, is_on in zip(CHECKS, checks, strict=True):
        if not is_on:
            yield Finding(f"constraints are not checked; set {name} = ON")
    if read_only or tx_read_only:
        yield Finding("nothing can be written here; connect to the primary, or set read_only = OFF")
    kept = connection.exec_driver_sql(f"SELECT {', '.join(f'@@GLOBAL.{name}' for name, _ in DURABLE)}").one()
    for (name, wanted), found in zip(DURABLE, kept, strict=True):
        if found != wanted:
            yield Finding(f"a crash of the server takes commits back; set {name} = {wanted}", Kind.FORGETFUL)


def rights(connection: Connection, tables: Tables, *, writes: bool) -> Iterator[Finding]:
    """Tell what this user was not granted, by statements that find no row; and which tables have no transactions."""
    lacking = []
    for table in tables.metadata.sorted_tables:
        for right, statement in _needed(connection, table, writes=writes):
            try:
                connection.exec_driver_sql(statement)
            except DBAPIError as error:
                if finds_nothing_to_ask(error):  # which is told of elsewhere
                    continue
                if not lacks_rights(error):
                    raise
                lacking.append(f"{table.name}: {right}")
    connection.rollback()
    if lacking:
        yield Finding(f"this user may not do all it must ({listed(lacking)}); GRANT that to it")
    elif writes:
        yield from _engines(connection, tables)


def _engines(connection: Connection, tables: Tables) -> Iterator[Finding]:
    try:
        require_safe(ThroughSqlAlchemy(connection), tables)
    except InvalidRequest as error:
        yield Finding(str(error))
    connection.rollback()


def _needed(connection: Connection, table: Table, *, writes: bool) -> Iterator[tuple[str, str]]:
    name, columns = connection.dialect.identifier_preparer.format_table(table), names(table)
    quoted = ", ".join(f"`{column}`" for column in columns)
    yield "SELECT", f"SELECT {quoted} FROM {name} WHERE 1 = 0"
    if writes:
        yield "INSERT", f"INSERT INTO {name} ({quoted}) SELECT {quoted} FROM {name} WHERE 1 = 0"
        yield "UPDATE", f"UPDATE {name} SET `{columns[0]}` = `{columns[0]}` WHERE 1 = 0"
