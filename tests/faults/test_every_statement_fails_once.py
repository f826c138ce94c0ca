"""Whatever statement of whatever command fails, the state is as before or as after, never between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import event

from loyalty import ExpireValue, LapseHolds
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import OutcomeUnknown, StorageError, StorageUnavailable
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.testing.programs import AnyCommand
from loyalty.use_cases.command import Command, Sweep
from tests.faults.faulty_drivers import Fault, broken, lost_race, with_faults
from tests.storages.databases import PostgresqlDatabases, SqliteDatabases

Databases = SqliteDatabases | PostgresqlDatabases

SWEEPS: Final[Mapping[str, Sweep[Any]]] = {"expire": ExpireValue(), "lapse": LapseHolds()}
NAMES: Final = (*COMMANDS, *SWEEPS)


class Unplugged(Exception):
    """Something that no driver raises: a bug of ours, a signal, memory that ran out."""


def unplugged(_: SqlAlchemyStorage) -> Exception:
    """Return an error that no driver raises."""
    return Unplugged("unplugged")


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


@attrs.frozen
class Scene:
    """A shop in which one command can be carried out, on a storage that fails on command."""

    stand: Stand
    storage: SqlAlchemyStorage
    fault: Fault
    command: AnyCommand

    def require_one_effect(self, receipts: int) -> None:
        """Carry the command out, and again, and find that it happened once."""
        first = self.stand.loyalty.execute(self.command)
        after = self.stand.books()
        second = self.stand.loyalty.execute(self.command)

        assert isinstance(self.command, Sweep) or first == second
        assert after == self.stand.books()
        assert receipts + 1 == len(after.receipts)
        self.stand.require_sound()


@attrs.frozen
class Stage:
    """Makes scenes on one kind of database, with or without a host that listens to the engine."""

    databases: Databases
    is_observed: bool

    @contextmanager
    def scene(self, name: str) -> Iterator[Scene]:
        """Give a fresh scene for the command of this name."""
        storage = self.databases.make()
        try:
            fault = with_faults(storage)
            if self.is_observed:
                event.listen(storage.engine, "before_cursor_execute", _listen)
            stand = Stand(storage)
            card = prepare(stand)
            if name in SWEEPS:
                stand.clock.advance(DAY)
            command = SWEEPS[name] if name in SWEEPS else COMMANDS[name][0](card, "once", "a note")
            yield Scene(stand, storage, fault, command)
        finally:
            self.databases.drop(storage)


def _listen(*_: Any) -> None:
    """Do nothing, as a host's tracing does."""


@pytest.fixture(params=["sqlite", "sqlite, observed", "postgresql", "postgresql, observed"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Give each kind of database in turn, and both ways in which texts reach it."""
    name, _, observed = request.param.partition(", ")
    return Stage(request.getfixturevalue(f"{name}_databases"), bool(observed))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("fault", "raised"), [(broken, StorageUnavailable), (unplugged, Unplugged)])
def test_a_failed_statement_changes_nothing(
    stage: Stage, name: str, fault: Callable[[SqlAlchemyStorage], Exception], raised: type[Exception]
) -> None:
    """For every statement of every command: the books are as before, and the command then has exactly one effect."""
    for number in itertools.count(1):
        with stage.scene(name) as scene:
            before = scene.stand.books()
            with scene.fault.failing(fault(scene.storage), at_statement=number) as tried:
                try:
                    scene.stand.loyalty.execute(scene.command)
                except raised:
                    assert number == len(tried)
                else:
                    assert 1 < number
                    assert number - 1 == len(tried)
                    return

            assert before == scene.stand.books()
            scene.require_one_effect(len(before.receipts))


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_race_is_run_again(stage: Stage, name: str) -> None:
    """For every statement: if the database preferred another transaction, the work is repeated and has one effect."""
    for number in itertools.count(1):
        with stage.scene(name) as scene:
            receipts = len(scene.stand.books().receipts)
            with scene.fault.failing(lost_race(scene.storage), at_statement=number) as tried:
                first = scene.stand.loyalty.execute(scene.command)
                if len(tried) < number:
                    assert 1 < number
                    return
                assert number < len(tried)

            assert receipts + 1 == len(scene.stand.books().receipts)
            assert isinstance(scene.command, Sweep) or first == scene.stand.loyalty.execute(scene.command)
            scene.stand.require_sound()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_sent", [False, True])
def test_an_unknown_outcome_is_settled_by_calling_again(stage: Stage, name: str, is_sent: bool) -> None:
    """A connection that breaks at COMMIT gives OutcomeUnknown with the key; again with it gives one effect, always."""
    with stage.scene(name) as scene:
        before = scene.stand.books()
        with (
            scene.fault.failing(broken(scene.storage), at_commit=True, is_sent=is_sent),
            pytest.raises(StorageError) as caught,
        ):
            scene.stand.loyalty.execute(scene.command)
        after = scene.stand.books()

        assert is_sent is (before != after)
        assert caught.type is OutcomeUnknown or (caught.type is StorageUnavailable and not is_sent)
        if isinstance(caught.value, OutcomeUnknown):
            key = scene.command.idempotency_key if isinstance(scene.command, Command) else None
            assert key == caught.value.idempotency_key
        if isinstance(scene.command, Sweep) and is_sent:
            scene.stand.loyalty.execute(scene.command)
            assert after == scene.stand.books()
        else:
            scene.require_one_effect(len(before.receipts))


@pytest.mark.parametrize("name", NAMES)
def test_a_race_lost_at_commit_is_run_again(stage: Stage, name: str) -> None:
    """Where the server itself says that it rolled back, nothing is unknown."""
    with stage.scene(name) as scene:
        receipts = len(scene.stand.books().receipts)
        with scene.fault.failing(lost_race(scene.storage), at_commit=True):
            scene.stand.loyalty.execute(scene.command)

        assert receipts + 1 == len(scene.stand.books().receipts)
        scene.stand.require_sound()
