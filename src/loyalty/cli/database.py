"""Opening the database that the command line was told of, with one sentence for whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import InvalidRequest, StorageError

__all__ = ["UnusableDatabase", "open_database", "reason", "without_password"]


class UnusableDatabase(Exception):
    """The database cannot be reached or used; the message says why, in one line, without a password."""


@contextmanager
def open_database(url: str) -> Iterator[SqlAlchemyStorage]:
    """
    Give a storage whose tables are there, and close it afterwards.

    Args:
        url:
            As SQLAlchemy writes it: ``sqlite:///shop.db``, ``postgresql+psycopg://…``.

    Raises:
        loyalty.cli.database.UnusableDatabase: If it is no such URL, if the driver
            is not installed, or if the database does not answer or refuses.
    """
    name = without_password(url)
    try:
        storage = SqlAlchemyStorage(url)
    except InvalidRequest as error:
        missing = "the driver is not installed: " if isinstance(error.__cause__, ImportError) else ""
        raise UnusableDatabase(f"{name}: {missing}{reason(error)}") from None
    except (SQLAlchemyError, StorageError, OSError) as error:
        raise UnusableDatabase(f"{name}: {reason(error)}") from None
    try:
        try:
            storage.upgrade()
        except (SQLAlchemyError, StorageError, ValueError, OSError) as error:
            raise UnusableDatabase(f"{name}: {reason(error)}") from None
        yield storage
    finally:
        storage.dispose()


def reason(error: BaseException) -> str:
    """Return why it failed in one line: what the driver said, where it said something."""
    inner: BaseException = error
    while True:
        deeper = getattr(inner, "orig", None) or inner.__cause__
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    lines = str(inner).splitlines()
    return lines[0] if lines else type(inner).__name__


def without_password(url: str) -> str:
    """Return the URL as it may be shown; what is no URL is not shown at all."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "--database"
