"""Where campaigns run: every kind of database, with fresh books as often as they are wanted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import attrs
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from tests.servers import mariadb, postgresql
from tests.storages.databases import MariadbDatabases, PostgresqlDatabases, SqliteDatabases

__all__ = ["DISTURBANCES", "GROUNDS", "Databases", "Ground", "url_of"]


class Databases(Protocol):
    """What makes empty books of one kind, and takes them back."""

    def make(self) -> SqlAlchemyStorage:
        """Return a storage whose books are empty."""
        ...

    def drop(self, storage: SqlAlchemyStorage) -> None:
        """Take it back."""
        ...


@attrs.frozen
class Ground:
    """One kind of database, by its name."""

    name: str
    databases: Databases

    @contextmanager
    def fresh(self) -> Iterator[SqlAlchemyStorage]:
        """Give a storage whose books are empty, and take it back."""
        storage = self.databases.make()
        try:
            yield storage
        finally:
            self.databases.drop(storage)


def url_of(storage: SqlAlchemyStorage) -> str:
    """Return where the books are, for another process."""
    return storage.engine.url.render_as_string(hide_password=False)


@contextmanager
def _sqlite() -> Iterator[Databases]:
    with tempfile.TemporaryDirectory(prefix="loyalty-faults-") as directory:
        yield SqliteDatabases(Path(directory))


@contextmanager
def _postgresql() -> Iterator[Databases]:
    with postgresql.running_server() as server, postgresql.fresh_database(server) as url:
        databases = PostgresqlDatabases(url)
        yield databases
        databases.close()


@contextmanager
def _mariadb() -> Iterator[Databases]:
    with mariadb.running_server() as server, mariadb.fresh_database(server) as url:
        databases = MariadbDatabases(url)
        yield databases
        databases.close()


GROUNDS: Final[Mapping[str, Callable[[], AbstractContextManager[Databases]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
}
"""How each kind of database is started, and stopped again."""


def _end_a_session_of_postgresql(connection: Connection) -> int:
    """End the session of somebody who is in the middle of something; return how many there were to choose from."""
    others = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state <> 'idle' ORDER BY random() LIMIT 1"
    )
    ended = connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS other"))
    return len(ended.all())


def _end_a_session_of_mariadb(connection: Connection) -> int:
    """End the session of somebody who is in the middle of something; return how many there were to choose from."""
    others = (
        "SELECT id FROM information_schema.processlist JOIN information_schema.innodb_trx ON id = trx_mysql_thread_id"
        " WHERE db = DATABASE() AND id <> CONNECTION_ID() ORDER BY rand() LIMIT 1"
    )
    chosen = connection.scalars(text(others)).all()
    for one in chosen:
        with suppress(DBAPIError):  # it may have gone by itself
            connection.execute(text(f"KILL CONNECTION {one:d}"))
    return len(chosen)


DISTURBANCES: Final[Mapping[str, Callable[[Connection], int]]] = {
    "postgresql": _end_a_session_of_postgresql,
    "mariadb": _end_a_session_of_mariadb,
}
"""How a server ends the session of one of its clients, by kind of database; files have no sessions."""
