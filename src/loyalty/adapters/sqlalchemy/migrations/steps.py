"""
The steps that revisions are made of.

Each that makes something does nothing where it is there already. So databases
that were made before there were revisions run all of them, and an upgrade that
was cut off on a database whose tables are not part of its transactions is simply
run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import attrs
from alembic import op
from alembic.operations import Operations
from sqlalchemy import CheckConstraint, Column, Connection, ForeignKeyConstraint, UniqueConstraint, inspect, text
from sqlalchemy.engine.reflection import Inspector

from loyalty.adapters.sqlalchemy.append_only import guard_wholly, renew_guard, unguard
from loyalty.adapters.sqlalchemy.dialects import MARIADB, POSTGRESQL, database_of
from loyalty.adapters.sqlalchemy.numbering import number_receipts
from loyalty.adapters.sqlalchemy.partial_indexes import filled
from loyalty.adapters.sqlalchemy.tables import OPTIONS, Name, Number, Tables, Words

__all__ = ["Part", "Steps", "check", "number", "refers", "running", "unique", "word", "words"]


LOCKED_FIRST: Final = (
    "refunded_order", "gift_card_sale", "batch", "account", "gift_card", "store_credit", "lot", "hold", "transfer",
    "receipt",
)  # fmt: skip
"""Tables in the order in which commands come to them."""


Part = Callable[["Steps"], CheckConstraint | UniqueConstraint | ForeignKeyConstraint]
"""A constraint of a table, whose name is known when the prefix is."""


def number(name: str, *, nullable: bool = False, key: bool = False) -> Column[int]:
    """Return a column of whole numbers, which nothing counts up."""
    return Column(name, Number, nullable=nullable, primary_key=key, autoincrement=False)


def word(name: str, *, nullable: bool = False, key: bool = False, unique: bool = False) -> Column[str]:
    """Return a column of texts that may be in an index, and compare by their bytes."""
    return Column(name, Name, nullable=nullable, primary_key=key, unique=unique or None)


def words(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a column of texts of any length."""
    return Column(name, Words, nullable=nullable)


def check(name: str, condition: str) -> Part:
    """Return what every row must be."""
    return lambda steps: CheckConstraint(condition, name=steps.name(name))


def unique(name: str, *columns: str) -> Part:
    """Return what no two rows may share."""
    return lambda steps: UniqueConstraint(*columns, name=steps.name(name))


def refers(column: str, table: str) -> Part:
    """Return that a column names a row of another table by its id."""
    return lambda steps: ForeignKeyConstraint([column], [f"{steps.qualified(table)}.id"])


@attrs.define
class Steps:
    """The steps on the tables under one prefix and schema."""

    operations: Any
    tables: Tables
    _present: dict[str, tuple[set[str], set[str]]] | None = None

    @classmethod
    def here(cls) -> Steps:
        """
        Return the steps for the revision that is being run, by us or by a host's environment, with the tables locked.

        In a host's, the options ``loyalty_prefix`` and ``loyalty_schema`` of its
        configuration say where the tables are.
        """
        steps = _RUNNING.get() or cls._in_a_host()
        steps.known()
        return steps

    @classmethod
    def _in_a_host(cls) -> Steps:
        config = op.get_context().config
        prefix = None if config is None else config.get_main_option("loyalty_prefix")
        schema = None if config is None else config.get_main_option("loyalty_schema")
        database = database_of(op.get_bind().dialect)
        return cls(op, Tables.named("loyalty_" if prefix is None else prefix, schema or None, database=database))

    def name(self, name: str) -> str:
        """Return a name under the prefix."""
        return f"{self.tables.prefix}{name}"

    def qualified(self, table: str) -> str:
        """Return a table's name with the schema."""
        schema = self.tables.metadata.schema
        return f"{schema}.{self.name(table)}" if schema else self.name(table)

    def table(self, name: str, *parts: Column[Any] | Part) -> None:
        """Make a table, if it is not there."""
        if self.name(name) in self.known():
            return
        made = [part if isinstance(part, Column) else part(self) for part in parts]
        schema = self.tables.metadata.schema
        self.operations.create_table(self.name(name), *made, schema=schema, **OPTIONS)
        columns = {str(part.name) for part in parts if isinstance(part, Column)}
        self.known()[self.name(name)] = (columns, set())

    def columns(self, table: str, *columns: Column[Any]) -> None:
        """Add the columns that are not there. They may be empty, so that no old row is written anew."""
        known, _ = self.known()[self.name(table)]
        for column in columns:
            if column.name not in known:
                self.operations.add_column(self.name(table), column, schema=self.tables.metadata.schema)
                known.add(str(column.name))

    def index(
        self,
        name: str,
        table: str,
        *columns: str,
        where: str | None = None,
        is_unique: bool = False,
        otherwise: Sequence[str] = (),
        **more: Any,
    ) -> None:
        """
        Make an index, if it is not there; with *where*, of the rows alone in which that is so.

        On MariaDB it is of all rows, and then of the columns *otherwise*, or else the same ones.
        """
        _, known = self.known()[self.name(table)]
        if self.name(name) in known:
            return
        if self._is_mariadb:
            columns, where = tuple(otherwise or columns), None
        given = {} if where is None else {"postgresql_where": text(where), "sqlite_where": text(where)}
        schema = self.tables.metadata.schema
        self.operations.create_index(
            self.name(name), self.name(table), list(columns), schema=schema, unique=is_unique, **given, **more
        )
        known.add(self.name(name))

    def unique_where(self, name: str, table: str, *columns: str, where: str) -> None:
        """Keep columns unique together among some rows; on MariaDB a column that it fills stands in for the last."""
        if not self._is_mariadb:
            self.index(name, table, *columns, where=where, is_unique=True)
            return
        column = filled(columns[-1], where, Name)
        self.columns(table, column)
        self.index(name, table, *columns[:-1], column.name, is_unique=True)

    def not_unique_where(self, name: str, table: str, *columns: str, where: str) -> None:
        """Take that back."""
        self.no_index(name, table)
        if self._is_mariadb:
            self.no_columns(table, filled(columns[-1], where, Name).name)

    def no_index(self, name: str, table: str) -> None:
        """Drop an index, if it is there."""
        _, known = self.known().get(self.name(table), (set(), set()))
        if self.name(name) in known:
            self.operations.drop_index(self.name(name), self.name(table), schema=self.tables.metadata.schema)
            known.discard(self.name(name))

    def no_columns(self, table: str, *columns: str) -> None:
        """Drop those columns that are there, with all that is in them."""
        known, _ = self.known()[self.name(table)]
        for column in columns:
            if column in known:
                self.operations.drop_column(self.name(table), column, schema=self.tables.metadata.schema)
                known.discard(column)

    def no_tables(self, *tables: str) -> None:
        """Drop those tables that are there, with all that is in them."""
        for table in tables:
            if self.known().pop(self.name(table), None) is not None:
                self.operations.drop_table(self.name(table), schema=self.tables.metadata.schema)

    def guard_transfers_wholly(self) -> None:
        """Have the database refuse to change or delete a transfer, whatever of it; if nothing guards them yet."""
        guard_wholly(self._connection, self.tables.transfer)

    def unguard_transfers(self) -> None:
        """Take the guard away."""
        unguard(self._connection, self.tables.transfer)

    def guard_transfers(self) -> None:
        """Have the database refuse to change or delete a transfer, as this version wants it."""
        renew_guard(self._connection, self.tables.transfer)

    def number_receipts(self) -> None:
        """Have receipts numbered as they come, where the database does not do so by itself."""
        number_receipts(self._connection, self.tables.receipt)

    @property
    def _is_mariadb(self) -> bool:
        return database_of(self._connection.dialect) == MARIADB

    @property
    def _connection(self) -> Connection:
        connection: Connection = self.operations.get_bind()
        return connection

    def known(self) -> dict[str, tuple[set[str], set[str]]]:
        """Return the tables that are there, with the names of their columns and indexes; read once."""
        if self._present is None:
            self._present = _present_in(inspect(self._connection), self.tables.metadata.schema)
            self._lock([table for table in map(self.name, LOCKED_FIRST) if table in self._present])
        return self._present

    def _lock(self, tables: Sequence[str]) -> None:
        """Wait for who is at work, holding nothing meanwhile; otherwise each would hold what the other one wants."""
        if tables and database_of(self._connection.dialect) == POSTGRESQL:
            quote = self._connection.dialect.identifier_preparer.quote
            schema = self.tables.metadata.schema
            names = ", ".join([f"{quote(schema)}.{quote(table)}" if schema else quote(table) for table in tables])
            self._connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")


def _present_in(inspector: Inspector, schema: str | None) -> dict[str, tuple[set[str], set[str]]]:
    indexes = inspector.get_multi_indexes(schema=schema)
    return {
        table: ({column["name"] for column in columns}, _names(indexes.get((of, table), ())))
        for (of, table), columns in inspector.get_multi_columns(schema=schema).items()
    }


def _names(indexes: Sequence[Any]) -> set[str]:
    return {str(index["name"]) for index in indexes}


_RUNNING: Final[ContextVar[Steps | None]] = ContextVar("the steps that this library runs by itself", default=None)


@contextmanager
def running(operations: Operations, tables: Tables) -> Iterator[None]:
    """Have revisions that are run inside work on these tables."""
    token = _RUNNING.set(Steps(operations, tables))
    try:
        yield
    finally:
        _RUNNING.reset(token)
