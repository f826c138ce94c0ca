"""Bringing the tables of a database to the newest version: what is missing is added, nothing is rewritten."""

from __future__ import annotations

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateColumn

from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["add_what_is_missing"]


def add_what_is_missing(connection: Connection, tables: Tables) -> None:
    """
    Create the tables, columns and indexes that are not there yet.

    Every column that came after the first version may be empty, so rows that
    older versions wrote stay as they are and older versions may go on writing.
    """
    tables.metadata.create_all(connection)
    present = inspect(connection)
    for table in tables.metadata.sorted_tables:
        known = {column["name"] for column in present.get_columns(table.name, table.schema)}
        name = connection.dialect.identifier_preparer.format_table(table)
        for column in table.columns:
            if column.name not in known:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)
