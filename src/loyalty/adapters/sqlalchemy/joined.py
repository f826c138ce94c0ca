"""The storage inside a transaction of the host: it neither begins nor ends anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from loyalty.adapters.sqlalchemy.dialects import MARIADB, SQLITE
from loyalty.adapters.sqlalchemy.driver import ThroughSqlAlchemy
from loyalty.adapters.sqlalchemy.failures import has_ended_transaction
from loyalty.adapters.sqlalchemy.mariadb_sessions import require_safe
from loyalty.adapters.sqlalchemy.reading import SqlReader
from loyalty.adapters.sqlalchemy.statements import Statements
from loyalty.adapters.sqlalchemy.transactions import require_transaction, take_write_lock, translating
from loyalty.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from loyalty.errors import InvalidRequest
from loyalty.ports.storage import Reader, UnitOfWork

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["JoinedStorage"]

Result = TypeVar("Result")


class JoinedStorage:
    """The books inside the host's transaction. Made by ``joining``."""

    is_joined: Final = True
    """What is written stays only if the host commits; whoever logs it says so."""

    def __init__(self, connection_or_session: Connection | Session, statements: Statements) -> None:
        """Keep the host's connection."""
        self._host = connection_or_session
        self._statements = statements

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """
        Run *work* inside the host's transaction, behind a savepoint.

        Raises:
            loyalty.errors.ConcurrentUpdate: If a race was lost; the host's
                transaction must be rolled back and tried again.
            loyalty.errors.InvalidRequest: If the connection commits every
                statement by itself, so that there is no transaction to join.
        """
        connection = self._connection()
        driver = ThroughSqlAlchemy(connection)
        with translating(), _ended_with(connection):
            require_transaction(driver)
            if self._statements.database == MARIADB:
                require_safe(driver, self._statements.tables)
            if self._statements.database == SQLITE:
                take_write_lock(driver, self._statements)
            with connection.begin_nested():
                return work(SqlUnitOfWork(driver, self._statements))

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from what the host's transaction sees."""
        with translating():
            return question(SqlReader(ThroughSqlAlchemy(self._connection()), self._statements))

    def _connection(self) -> Connection:
        connection = self._host if isinstance(self._host, Connection) else _connection_of(self._host)
        if connection.closed:
            raise InvalidRequest("the connection to join is closed")
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise InvalidRequest("the connection commits every statement by itself; there is no transaction to join")
        return connection


def _connection_of(session: object) -> Connection:
    from sqlalchemy.orm import Session  # noqa: PLC0415 - slow to load, and loaded already by whoever has a session

    if not isinstance(session, Session):
        raise InvalidRequest("join a SQLAlchemy Connection or Session")
    return session.connection()


@contextmanager
def _ended_with(connection: Connection) -> Iterator[None]:
    """
    Let the host not go on after its transaction was ended by the database.

    MariaDB rolls a deadlock's victim back as a whole and would then begin another
    transaction without a word: the host would commit a half.
    """
    try:
        yield
    except DBAPIError as error:
        if has_ended_transaction(error):
            connection.invalidate(error)
        raise
