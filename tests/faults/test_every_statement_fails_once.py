"""Whatever statement of whatever command fails, the state is as before or as after, never between."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import event

from loyalty import ExpireValue
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import LoyaltyError, OutcomeUnknown, StorageUnavailable
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.testing.programs import AnyCommand
from loyalty.use_cases.command import Command
from tests.storages.databases import PostgresqlDatabases, SqliteDatabases

Databases = SqliteDatabases | PostgresqlDatabases

EXPIRE: Final = "expire"
NAMES: Final = (*COMMANDS, EXPIRE)


class Unplugged(Exception):
    """Something that no driver raises: a bug of ours, a signal, memory that ran out."""


@pytest.fixture(scope="module")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Give SQLite files."""
    return SqliteDatabases(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def postgresql_databases(postgresql_database_of_module: str) -> Iterator[PostgresqlDatabases]:
    """Give PostgreSQL databases."""
    databases = PostgresqlDatabases(postgresql_database_of_module)
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Give each kind of database in turn."""
    found: Databases = request.getfixturevalue(f"{request.param}_databases")
    return found


def broken(storage: SqlAlchemyStorage) -> Exception:
    """Return what the driver raises when the database has gone."""
    if storage.engine.dialect.name == "sqlite":
        return sqlite3.OperationalError("disk I/O error")
    return psycopg.OperationalError("server closed the connection unexpectedly")


def lost_race(storage: SqlAlchemyStorage) -> Exception:
    """Return what the driver raises when another transaction was preferred."""
    if storage.engine.dialect.name == "sqlite":
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        return error
    return psycopg.errors.SerializationFailure("could not serialize access")


def unplugged(_: SqlAlchemyStorage) -> Exception:
    """Return an error that no driver raises."""
    return Unplugged("unplugged")


@contextmanager
def failing_at(storage: SqlAlchemyStorage, number: int, error: Exception) -> Iterator[list[str]]:
    """Let the statement of this number fail, counted from one; give the statements that were tried."""
    tried: list[str] = []

    def execute(_cursor: Any, statement: str, *_: Any) -> None:
        tried.append(statement)
        if len(tried) == number:
            raise error

    names = ("do_execute", "do_executemany", "do_execute_no_params")
    for name in names:
        event.listen(storage.engine, name, execute)
    try:
        yield tried
    finally:
        for name in names:
            event.remove(storage.engine, name, execute)


@contextmanager
def failing_commit(storage: SqlAlchemyStorage, *, is_sent: bool) -> Iterator[None]:
    """Let COMMIT fail, before it reached the server or after the server did it."""
    dialect = storage.engine.dialect
    commit: Callable[[Any], None] = dialect.do_commit

    def fail(connection: Any) -> None:
        if is_sent:
            commit(connection)
        raise broken(storage)

    dialect.do_commit = fail  # type: ignore[method-assign]  # for the time of a test
    try:
        yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]  # as it was


@contextmanager
def prepared(databases: Databases, name: str) -> Iterator[tuple[Stand, SqlAlchemyStorage, AnyCommand]]:
    """Give a shop in which the command of this name can be carried out."""
    storage = databases.make()
    stand = Stand(storage)
    card = prepare(stand)
    if name == EXPIRE:
        stand.clock.advance(DAY)
    command: AnyCommand = ExpireValue() if name == EXPIRE else COMMANDS[name][0](card, "once", "a note")
    yield stand, storage, command
    databases.drop(storage)


def require_one_effect(stand: Stand, command: AnyCommand, receipts: int) -> None:
    """Carry the command out, again and again, and find that it happened once."""
    first = stand.loyalty.execute(command)
    after = stand.books()
    second = stand.loyalty.execute(command)

    assert isinstance(command, ExpireValue) or first == second
    assert after == stand.books()
    assert receipts + 1 == len(after.receipts)
    stand.require_sound()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "raised"), [(broken, StorageUnavailable), (unplugged, Unplugged)])
def test_a_failed_statement_changes_nothing(
    databases: Databases, name: str, fault: Callable[[SqlAlchemyStorage], Exception], raised: type[Exception]
) -> None:
    """For every statement of every command: the books are as before, and the command then has exactly one effect."""
    for number in itertools.count(1):
        with prepared(databases, name) as (stand, storage, command):
            before = stand.books()
            with failing_at(storage, number, fault(storage)) as tried:
                try:
                    stand.loyalty.execute(command)
                except raised:
                    pass
                else:
                    assert 1 < number
                    assert len(tried) == number - 1
                    return

            assert number == len(tried)
            assert before == stand.books()
            require_one_effect(stand, command, len(before.receipts))


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_race_is_run_again(databases: Databases, name: str) -> None:
    """For every statement: if the database preferred another transaction, the work is repeated and has one effect."""
    for number in itertools.count(1):
        with prepared(databases, name) as (stand, storage, command):
            receipts = len(stand.books().receipts)
            with failing_at(storage, number, lost_race(storage)) as tried:
                first = stand.loyalty.execute(command)
            if len(tried) < number:
                return

            assert number < len(tried)
            assert receipts + 1 == len(stand.books().receipts)
            assert isinstance(command, ExpireValue) or first == stand.loyalty.execute(command)
            stand.require_sound()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_sent", [False, True])
def test_an_unknown_outcome_is_settled_by_calling_again(databases: Databases, name: str, is_sent: bool) -> None:
    """A connection that breaks at COMMIT gives OutcomeUnknown with the key; again with it gives one effect, always."""
    with prepared(databases, name) as (stand, storage, command):
        before = stand.books()
        with failing_commit(storage, is_sent=is_sent), pytest.raises(LoyaltyError) as caught:
            stand.loyalty.execute(command)

        assert OutcomeUnknown is caught.type or not is_sent
        assert caught.type in {OutcomeUnknown, StorageUnavailable}
        if isinstance(caught.value, OutcomeUnknown):
            key = command.idempotency_key if isinstance(command, Command) else None
            assert key == caught.value.idempotency_key
        assert is_sent is (before != stand.books())
        if isinstance(command, ExpireValue) and is_sent:
            stand.loyalty.execute(command)
            assert len(before.receipts) + 1 == len(stand.books().receipts)
        else:
            require_one_effect(stand, command, len(before.receipts))
