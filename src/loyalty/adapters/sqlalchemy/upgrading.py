"""Whether the tables of a database are of this version."""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from loyalty.adapters.sqlalchemy.tables import Tables

__all__ = ["what_is_missing"]


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
