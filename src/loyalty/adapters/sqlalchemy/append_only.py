"""
The database's own refusal to change or delete a transfer.

One change is let through: where a text beside a transfer named a person who is
forgotten, the fixed word for that may take its place. Whoever else changes
anything, by whatever program, is refused by the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import DDL, Connection, Table, event, text

from loyalty.ledger.transfer import ERASED, ERASED_METADATA

__all__ = ["PERSONAL_TEXTS", "guard", "guard_wholly", "renew_guard", "unguard"]

PERSONAL_TEXTS: Final = ("actor", "reason", "note", "reference_id", "metadata")
"""The columns of a transfer in which a person may be named."""

REFUSED: Final = "transfers are append-only"


def guard(transfer: Table) -> None:
    """Have the guard made with the table."""
    for dialect, statements in (("sqlite", _on_sqlite(transfer)), ("postgresql", _on_postgresql(transfer))):
        for statement in statements:
            event.listen(transfer, "after_create", _ddl(statement).execute_if(dialect=dialect))


def renew_guard(connection: Connection, transfer: Table) -> None:
    """Put this version's guard in the place of an older one, if there is one."""
    renew = {"sqlite": _renew_on_sqlite, "postgresql": _renew_on_postgresql}
    renew[connection.dialect.name](connection, transfer)


def guard_wholly(connection: Connection, transfer: Table) -> None:
    """Make the guard of the first version, which lets nothing through at all; if there is none yet."""
    if not _is_guarded(connection, transfer):
        whole = {"sqlite": _wholly_on_sqlite, "postgresql": _wholly_on_postgresql}
        for statement in whole[connection.dialect.name](transfer):
            connection.exec_driver_sql(statement)


def unguard(connection: Connection, transfer: Table) -> None:
    """Take the guard away, to put another one there or because the table goes."""
    name, dialect = _full_name(transfer), connection.dialect.name
    if dialect == "sqlite":
        for trigger in (_update_trigger(transfer), f"{transfer.name}_no_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
    else:
        for end in ("append_only", "only_erased"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {transfer.name}_{end} ON {name}")
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {_function(transfer, end)}")


def _is_guarded(connection: Connection, transfer: Table) -> bool:
    if connection.dialect.name == "sqlite":
        known = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = ?"
        return bool(connection.exec_driver_sql(known, (_update_trigger(transfer),)).scalar())
    guards = text(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = CAST(CAST(:table AS TEXT) AS regclass) AND NOT tgisinternal"
    )
    return bool(connection.execute(guards, {"table": _full_name(transfer)}).scalar())


def _ddl(statement: str) -> DDL:
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


# --- SQLite -----------------------------------------------------------------


def _on_sqlite(transfer: Table) -> Iterator[str]:
    name = _full_name(transfer)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    unless = f"WHEN NOT ({_only_erases(transfer)})"
    yield f"CREATE TRIGGER {_update_trigger(transfer)} BEFORE UPDATE ON {name} {unless} {refuse}"
    yield f"CREATE TRIGGER {transfer.name}_no_delete BEFORE DELETE ON {name} {refuse}"


def _wholly_on_sqlite(transfer: Table) -> Iterator[str]:
    name = _full_name(transfer)
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    yield f"CREATE TRIGGER {_update_trigger(transfer)} BEFORE UPDATE ON {name} {refuse}"
    yield f"CREATE TRIGGER {transfer.name}_no_delete BEFORE DELETE ON {name} {refuse}"


def _renew_on_sqlite(connection: Connection, transfer: Table) -> None:
    wanted = next(_on_sqlite(transfer))
    known = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    if connection.exec_driver_sql(known, (_update_trigger(transfer),)).scalar() != wanted:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_update_trigger(transfer)}")
        connection.exec_driver_sql(wanted)


def _update_trigger(transfer: Table) -> str:
    return f"{transfer.name}_no_update"


def _only_erases(transfer: Table) -> str:
    # IS and not =, for a text that became nothing must be no, and not unknown.
    names = [column.name for column in transfer.columns if column.name not in PERSONAL_TEXTS]
    kept = [f"NEW.{name} IS OLD.{name}" for name in names]
    erased = [
        f"(NEW.{name} IS OLD.{name} OR (OLD.{name} IS NOT NULL AND NEW.{name} IS '{_word_for(name)}'))"
        for name in PERSONAL_TEXTS
    ]
    return " AND ".join([*kept, *erased])


# --- PostgreSQL -------------------------------------------------------------


def _on_postgresql(transfer: Table) -> Iterator[str]:
    name, refuse = _full_name(transfer), f"RAISE EXCEPTION '{REFUSED}';"
    everything, erasing = (_function(transfer, end) for end in ("append_only", "only_erased"))
    yield f"CREATE OR REPLACE FUNCTION {everything} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$"
    yield (
        f"CREATE OR REPLACE FUNCTION {erasing} RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {_only_erases_on_postgresql()} THEN RETURN NEW; END IF; {refuse} END $$"
    )
    yield (
        f"CREATE TRIGGER {transfer.name}_append_only BEFORE DELETE OR TRUNCATE ON {name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {everything}"
    )
    yield (
        f"CREATE TRIGGER {transfer.name}_only_erased BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {erasing}"
    )


def _wholly_on_postgresql(transfer: Table) -> Iterator[str]:
    everything = _function(transfer, "append_only")
    yield (
        f"CREATE OR REPLACE FUNCTION {everything} RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
    )
    yield (
        f"CREATE TRIGGER {transfer.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_full_name(transfer)}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {everything}"
    )


def _renew_on_postgresql(connection: Connection, transfer: Table) -> None:
    name = _full_name(transfer)
    # A statement of SQLAlchemy's and not a driver's, for each driver marks its parameters in another way.
    known = text(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = CAST(CAST(:table AS TEXT) AS regclass) AND tgname = :trigger"
    )
    if not connection.execute(known, {"table": name, "trigger": f"{transfer.name}_only_erased"}).scalar():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {transfer.name}_append_only ON {name}")
        for statement in _on_postgresql(transfer):
            connection.exec_driver_sql(statement)


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


# --- both -------------------------------------------------------------------


def _full_name(transfer: Table) -> str:
    return f'"{transfer.schema}".{transfer.name}' if transfer.schema else transfer.name


def _word_for(column: str) -> str:
    return ERASED_METADATA.json if column == "metadata" else ERASED
