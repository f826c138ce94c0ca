"""
Opening the database that the command line was told of, with one sentence for whatever is wrong with it.

SQLAlchemy is loaded here, when a database is opened, and nowhere else in the
command line: a page of help and a wrong option need none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loyalty.cli.ending import Cannot, failures, reason
from loyalty.errors import InvalidRequest

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from loyalty.adapters.sqlalchemy import SqlAlchemyStorage

__all__ = ["UnusableDatabase", "named", "open_books", "open_database", "opened", "require_lasting", "without_password"]

NAMELESS: Final = "--database"


class UnusableDatabase(Cannot):
    """The database cannot be reached or used; the message says why, in one line, without a password."""


@contextmanager
def open_database(url: str) -> Iterator[SqlAlchemyStorage]:
    """
    Give a storage whose tables are there, made if need be, and close it afterwards.

    Args:
        url:
            As SQLAlchemy writes it: ``sqlite:///shop.db``, ``postgresql+psycopg://…``.

    Raises:
        loyalty.cli.database.UnusableDatabase: If it is no such URL, if the driver
            is not installed, or if the database does not answer or refuses.
    """
    with opened(url) as storage:
        with named(url):
            storage.upgrade()
        yield storage


@contextmanager
def open_books(url: str, *, prefix: str = "loyalty_", schema: str | None = None) -> Iterator[SqlAlchemyStorage]:
    """
    Give a storage whose tables are there and of this version, and close it afterwards. Nothing is made.

    Raises:
        loyalty.cli.database.UnusableDatabase: As for :func:`open_database`, and
            if there is no such file, or if the tables are missing, older or newer.
    """
    _require_file(url)
    with opened(url, prefix=prefix, schema=schema) as storage:
        with named(url):
            # A command that may not write, or not lastingly, is told so by the database when it tries.
            storage.require_ready(writes=False)
        yield storage


@contextmanager
def opened(url: str, *, prefix: str = "loyalty_", schema: str | None = None) -> Iterator[SqlAlchemyStorage]:
    """
    Give a storage, and close it afterwards. Nothing is connected yet.

    Raises:
        loyalty.cli.database.UnusableDatabase: If it is no such URL, or if the
            driver is not installed.
    """
    from loyalty.adapters.sqlalchemy import SqlAlchemyStorage  # noqa: PLC0415 - see above

    with named(url):
        storage = SqlAlchemyStorage(url, prefix=prefix, schema=schema)
    try:
        yield storage
    finally:
        storage.dispose()


@contextmanager
def named(url: str) -> Iterator[None]:
    """
    Say of which database it is that something goes wrong inside.

    Raises:
        loyalty.cli.database.UnusableDatabase: In place of the storage's and the driver's errors.
    """
    try:
        yield
    except InvalidRequest as error:
        missing = "the driver is not installed: " if isinstance(error.__cause__, ImportError) else ""
        raise UnusableDatabase(f"{without_password(url)}: {missing}{reason(error)}") from None
    except failures(ValueError, OSError) as error:
        raise UnusableDatabase(f"{without_password(url)}: {reason(error)}") from None


def without_password(url: str) -> str:
    """Return the URL as it may be shown; what is no URL is not shown at all."""
    from loyalty.adapters.sqlalchemy.urls import is_torn  # noqa: PLC0415 - see above

    parsed = _parsed(url)
    if parsed is None or is_torn(parsed):
        return NAMELESS
    hidden = {name: "***" for name in parsed.query if "pass" in name}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def _parsed(url: str) -> URL | None:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - see above
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - see above

    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None


def _require_file(url: str) -> None:
    """Refuse to look into a file that only looking would make."""
    require_lasting(url)
    name = _sqlite_file(url)
    if name and not name.startswith("file:") and "\0" not in name and not Path(name).exists():
        raise UnusableDatabase(f"{without_password(url)}: there is no such file; 'loyalty upgrade' makes one")


def require_lasting(url: str) -> None:
    """
    Refuse books in memory.

    Raises:
        loyalty.cli.database.UnusableDatabase: If they would end with the command.
    """
    if _sqlite_file(url) in {"", ":memory:"}:
        raise UnusableDatabase(f"{without_password(url)}: a database in memory ends with the command; name a file")


def _sqlite_file(url: str) -> str | None:
    """Return what a URL of SQLite names, nothing for memory; None for the URL of another database, or for none."""
    parsed = _parsed(url)
    return parsed.database or "" if parsed is not None and parsed.get_backend_name() == "sqlite" else None
