"""
The numbers that PostgreSQL gives receipts as they come, so that events leave in their order.

The lock on an account is taken before a receipt about it is written, so the
numbers of what happened to one account grow in the order of the commits. SQLite
needs none of this: it has one writer at a time and numbers the rows by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table

__all__ = ["number_receipts"]


def number_receipts(connection: Connection, receipt: Table) -> None:
    """Have receipts numbered from now on, if they are not yet; what is there already keeps having no number."""
    if connection.dialect.name == "postgresql":
        for statement in _on_postgresql(receipt):
            connection.exec_driver_sql(statement)


def _on_postgresql(receipt: Table) -> Iterator[str]:
    """Yield statements that are safe to repeat. As a default from the start, the column would renumber old rows."""
    schema = f'"{receipt.schema}".' if receipt.schema else ""
    table, numbers = f'{schema}"{receipt.name}"', f'{schema}"{receipt.name}_position"'
    yield f"CREATE SEQUENCE IF NOT EXISTS {numbers}"
    yield f"ALTER TABLE {table} ALTER COLUMN position SET DEFAULT nextval('{numbers}')"
    yield f"ALTER SEQUENCE {numbers} OWNED BY {table}.position"
