"""Wherever a command of several steps is cut off: no card is lost, none is there twice, and again finishes it."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import event

from loyalty import GiftCardRow, ImportGiftCards, IssueGiftCardBatch, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.codes.code import GiftCardCode
from loyalty.errors import OutcomeUnknown, StorageError
from loyalty.testing import Books, CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import START, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.stepwise import Stepwise
from tests.faults.faulty_drivers import broken, lost_race, with_faults
from tests.faults.processes import lives_through, url_of
from tests.storages.databases import PostgresqlDatabases, SqliteDatabases

CARDS: Final = 5
KEY: Final = "many cards"


def _batch() -> Stepwise[Any]:
    return IssueGiftCardBatch(count=CARDS, value=money(100), cards_per_step=2, idempotency_key=KEY)


def _import() -> Stepwise[Any]:
    keys = fake_code_keys()
    rows = [
        GiftCardRow(
            source_id=f"{number}",
            value=money(100),
            code_digest=keys.digest(GiftCardCode.of(f"OLD-CARD-{number}")),
            code_key_id=keys.current_id,
            last_four="CARD",
        )
        for number in range(CARDS)
    ]
    return ImportGiftCards(source="old", rows=rows, rows_per_step=2, idempotency_key=KEY)


COMMANDS: Final[Mapping[str, Callable[[], Stepwise[Any]]]] = {"batch": _batch, "import": _import}
STEPS: Final = 3


@attrs.frozen
class Scene:
    """A shop, and a command of several steps for it."""

    stand: Stand
    storage: SqlAlchemyStorage
    command: Stepwise[Any]

    def require_whole_steps(self) -> None:
        """Find whole steps only, the first ones, and books that tie."""
        books = self.stand.books()
        assert _cards_after(len(books.receipts)) == len(books.gift_cards)
        self.stand.require_sound()

    def require_the_rest_when_asked_again(self) -> None:
        """Carry it out again, twice, and find all the cards, each once, and the same answer."""
        before = self.stand.books()
        first = self.stand.execute(self.command)
        after = self.stand.books()

        assert CARDS == len(after.gift_cards) == len({card.code_digest for card in after.gift_cards})
        assert {"USD": 100 * CARDS} == after.owed()
        assert set(_ids(before)) <= set(_ids(after))
        assert first == self.stand.execute(self.command)
        assert after == self.stand.books()
        self.stand.require_sound()


def _cards_after(steps: int) -> int:
    return min(2 * steps, CARDS)


def _ids(books: Books) -> Iterator[str]:
    return (card.id for card in books.gift_cards)


@pytest.fixture(params=[f"{name}, {command}" for name in ("sqlite", "postgresql") for command in COMMANDS])
def scenes(request: pytest.FixtureRequest) -> Iterator[Callable[[], Scene]]:
    """Give a maker of scenes, on each kind of database in turn, for each command."""
    name, _, command = request.param.partition(", ")
    databases: SqliteDatabases | PostgresqlDatabases = request.getfixturevalue(f"{name}_databases")
    made: list[SqlAlchemyStorage] = []

    def make() -> Scene:
        made.append(databases.make())
        return Scene(Stand(made[-1]), made[-1], COMMANDS[command]())

    yield make
    for storage in made:
        databases.drop(storage)


def test_a_failed_statement_of_any_step(scenes: Callable[[], Scene]) -> None:
    """The steps before it are kept, its own left nothing, and again does the rest."""
    for number in itertools.count(1):
        scene = scenes()
        fault = with_faults(scene.storage)
        with fault.failing(broken(scene.storage), at_statement=number) as tried:
            try:
                scene.stand.execute(scene.command)
            except StorageError:
                assert number == len(tried)
            else:
                assert STEPS < number
                return
        scene.require_whole_steps()
        scene.require_the_rest_when_asked_again()


def test_a_race_lost_at_any_statement_of_any_step(scenes: Callable[[], Scene]) -> None:
    """Only that step is run again, and all comes to the same."""
    for number in itertools.count(1):
        scene = scenes()
        fault = with_faults(scene.storage)
        with fault.failing(lost_race(scene.storage), at_statement=number) as tried:
            scene.stand.execute(scene.command)
        scene.require_the_rest_when_asked_again()
        if len(tried) < number:
            assert STEPS < number
            return


@pytest.mark.parametrize("is_sent", [False, True])
def test_an_unknown_outcome_of_any_step(scenes: Callable[[], Scene], is_sent: bool) -> None:
    """It names the key that was given, and again with it does the rest."""
    for step in range(1, STEPS + 1):
        scene = scenes()
        fault = with_faults(scene.storage)
        error = broken(scene.storage)
        with (
            fault.failing(error, at_commit=True, is_sent=is_sent, commits_before=step - 1),
            pytest.raises(StorageError) as caught,
        ):
            scene.stand.execute(scene.command)

        assert not isinstance(caught.value, OutcomeUnknown) or KEY == caught.value.idempotency_key
        scene.require_whole_steps()
        assert _cards_after(step - 1 + is_sent) == len(scene.stand.books().gift_cards)
        scene.require_the_rest_when_asked_again()


# --- killed -----------------------------------------------------------------------------------------------------------


def _carry_out(url: str, command: Stepwise[Any], dies_at: int) -> None:
    storage = SqlAlchemyStorage(url)
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds(f"{dies_at}-"))
    moments = itertools.count(1)

    def die(*_: Any) -> None:
        if next(moments) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(storage.engine, moment, die)
    loyalty.execute(command)


def test_a_process_killed_at_any_moment_of_any_step(scenes: Callable[[], Scene]) -> None:
    """Before and after each statement and before each commit: another process finds whole steps and does the rest."""
    for moment in itertools.count(1):
        scene = scenes()
        if lives_through(_carry_out, url_of(scene.stand), scene.command, moment):
            assert STEPS < moment
            assert CARDS == len(scene.stand.books().gift_cards)
            return
        scene.require_whole_steps()
        scene.require_the_rest_when_asked_again()
