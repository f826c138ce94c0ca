"""The books of an operator, open to the test as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loyalty import CodeKeys, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from tests.cli.terminal import SECRET
from tests.mail.mailbox import mailbox, server

__all__ = ["mailbox", "server"]


@pytest.fixture
def env(sqlite_url: str) -> dict[str, str]:
    """Give the environment of an operator whose books are there and empty."""
    storage = SqlAlchemyStorage(sqlite_url)
    storage.upgrade()
    storage.dispose()
    return {"LOYALTY_DATABASE_URL": sqlite_url, "LOYALTY_CODE_SECRET": SECRET}


@pytest.fixture
def storage(env: dict[str, str]) -> Iterator[SqlAlchemyStorage]:
    """Give the same books to the test itself."""
    storage = SqlAlchemyStorage(env["LOYALTY_DATABASE_URL"])
    yield storage
    storage.dispose()


@pytest.fixture
def loyalty(storage: SqlAlchemyStorage) -> Loyalty:
    """Give the library on these books, as the shop has it."""
    return Loyalty(storage, code_keys=CodeKeys.from_secret(SECRET))
