"""What a PostgreSQL server must be, and must have been told, before money is moved on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Row, table, text

from loyalty.adapters.sqlalchemy.finding import Finding, Kind, listed
from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["CONNECTING", "rights", "settings", "version"]

OLDEST: Final = 11
"""
The first that takes ``CREATE TRIGGER … EXECUTE FUNCTION``, by which transfers are guarded.

The statement budgets, limits, large writes, erasing and revisions pass on 11.22; every change is tested on a newer one.
"""

CONNECTING = "check the host, the port, the name of the database, the user and the password"

SETTINGS: Final = (
    "fsync",
    "full_page_writes",
    "server_encoding",
    "session_replication_role",
    "synchronous_commit",
    "synchronous_standby_names",
    "transaction_read_only",
)

READING: Final = ("SELECT",)
WRITING: Final = ("SELECT", "INSERT", "UPDATE")
"""What is done with our tables. No command deletes a row."""

LACKING: Final = text("""
    SELECT name || ': ' || allowed FROM unnest(CAST(:names AS text[]), CAST(:rights AS text[])) AS needed(name, allowed)
    WHERE NOT CASE allowed WHEN 'USAGE' THEN has_sequence_privilege(to_regclass(name), allowed)
                           ELSE has_table_privilege(to_regclass(name), allowed) END
""")
"""Nothing about what is not there: missing tables are told of elsewhere."""


def version(connection: Connection) -> Iterator[Finding]:
    """Tell whether the server is too old."""
    asked = "SELECT current_setting('server_version_num'), current_setting('server_version')"
    number, said = connection.exec_driver_sql(asked).one()
    if int(number) < OLDEST * 10_000:
        yield Finding(f"PostgreSQL {said} is too old; use {OLDEST} or newer")


def settings(connection: Connection) -> Iterator[Finding]:
    """Tell what this session would lose, or could not keep."""
    asked = ", ".join(f"current_setting('{name}') AS {name}" for name in SETTINGS)
    told = connection.exec_driver_sql(f"SELECT {asked}, pg_is_in_recovery() AS is_standby").one()
    yield from _unusable(told)
    yield from _forgetful(told)


def _unusable(told: Row[tuple[str, ...]]) -> Iterator[Finding]:
    if told.is_standby:
        yield Finding("this is a standby, on which nothing can be written; connect to the primary")
    elif told.transaction_read_only == "on":
        yield Finding("transactions are read-only; set default_transaction_read_only = off for this role or database")
    if told.session_replication_role == "replica":
        yield Finding("triggers and foreign keys are not checked; set session_replication_role = origin")
    if told.server_encoding != "UTF8":
        yield Finding(f"{told.server_encoding} cannot keep every text; create the database with ENCODING 'UTF8'")


def _forgetful(told: Row[tuple[str, ...]]) -> Iterator[Finding]:
    for name in ("fsync", "full_page_writes"):
        if getattr(told, name) == "off":
            yield Finding(f"a crash of the server takes commits back; set {name} = on", Kind.FORGETFUL)
    waits_for_nobody = told.synchronous_commit == "local" and told.synchronous_standby_names
    if told.synchronous_commit == "off" or waits_for_nobody:
        yield Finding(
            f"commits are acknowledged too early; set synchronous_commit = on (it is {told.synchronous_commit})",
            Kind.FORGETFUL,
        )


def rights(connection: Connection, tables: Tables, *, writes: bool) -> Iterator[Finding]:
    """Tell what this role was not granted."""
    schema = tables.metadata.schema
    usable = text("SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = :schema")
    if schema is not None and connection.execute(usable, {"schema": schema}).scalar() is False:
        yield Finding(f"this role may not look into the schema {schema}; GRANT USAGE ON SCHEMA to it")
        return
    wanted = WRITING if writes else READING
    needed = [(ours.name, right) for ours in tables.metadata.sorted_tables for right in wanted]
    needed.append((f"{tables.prefix}version", "SELECT"))
    if writes:
        needed.append((f"{tables.receipt.name}_position", "USAGE"))
    quoted = connection.dialect.identifier_preparer.format_table
    names = [quoted(table(name, schema=schema)) for name, _ in needed]
    lacking = connection.scalars(LACKING, {"names": names, "rights": [right for _, right in needed]}).all()
    if lacking:
        yield Finding(f"this role may not do all it must ({listed(lacking)}); GRANT that to it")
