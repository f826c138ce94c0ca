"""Bringing the tables of a database to the newest version: what is missing is added, nothing is rewritten."""

from __future__ import annotations

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateColumn

from loyalty.adapters.sqlalchemy.append_only import renew_guard
from loyalty.adapters.sqlalchemy.numbering import renew_numbers
from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["add_what_is_missing", "what_is_missing"]


def add_what_is_missing(connection: Connection, tables: Tables) -> None:
    """
    Create the tables, columns and indexes that are not there yet, and renew what guards transfers.

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
        if table is tables.receipt and "position" not in known:
            renew_numbers(connection, table)
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    renew_guard(connection, tables.transfer)


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
