"""Whatever statement of whatever command fails, the state is as before or as after, never between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import event

from loyalty import EraseCustomer, ExpireValue, LapseHolds
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.errors import OutcomeUnknown, StorageError, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import BlockingStorage, LoopThread
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.testing.programs import AnyCommand
from loyalty.use_cases.command import Command, Sweep
from tests.faults.faulty_drivers import AnyStorage, Fault, broken, engine_of, lost_race, with_faults
from tests.storages.databases import Databases, PostgresqlDatabases, async_url

SWEEPS: Final[Mapping[str, Sweep[Any]]] = {
    "erase": EraseCustomer(customer_id="ada", known_as=("ada@example.com",)),
    "expire": ExpireValue(),
    "lapse": LapseHolds(),
}
NAMES: Final = (*COMMANDS, *SWEEPS)
OF_EVERY_SHAPE: Final = (
    "issue", "issue a batch", "import", "convert", "redeem", "hold", "capture a hold", "refund", "merge",
    "refund to credit", "issue for a paid order", "revise a product", "erase", "expire",
)  # fmt: skip
"""One row or many, of every table, new and changed; keys that may be there; locks on accounts, orders and sales."""


class Unplugged(Exception):
    """Something that no driver raises: a bug of ours, a signal, memory that ran out."""


def unplugged(_: AnyStorage) -> Exception:
    """Return an error that no driver raises."""
    return Unplugged("unplugged")


@attrs.frozen
class Scene:
    """A shop in which one command can be carried out, on a storage that fails on command."""

    stand: Stand
    storage: AnyStorage
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
    """Makes scenes on one kind of database: plain, observed by a host, or through an async driver."""

    databases: Databases
    kind: str

    @contextmanager
    def scene(self, name: str) -> Iterator[Scene]:
        """Give a fresh scene for the command of this name."""
        made = self.databases.make()
        try:
            with self._storages(made) as (storage, behind_the_port):
                fault = with_faults(storage)
                if self.kind == "observed":
                    event.listen(engine_of(storage), "before_cursor_execute", _listen)
                stand = Stand(behind_the_port)
                card = prepare(stand)
                if name in SWEEPS:
                    stand.clock.advance(DAY)
                command = SWEEPS[name] if name in SWEEPS else COMMANDS[name][0](card, "once", "a note")
                yield Scene(stand, storage, fault, command)
        finally:
            self.databases.drop(made)

    @contextmanager
    def _storages(self, made: SqlAlchemyStorage) -> Iterator[tuple[AnyStorage, Storage]]:
        """Give the storage that fails, and the same as the stand uses it."""
        if self.kind != "async":
            yield made, made
            return
        with LoopThread() as loop:
            driver = {"sqlite": "aiosqlite", "postgresql": "asyncpg", "mariadb": "asyncmy"}
            storage = AsyncSqlAlchemyStorage(async_url(made, driver[made.engine.dialect.name]))
            yield storage, BlockingStorage(storage, loop)
            loop.call(storage.dispose())


def _listen(*_: Any) -> None:
    """Do nothing, as a host's tracing does."""


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """Give a kind of database, and a way in which texts reach it."""
    name, _, kind = request.param.partition(", ")
    return Stage(request.getfixturevalue(f"{name}_databases"), kind)


def _ways(*kinds: str) -> pytest.MarkDecorator:
    cases = [
        (f"{database}, {kind}", name)
        for database in ("sqlite", "postgresql", "mariadb")
        for kind in kinds
        for name in (NAMES if kind == "plain" else OF_EVERY_SHAPE)
    ]
    return pytest.mark.parametrize(("stage", "name"), cases, indirect=["stage"])


on_the_plain_way = _ways("plain")
everywhere = _ways("plain", "observed", "async")
"""Every command on every kind of database, and on every other way to it those that have statements of every shape."""


@everywhere
def test_a_failed_statement_changes_nothing(stage: Stage, name: str) -> None:
    """For every statement of every command: the books are as before, and the command then has exactly one effect."""
    _fail_every_statement(stage, name, broken, StorageUnavailable)


@on_the_plain_way
def test_an_error_that_no_driver_raises_changes_nothing(stage: Stage, name: str) -> None:
    """As little; what it goes through is the same on every way."""
    _fail_every_statement(stage, name, unplugged, Unplugged)


def _fail_every_statement(
    stage: Stage, name: str, fault: Callable[[AnyStorage], Exception], raised: type[Exception]
) -> None:
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


@everywhere
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


@everywhere
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


@everywhere
def test_a_race_lost_at_commit_is_run_again(stage: Stage, name: str) -> None:
    """Where the server itself says that it rolled back, nothing is unknown."""
    with stage.scene(name) as scene:
        receipts = len(scene.stand.books().receipts)
        with scene.fault.failing(lost_race(scene.storage), at_commit=True):
            scene.stand.loyalty.execute(scene.command)

        assert receipts + 1 == len(scene.stand.books().receipts)
        scene.stand.require_sound()


@pytest.fixture
def async_postgresql(postgresql_databases: PostgresqlDatabases) -> Stage:
    """Give PostgreSQL through asyncpg, which raises the network's own errors."""
    return Stage(postgresql_databases, "async")


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError()], ids=["reset", "time-out"])
def test_an_error_of_the_network_at_commit_is_an_unknown_outcome(
    async_postgresql: Stage, error: OSError, is_sent: bool
) -> None:
    """The key comes along, and again with it gives one effect."""
    with async_postgresql.scene("redeem") as scene:
        before = scene.stand.books()
        with (
            scene.fault.failing(error, at_commit=True, is_sent=is_sent),
            pytest.raises(OutcomeUnknown) as caught,
        ):
            scene.stand.loyalty.execute(scene.command)

        assert "once" == caught.value.idempotency_key
        assert is_sent is (before != scene.stand.books())
        scene.require_one_effect(len(before.receipts))


@pytest.mark.parametrize("number", [1, 2])
def test_an_error_of_the_network_closes_the_connection(async_postgresql: Stage, number: int) -> None:
    """Nobody knows what it is in the middle of; nothing is changed, and the next command is given another one."""
    with async_postgresql.scene("redeem") as scene:
        before = scene.stand.books()
        closed: list[object] = []
        event.listen(engine_of(scene.storage), "invalidate", lambda connection, *_: closed.append(connection))
        with (
            scene.fault.failing(ConnectionResetError(), at_statement=number),
            pytest.raises(StorageUnavailable),
        ):
            scene.stand.loyalty.execute(scene.command)

        assert 1 == len(closed)
        assert before == scene.stand.books()
        scene.require_one_effect(len(before.receipts))
