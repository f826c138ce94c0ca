"""
The numbers that PostgreSQL and MariaDB give receipts as they come, so that events leave in their order.

The lock on an account is taken before a receipt about it is written, so the
numbers of what happened to one account grow in the order of the commits. SQLite
needs none of this: it has one writer at a time and numbers the rows by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, text

from loyalty.adapters.sqlalchemy.dialects import MARIADB, POSTGRESQL, database_of, in_backticks

__all__ = ["number_receipts"]


def number_receipts(connection: Connection, receipt: Table) -> None:
    """Have receipts numbered from now on, if they are not yet; what is there already keeps having no number."""
    database = database_of(connection.dialect)
    if database == POSTGRESQL:
        for statement in _on_postgresql(receipt):
            connection.exec_driver_sql(statement)
    elif database == MARIADB and not _is_numbered_on_mariadb(connection, receipt):
        connection.exec_driver_sql(_on_mariadb(receipt))


def _on_postgresql(receipt: Table) -> Iterator[str]:
    """Yield statements that are safe to repeat. As a default from the start, the column would renumber old rows."""
    schema = f'"{receipt.schema}".' if receipt.schema else ""
    table, numbers = f'{schema}"{receipt.name}"', f'{schema}"{receipt.name}_position"'
    yield f"CREATE SEQUENCE IF NOT EXISTS {numbers}"
    yield f"ALTER TABLE {table} ALTER COLUMN position SET DEFAULT nextval('{numbers}')"
    yield f"ALTER SEQUENCE {numbers} OWNED BY {table}.position"


def _on_mariadb(receipt: Table) -> str:
    """Return the statement. A counter of the table and not a sequence: on a cluster it never falls behind a commit."""
    return (
        f"ALTER TABLE {in_backticks(receipt)} MODIFY position BIGINT NOT NULL AUTO_INCREMENT,"
        f" ADD UNIQUE INDEX {receipt.name}_position (position)"
    )


def _is_numbered_on_mariadb(connection: Connection, receipt: Table) -> bool:
    asked = text(
        "SELECT extra FROM information_schema.columns WHERE table_schema = COALESCE(:schema, DATABASE())"
        " AND table_name = :name AND column_name = 'position'"
    )
    return connection.execute(asked, {"schema": receipt.schema, "name": receipt.name}).scalar() == "auto_increment"
