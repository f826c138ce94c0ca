"""
Whether a storage may begin: asked once, when a process starts, and never again.

A wrong setting costs nothing until the day on which it loses money. So
everything that can be known beforehand is looked at here, all of it at once, and
each finding says what to do about it. Nothing is changed, and no command pays for
it. What to look at is up to each database; this is what they have in common.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import attrs
from sqlalchemy import Connection, Engine, Text, column, inspect, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from loyalty.adapters.sqlalchemy import starting_on_mariadb, starting_on_postgresql, starting_on_sqlite
from loyalty.adapters.sqlalchemy.dialects import MARIADB, POSTGRESQL, SQLITE, database_of
from loyalty.adapters.sqlalchemy.driver import ThroughSqlAlchemy
from loyalty.adapters.sqlalchemy.failures import lacks_rights
from loyalty.adapters.sqlalchemy.finding import Finding, Kind, listed
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.adapters.sqlalchemy.transactions import require_transaction, translating
from loyalty.adapters.sqlalchemy.upgrading import NEWEST, what_is_missing
from loyalty.errors import InvalidRequest, StorageNotReady, StorageUnavailable

__all__ = ["Start"]

_log: Final = logging.getLogger(__name__)


class Looks(Protocol):
    """How one kind of database is looked at: a module of four names."""

    CONNECTING: str
    """What to check when it cannot be reached."""

    def version(self, connection: Connection, /) -> Iterable[Finding]:
        """Tell whether it is too old for our statements. Asked before anything else, so it must work on any."""
        ...

    def settings(self, connection: Connection, /) -> Iterable[Finding]:
        """Tell whether it would lose or change what it is told to keep."""
        ...

    def rights(self, connection: Connection, tables: Tables, /, *, writes: bool) -> Iterable[Finding]:
        """Tell whether this process may not read, or write, what it has to. Asked when the tables are there."""
        ...


LOOKS: Final[Mapping[str, Looks]] = {
    SQLITE: starting_on_sqlite,
    POSTGRESQL: starting_on_postgresql,
    MARIADB: starting_on_mariadb,
}

ALEMBIC: Final = "alembic_version"
"""Where a host's own Alembic environment, if it runs our revisions, writes down where it is."""

REVISION: Final = "loyalty_"
"""What the names of our revisions begin with; they grow with the versions."""

UPGRADE: Final = "run 'loyalty upgrade' first, or storage.upgrade()"


@attrs.frozen
class Start:
    """The looks at the database behind one engine."""

    engine: Engine
    tables: Tables

    def require_ready(self, *, writes: bool, durable: bool, newer_tables: bool) -> None:
        """
        Refuse a database on which this version cannot work, or would lose what it acknowledged.

        Raises:
            loyalty.errors.StorageUnavailable: If it cannot be reached.
            loyalty.errors.StorageNotReady: With everything that was found.
        """
        accepted = {Kind.FORGETFUL: not durable, Kind.NEWER: newer_tables, Kind.UNUSABLE: False}
        with self._connected() as connection:
            found = list(self._found(connection, writes=writes))
        for finding in found:
            if accepted[finding.kind]:
                _log.warning("accepted at start: %s", finding.text)
        _refuse([finding for finding in found if not accepted[finding.kind]])

    def require_upgradable(self) -> None:
        """
        Refuse a database on which no tables can be made or changed in a transaction.

        Raises:
            loyalty.errors.StorageUnavailable: If it cannot be reached.
            loyalty.errors.StorageNotReady: If it is too old, or commits every statement by itself.
        """
        with self._connected() as connection:
            _refuse([*self._looks.version(connection), *_autocommit(connection)])

    @property
    def _looks(self) -> Looks:
        return LOOKS[database_of(self.engine.dialect)]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except (SQLAlchemyError, OSError) as error:
            raise self._unreachable(error) from error
        except AssertionError as error:
            # SQLAlchemy's, of a server that speaks the language of another one and says that it is none.
            raise StorageNotReady(f"this is not {self.engine.dialect.name}: {error}; use another server") from error
        with translating(), connection:
            yield connection

    def _unreachable(self, error: SQLAlchemyError | OSError) -> StorageUnavailable:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        return StorageUnavailable(f"the database cannot be reached; {self._looks.CONNECTING} ({said})")

    def _found(self, connection: Connection, *, writes: bool) -> Iterator[Finding]:
        if too_old := list(self._looks.version(connection)):
            yield from too_old
            return
        if writes:
            yield from _autocommit(connection)
            yield from self._looks.settings(connection)
        if missing := what_is_missing(connection, self.tables):
            yield Finding(f"tables or columns are missing ({listed(missing)}); {UPGRADE}")
        if lacking := list(self._looks.rights(connection, self.tables, writes=writes)):
            yield from lacking
            return
        yield from _other_revision(connection, self.tables, is_old=not missing)


@contextmanager
def explained() -> Iterator[None]:
    """
    Say what to do where an upgrade lacks rights.

    Raises:
        loyalty.errors.StorageNotReady: In place of what the database said.
    """
    try:
        yield
    except StorageUnavailable as error:
        if lacks_rights(error.__cause__):
            raise StorageNotReady(f"{error}; upgrade as the role that owns the tables or may create them") from error
        raise


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        problems = tuple(finding.text for finding in findings)
        raise StorageNotReady(f"the database is not ready: {'; '.join(problems)}", problems=problems)


def _autocommit(connection: Connection) -> Iterator[Finding]:
    try:
        require_transaction(ThroughSqlAlchemy(connection))
    except InvalidRequest as error:
        yield Finding(f"{error}; make the engine without AUTOCOMMIT")


def _other_revision(connection: Connection, tables: Tables, *, is_old: bool) -> Iterator[Finding]:
    """Tell of tables of a newer version, and of older ones whose columns are all there."""
    for revision in _revisions(connection, tables):
        if revision > NEWEST:
            yield Finding(
                f"the tables are of a newer version of this library ({revision}, and this one knows {NEWEST}); "
                "install that version here",
                Kind.NEWER,
            )
        elif revision < NEWEST and is_old:
            yield Finding(f"the tables are of an older version ({revision}); {UPGRADE}")


def _revisions(connection: Connection, tables: Tables) -> Sequence[str]:
    """Return at which revisions of ours the database is: at one, or, if nothing says so, at none."""
    present, number = inspect(connection), column("version_num", Text)
    for name, schema in ((f"{tables.prefix}version", tables.metadata.schema), (ALEMBIC, None)):
        if present.has_table(name, schema=schema):
            written = select(number).select_from(table(name, schema=schema)).where(number.startswith(REVISION))
            try:
                return connection.scalars(written).all()
            except DBAPIError as error:
                if not lacks_rights(error):
                    raise
    return ()
