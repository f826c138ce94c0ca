"""
The database's own refusal to change or delete a transfer.

One change is let through: where a text beside a transfer named a person who is
forgotten, the fixed word for that may take its place. Whoever else changes
anything, by whatever program, is refused by the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import Connection, Table, text

from loyalty.adapters.sqlalchemy.dialects import MARIADB, POSTGRESQL, SQLITE, database_of, in_backticks
from loyalty.ledger.transfer import ERASED, ERASED_METADATA

__all__ = ["PERSONAL_TEXTS", "guard_wholly", "renew_guard", "unguard"]

PERSONAL_TEXTS: Final = ("actor", "reason", "note", "reference_id", "metadata")
"""The columns of a transfer in which a person may be named."""

REFUSED: Final = "transfers are append-only"


def renew_guard(connection: Connection, transfer: Table) -> None:
    """Put this version's guard in the place of an older one, if there is one."""
    renew = {SQLITE: _renew_on_sqlite, POSTGRESQL: _renew_on_postgresql, MARIADB: _renew_on_mariadb}
    renew[database_of(connection.dialect)](connection, transfer)


def guard_wholly(connection: Connection, transfer: Table) -> None:
    """Make the guard of the first version, which lets nothing through at all; if there is none yet."""
    if not _has_trigger(connection, transfer, {SQLITE: "no_update", POSTGRESQL: "append_only", MARIADB: "no_update"}):
        whole = {SQLITE: _wholly_on_sqlite, POSTGRESQL: _wholly_on_postgresql, MARIADB: _wholly_on_mariadb}
        for statement in whole[database_of(connection.dialect)](transfer):
            connection.exec_driver_sql(statement)


def unguard(connection: Connection, transfer: Table) -> None:
    """Take the guard away, to put another one there or because the table goes."""
    of_database = {SQLITE: _dropped_on_sqlite, POSTGRESQL: _dropped_on_postgresql, MARIADB: _dropped_on_mariadb}
    for statement in of_database[database_of(connection.dialect)](transfer):
        connection.exec_driver_sql(statement)


def _has_trigger(connection: Connection, transfer: Table, ends: Mapping[str, str]) -> bool:
    """Tell whether the trigger is there whose name ends so on this kind of database."""
    # Statements of SQLAlchemy's and not a driver's, for each driver marks its parameters in another way.
    known = {
        SQLITE: "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table AND name = :trigger",
        POSTGRESQL: "SELECT count(*) FROM pg_trigger"
        " WHERE tgrelid = CAST(CAST(:table AS TEXT) AS regclass) AND tgname = :trigger",
        MARIADB: f"SELECT count(*) FROM {_TRIGGERS_ON_MARIADB} AND trigger_name = :trigger",
    }
    database = database_of(connection.dialect)
    given: dict[str, str | None] = {"table": _full_name(transfer), "trigger": f"{transfer.name}_{ends[database]}"}
    if database == MARIADB:
        given |= {"table": transfer.name, "schema": transfer.schema}
    return bool(connection.execute(text(known[database]), given).scalar())


# --- SQLite -----------------------------------------------------------------


def _wholly_on_sqlite(transfer: Table) -> Iterator[str]:
    yield _refusing_on_sqlite(transfer, "update", "")
    yield _refusing_on_sqlite(transfer, "delete", "")


def _dropped_on_sqlite(transfer: Table) -> Iterator[str]:
    for end in ("no_update", "no_delete"):
        yield f"DROP TRIGGER IF EXISTS {transfer.name}_{end}"


def _refusing_on_sqlite(transfer: Table, verb: str, unless: str) -> str:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    before = f"BEFORE {verb.upper()} ON {_full_name(transfer)}"
    return f"CREATE TRIGGER {transfer.name}_no_{verb} {before} {unless}{refuse}"


def _renew_on_sqlite(connection: Connection, transfer: Table) -> None:
    wanted = _refusing_on_sqlite(transfer, "update", f"WHEN NOT ({_only_erases(transfer, 'IS')}) ")
    known = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = :trigger")
    if connection.execute(known, {"trigger": f"{transfer.name}_no_update"}).scalar() != wanted:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {transfer.name}_no_update")
        connection.exec_driver_sql(wanted)


# --- PostgreSQL -------------------------------------------------------------


def _wholly_on_postgresql(transfer: Table) -> Iterator[str]:
    yield _refusing_function(transfer, "append_only")
    yield _refusing_statements(transfer, "UPDATE OR DELETE OR TRUNCATE")


def _dropped_on_postgresql(transfer: Table) -> Iterator[str]:
    for end in ("append_only", "only_erased"):
        yield f"DROP TRIGGER IF EXISTS {transfer.name}_{end} ON {_full_name(transfer)}"
        yield f"DROP FUNCTION IF EXISTS {_function(transfer, end)}"


def _renew_on_postgresql(connection: Connection, transfer: Table) -> None:
    if not _has_trigger(connection, transfer, {"postgresql": "only_erased"}):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {transfer.name}_append_only ON {_full_name(transfer)}")
        for statement in _but_for_erased_on_postgresql(transfer):
            connection.exec_driver_sql(statement)


def _but_for_erased_on_postgresql(transfer: Table) -> Iterator[str]:
    yield _refusing_function(transfer, "append_only")
    yield _refusing_function(transfer, "only_erased", f"IF {_only_erases_on_postgresql()} THEN RETURN NEW; END IF; ")
    yield _refusing_statements(transfer, "DELETE OR TRUNCATE")
    yield (
        f"CREATE TRIGGER {transfer.name}_only_erased BEFORE UPDATE ON {_full_name(transfer)}"
        f" FOR EACH ROW EXECUTE FUNCTION {_function(transfer, 'only_erased')}"
    )


def _refusing_function(transfer: Table, end: str, unless: str = "") -> str:
    body = f"BEGIN {unless}RAISE EXCEPTION '{REFUSED}'; END"
    return f"CREATE OR REPLACE FUNCTION {_function(transfer, end)} RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"


def _refusing_statements(transfer: Table, verbs: str) -> str:
    return (
        f"CREATE TRIGGER {transfer.name}_append_only BEFORE {verbs} ON {_full_name(transfer)}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {_function(transfer, 'append_only')}"
    )


def _only_erases_on_postgresql() -> str:
    texts = ", ".join(f"'{name}'" for name in PERSONAL_TEXTS)
    kept = f"to_jsonb(NEW) - ARRAY[{texts}] = to_jsonb(OLD) - ARRAY[{texts}]"
    erased = [
        f"(NEW.{name} IS NOT DISTINCT FROM OLD.{name} OR (OLD.{name} IS NOT NULL AND NEW.{name} = '{_word_for(name)}'))"
        for name in PERSONAL_TEXTS
    ]
    return " AND ".join([kept, *erased])


def _function(transfer: Table, end: str) -> str:
    schema = f'"{transfer.schema}".' if transfer.schema else ""
    return f"{schema}{transfer.name}_{end}()"


# --- MariaDB ----------------------------------------------------------------
# TRUNCATE asks no trigger there; it asks for the right to DROP.

REFUSE_ON_MARIADB: Final = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{REFUSED}'"
_TRIGGERS_ON_MARIADB: Final = (
    "information_schema.triggers"
    " WHERE event_object_schema = COALESCE(:schema, DATABASE()) AND event_object_table = :table"
)


def _wholly_on_mariadb(transfer: Table) -> Iterator[str]:
    for verb in ("update", "delete"):
        yield _refusing_on_mariadb(transfer, verb, REFUSE_ON_MARIADB)


def _dropped_on_mariadb(transfer: Table) -> Iterator[str]:
    for verb in ("update", "delete"):
        yield f"DROP TRIGGER IF EXISTS {in_backticks(transfer, f'{transfer.name}_no_{verb}')}"


def _renew_on_mariadb(connection: Connection, transfer: Table) -> None:
    wanted = f"IF NOT ({_only_erases(transfer, '<=>')}) THEN {REFUSE_ON_MARIADB}; END IF"
    known = text(f"SELECT action_statement FROM {_TRIGGERS_ON_MARIADB} AND trigger_name = :trigger")
    given = {"table": transfer.name, "schema": transfer.schema, "trigger": f"{transfer.name}_no_update"}
    if connection.execute(known, given).scalar() != wanted:
        connection.exec_driver_sql(_refusing_on_mariadb(transfer, "update", wanted))


def _refusing_on_mariadb(transfer: Table, verb: str, body: str) -> str:
    """Return the statement. It replaces what is there, for here no transaction would keep two statements together."""
    name = in_backticks(transfer, f"{transfer.name}_no_{verb}")
    return f"CREATE OR REPLACE TRIGGER {name} BEFORE {verb.upper()} ON {in_backticks(transfer)} FOR EACH ROW {body}"


# --- all -------------------------------------------------------------------


def _only_erases(transfer: Table, same: str) -> str:
    """Return the condition; *same* is what finds two values equal also where both are missing, and never unknown."""
    names = [column.name for column in transfer.columns if column.name not in PERSONAL_TEXTS]
    kept = [f"NEW.{name} {same} OLD.{name}" for name in names]
    erased = [
        f"(NEW.{name} {same} OLD.{name} OR (OLD.{name} IS NOT NULL AND NEW.{name} {same} '{_word_for(name)}'))"
        for name in PERSONAL_TEXTS
    ]
    return " AND ".join([*kept, *erased])


def _full_name(transfer: Table) -> str:
    return f'"{transfer.schema}".{transfer.name}' if transfer.schema else transfer.name


def _word_for(column: str) -> str:
    return ERASED_METADATA.json if column == "metadata" else ERASED
