"""Whether the tables of a database are of this version."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateSchema

from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["NEWEST", "make_schema", "what_is_missing"]

NEWEST: Final = "loyalty_0003"
"""The revision of this version's tables. It stands here so that looking at it does not load Alembic."""


def make_schema(connection: Connection, tables: Tables) -> None:
    """Make the schema of the tables, if there is to be one and is none. Only making it takes the right to make it."""
    schema = tables.metadata.schema
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema, if_not_exists=True))


def what_is_missing(connection: Connection, tables: Tables) -> tuple[str, ...]:
    """
    Return the tables, and the columns of tables that are there, without which this version cannot work.

    In the order of the tables; a column as ``table.column``. An index that is
    missing only costs time.
    """
    present = inspect(connection)
    known = present.get_multi_columns(schema=tables.metadata.schema)
    missing = []
    for table in tables.metadata.sorted_tables:
        columns = {column["name"] for column in known.get((table.schema, table.name), ())}
        if not columns:
            missing.append(table.name)
            continue
        missing += [f"{table.name}.{column.name}" for column in table.columns if column.name not in columns]
    return tuple(missing)
