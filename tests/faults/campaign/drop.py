"""The wire to the server is cut around a COMMIT: the outcome is unknown, and the command called again settles it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import attrs
from sqlalchemy import URL

from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage, SqlAlchemyStorage
from loyalty.errors import OutcomeUnknown, StorageError, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import BlockingStorage, LoopThread
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from tests.faults.campaign.effects import KEY, NOTE, effect_between, require_books_that_tie, require_one_effect, wanted
from tests.faults.campaign.grounds import Ground
from tests.faults.campaign.tally import Done, Tally, replayed_by
from tests.faults.campaign.wire import PROTOCOLS, Place, Wire

__all__ = ["DRIVERS", "drop"]

DRIVERS: Final[Mapping[str, tuple[str, ...]]] = {
    "mariadb": ("pymysql", "asyncmy"),
    "postgresql": ("psycopg", "asyncpg"),
}
"""The drivers of each kind of database that has a wire, the async one last."""
PLACES: Final = tuple(Place)
KEPT: Final = frozenset({Place.AFTER_THE_COMMIT, Place.BEFORE_ITS_REPLY})
"""Where the server has the COMMIT, and so keeps what was written."""


def drop(ground: Ground, seed: int, size: int, first: int = 0) -> Done:
    """
    Cut the wire *size* times at each place for each driver, each time in a shop of its own.

    Every command of the kit takes its turn. Half of the cuts look to the client
    as if the server had ended the connection, half as if it broke. Numbers begin
    at *first*, so that one cut can be had again without all those before it.

    Raises:
        AssertionError: If the caller is told something else than that the outcome is
            unknown, or at a statement that the storage is unavailable; if a part of a
            command is kept; or if the command called again has not exactly one effect.
    """
    tally = Tally("drop", ground.name, seed)
    names = random.Random(seed).sample(list(COMMANDS), len(COMMANDS))
    drivers = DRIVERS[ground.name]
    for number in range(first, first + size * len(PLACES) * len(drivers)):
        place, driver = PLACES[number % len(PLACES)], drivers[number // len(PLACES) % len(drivers)]
        name = names[(number + number // len(names)) % len(names)]
        rng = random.Random(f"{seed}/{number}")
        with replayed_by(tally, f"--first {number} --size 1"), ground.fresh() as storage:
            _one_cut(storage, _Turn(driver, name, place, rng), tally)
            tally.faults[f"{place}, {driver}"] += 1
    return tally.done()


@attrs.frozen
class _Turn:
    """What is cut, and where."""

    driver: str
    name: str
    place: Place
    rng: random.Random


def _one_cut(storage: SqlAlchemyStorage, turn: _Turn, tally: Tally) -> None:
    name, place, rng = turn.name, turn.place, turn.rng
    stand = Stand(storage)
    prepared = prepare(stand)
    before = stand.books()
    command = COMMANDS[name][0](prepared, KEY, NOTE)
    url = storage.engine.url
    with (
        Wire((str(url.host), url.port or 0), PROTOCOLS[url.get_backend_name()]) as wire,
        _behind(url.set(host="127.0.0.1", port=wire.port), turn.driver) as behind,
    ):
        through = Stand(behind, clock=stand.clock, new_id=stand.new_id, policies=stand.policies)
        at = 1 + int(rng.random() * _statements_of(through, command, wire)) if place is Place.AT_A_STATEMENT else 0
        _warm_up(behind)
        wire.cut(place, at_statement=at, is_reset=rng.random() < 1 / 2)
        error = _error_of(through, command)
        wire.wait()
        _require_said(error, place, name)
        after = require_books_that_tie(stand, tally)
        if place in KEPT:
            assert wanted(name) == effect_between(before, after), f"{name} was committed, and left something else"
        else:
            assert before == after, f"{name} left something, cut {place}"
        require_one_effect(through, before, name, command, tally)
        tally.commands += 1
    require_books_that_tie(stand, tally)


@contextmanager
def _behind(url: URL, driver: str) -> Iterator[Storage]:
    """Give a storage at the other end of the wire."""
    text = url.set(drivername=f"{url.get_backend_name()}+{driver}").render_as_string(hide_password=False)
    if driver != DRIVERS[url.get_backend_name()][-1]:
        storage = SqlAlchemyStorage(text)
        yield storage
        storage.dispose()
        return
    with LoopThread() as loop:
        async_storage = AsyncSqlAlchemyStorage(text)
        yield BlockingStorage(async_storage, loop)
        loop.call(async_storage.dispose())


def _warm_up(storage: Storage) -> None:
    """Let the storage connect, so that what is counted are the statements of a command."""
    storage.read(lambda reader: reader.unattached_transfers())


def _statements_of(through: Stand, command: Any, wire: Wire) -> int:
    """Return how many statements a command has before its COMMIT, which is cut off."""
    _warm_up(through.storage)
    wire.cut(Place.BEFORE_THE_COMMIT)
    with suppress(OutcomeUnknown):
        through.execute(command)
    wire.wait()
    return wire.statements


def _error_of(through: Stand, command: Any) -> StorageError:
    try:
        through.execute(command)
    except StorageError as error:
        return error
    raise AssertionError("nothing was told of the cut")


def _require_said(error: StorageError, place: Place, name: str) -> None:
    """Check that the caller was told what there is to know."""
    if place is Place.AT_A_STATEMENT:
        assert type(error) is StorageUnavailable, f"{name} said {error!r}"
    else:
        assert isinstance(error, OutcomeUnknown), f"{name} said {error!r}"
        assert KEY == error.idempotency_key
