"""Fresh databases for tests that need many: the tables are made once."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Final

from sqlalchemy import inspect

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage

__all__ = ["Databases", "MariadbDatabases", "PostgresqlDatabases", "SqliteDatabases", "async_url", "corrupt_balance"]


class SqliteDatabases:
    """SQLite files in one directory."""

    def __init__(self, directory: Path) -> None:
        """Make the file that is copied."""
        self._directory: Final = directory
        self._template: Final = directory / "template.db"
        storage = SqlAlchemyStorage(f"sqlite:///{self._template}")
        storage.upgrade()
        with storage.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        storage.dispose()

    def make(self) -> SqlAlchemyStorage:
        """Return a storage on a new file."""
        path = self._directory / f"{uuid.uuid4().hex}.db"  # noqa: TID251 - only the file's name
        shutil.copy(self._template, path)
        return SqlAlchemyStorage(f"sqlite:///{path}")

    def drop(self, storage: SqlAlchemyStorage) -> None:
        """Close it and delete its file."""
        storage.dispose()
        for path in self._directory.glob(f"{Path(str(storage.engine.url.database)).name}*"):
            path.unlink(missing_ok=True)  # a racer closing its last connection removes -wal and -shm itself

    def close(self) -> None:
        """Leave the directory to pytest."""


class PostgresqlDatabases:
    """One database on a server, emptied for each test: that is ten times as fast as a new one."""

    def __init__(self, url: str) -> None:
        """Make the tables in the empty database at *url*."""
        self._url: Final = url
        self._storage: Final = SqlAlchemyStorage(url)
        self._storage.upgrade()
        self._empty: Final = ";".join(f"DELETE FROM {name}" for name in _tables(self._storage))

    def make(self) -> SqlAlchemyStorage:
        """Return a storage on the emptied database."""
        with self._storage.engine.begin() as connection:
            # Transfers cannot be deleted; only the administrator of a server may look past that.
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(self._empty)
        return SqlAlchemyStorage(self._url)

    def drop(self, storage: SqlAlchemyStorage) -> None:
        """Close it."""
        storage.dispose()

    def close(self) -> None:
        """Close the connection that empties."""
        self._storage.dispose()


class MariadbDatabases:
    """One database on a server, emptied for each test."""

    def __init__(self, url: str) -> None:
        """Make the tables in the empty database at *url*."""
        self._url: Final = url
        self._storage: Final = SqlAlchemyStorage(url)
        self._storage.upgrade()
        self._tables: Final = _tables(self._storage)

    def make(self) -> SqlAlchemyStorage:
        """Return a storage on the emptied database."""
        with self._storage.engine.begin() as connection:
            connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
            for name in self._tables:
                # Transfers cannot be deleted; only who may drop a table may empty one without a trigger being asked.
                verb = "TRUNCATE" if name == "loyalty_transfer" else "DELETE FROM"
                connection.exec_driver_sql(f"{verb} {name}")
            connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")
        return SqlAlchemyStorage(self._url)

    def drop(self, storage: SqlAlchemyStorage) -> None:
        """Close it."""
        storage.dispose()

    def close(self) -> None:
        """Close the connection that empties."""
        self._storage.dispose()


Databases = SqliteDatabases | PostgresqlDatabases | MariadbDatabases


def _tables(storage: SqlAlchemyStorage) -> list[str]:
    """Return the tables that hold something, and not the one that says which revision they are at."""
    present = inspect(storage.engine).get_table_names()
    return [name for name in present if name.startswith("loyalty_") and name != "loyalty_version"]


def corrupt_balance(storage: SqlAlchemyStorage, account_id: str, posted: int) -> None:
    """Change a stored balance by plain SQL."""
    with storage.engine.begin() as connection:
        statement = f"UPDATE loyalty_account SET posted = {posted:d} WHERE id = '{account_id}'"
        assert 1 == connection.exec_driver_sql(statement).rowcount


def async_url(storage: SqlAlchemyStorage, driver: str) -> str:
    """Return the URL of the storage's database for an async driver."""
    url = storage.engine.url
    return url.set(drivername=f"{url.get_backend_name()}+{driver}").render_as_string(hide_password=False)
