"""
Indexes on some rows of a table, and what takes their place on MariaDB, whose indexes have all rows.

Where a partial index only saves room, MariaDB has one on all rows, in another
order of columns if that keeps the few together. Where it is a fence, MariaDB
fills a column by itself in these rows only, which is unique: two that are
empty are not equal.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Computed, Index, text
from sqlalchemy.types import TypeEngine

from loyalty.adapters.sqlalchemy.dialects import MARIADB

__all__ = ["filled", "given_index", "unique_where"]


def given_index(
    database: str | None,
    name: str,
    *columns: str,
    given: str | None = None,
    unique: bool = False,
    otherwise: tuple[str, ...] = (),
) -> Index:
    """
    Return an index on the rows in which the column *given*, or else the first one, is not empty.

    On MariaDB it is on all rows, and has the columns *otherwise*, or else the same ones.
    """
    if database == MARIADB:
        return Index(name, *(otherwise or columns), unique=unique)
    where = text(f"{given or columns[0]} IS NOT NULL")
    return Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)


def unique_where(
    database: str | None, name: str, *columns: str, where: str, type_: TypeEngine[str]
) -> tuple[Index | Column[Any], ...]:
    """
    Return what keeps columns unique together, among those rows of their table of which *where* is true.

    On MariaDB a column that it fills by itself stands in for the last of them.
    """
    if database == MARIADB:
        column = filled(columns[-1], where, type_)
        return column, Index(name, *columns[:-1], column.name, unique=True)
    condition = text(where)
    return (Index(name, *columns, unique=True, postgresql_where=condition, sqlite_where=condition),)


def filled(column: str, where: str, type_: TypeEngine[str]) -> Column[str]:
    """Return a column that MariaDB fills: with the text in another one where *where* is true, and else with nothing."""
    value = Computed(f"CASE WHEN {where} THEN {column} END", persisted=False)
    return Column(f"{column}_if_unique", type_, value, nullable=True)
