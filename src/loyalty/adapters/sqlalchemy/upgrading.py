"""Whether the tables of a database are of this version, and who may bring them there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateSchema

from loyalty.adapters.sqlalchemy.dialects import MARIADB, SQLITE, database_of
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import StorageUnavailable

__all__ = ["NEWEST", "alone", "make_schema", "what_is_missing"]

NEWEST: Final = "loyalty_0003"
"""The revision of this version's tables. It stands here so that looking at it does not load Alembic."""

LOCK_SECONDS: Final = 300
"""How long one process waits on MariaDB for another to have brought the tables up to date."""


def make_schema(connection: Connection, tables: Tables) -> None:
    """Make the schema of the tables, if there is to be one and is none. Only making it takes the right to make it."""
    schema = tables.metadata.schema
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema, if_not_exists=True))


@contextmanager
def alone(connection: Connection, tables: Tables) -> Iterator[None]:
    """
    Let one process at a time bring the tables of one prefix up to date.

    Raises:
        loyalty.errors.StorageUnavailable: If others are at it for too long, which only MariaDB notices.
    """
    database = database_of(connection.dialect)
    if database == MARIADB:
        # Not bound to the transaction, which MariaDB ends with every change of a table.
        name = f"loyalty upgrade {tables.prefix}"
        if connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, LOCK_SECONDS)).scalar() != 1:
            raise StorageUnavailable("another process has been bringing the tables up to date for too long")
        try:
            yield
        finally:
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))
        return
    if database == SQLITE:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": tables.prefix})
    yield


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
