"""The databases by the names we use, and what each has for work on texts and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table
from sqlalchemy.engine import Dialect

__all__ = [
    "MARIADB",
    "MARIADB_NAMES",
    "PLACE_OF",
    "POSTGRESQL",
    "SQLITE",
    "database_of",
    "in_backticks",
    "in_lower_case",
    "joined",
]

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
MARIADB: Final = "mariadb"

MARIADB_NAMES: Final = ("mariadb", "mysql")
"""What SQLAlchemy calls MariaDB, by the URL: many hosts write ``mysql+pymysql://``."""

PLACE_OF: Final = {POSTGRESQL: "strpos", SQLITE: "instr", MARIADB: "instr"}
"""The function that tells where one text has another in it; 0 if nowhere."""


def database_of(dialect: Dialect) -> str:
    """Return the name of a dialect's database, the same for all of SQLAlchemy's names of it."""
    return MARIADB if dialect.name in MARIADB_NAMES else dialect.name


def in_backticks(table: Table, name: str = "") -> str:
    """Return the name of a table, or another one in its schema, as MariaDB quotes it in every mode."""
    schema = f"`{table.schema.replace('`', '``')}`." if table.schema else ""
    return f"{schema}`{name or table.name}`"


def in_lower_case(database: str, text: str) -> str:
    """
    Return an expression for a text with its ASCII letters in lower case, and every other letter as it is.

    MariaDB knows the cases of all letters, which the others do not. So it is told
    that the bytes are Thai: a character set of single bytes with ASCII as its
    lower half, whose upper half has no cases. What comes out are bytes.
    """
    if database != MARIADB:
        return f"lower({text})"
    return f"CAST(lower(CONVERT(CAST({text} AS BINARY) USING tis620)) AS BINARY)"


def joined(database: str, texts: Sequence[str]) -> str:
    """Return an expression for texts, of which none may be missing, with a space between each two."""
    return f"CONCAT_WS(' ', {', '.join(texts)})" if database == MARIADB else " || ' ' || ".join(texts)
