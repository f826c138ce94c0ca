"""Workers are killed in the middle of commands; the books always tie, and the command called again has one effect."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import attrs

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.policies.cash_out import us_cash_out
from loyalty.policies.chosen import Policies
from loyalty.testing import Books, CountingIds, FakeClock
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.replays import COMMANDS, Prepared, prepare
from tests.faults.campaign.effects import KEY, NOTE, effect_between, require_books_that_tie, require_one_effect, wanted
from tests.faults.campaign.grounds import Ground, url_of
from tests.faults.campaign.knife import Cut, Knife
from tests.faults.campaign.tally import Done, Tally, replayed_by
from tests.faults.processes import context

__all__ = ["kill"]

CUTS: Final = tuple(Cut)
LIVED: Final = 0
KILLED: Final = {-signal.SIGKILL, -signal.SIGALRM}


def kill(ground: Ground, seed: int, size: int, first: int = 0) -> Done:
    """
    Kill *size* workers, each in the middle of a command, in a shop of its own.

    Every command of the kit takes its turn, in an order that the seed says, and
    so does every place to cut. A worker that was done before its moment came is
    counted as a command, not as a fault. Numbers begin at *first*, so that one
    cut can be had again without all those before it.

    Raises:
        AssertionError: If the books do not tie after a cut, or the command called
            again has not exactly one effect.
    """
    tally = Tally("kill", ground.name, seed)
    for number, name, cut, share in _turns(seed, first):
        if tally.faults.total() == size:
            break
        with replayed_by(tally, f"--first {number} --size 1"), ground.fresh() as storage:
            _one_cut(storage, name, cut, share, tally)
    return tally.done()


def _turns(seed: int, first: int) -> Iterator[tuple[int, str, Cut, float]]:
    """Yield the number of each turn, its command, and where it is cut."""
    names = random.Random(seed).sample(list(COMMANDS), len(COMMANDS))
    number = first
    while True:
        share = random.Random(f"{seed}/{number}").random()
        # One round of all commands is cut in one way each, the next round in another.
        cut = CUTS[(number + number // len(names)) % len(CUTS)]
        yield number, names[number % len(names)], cut, share
        number += 1


def _one_cut(storage: SqlAlchemyStorage, name: str, cut: Cut, share: float, tally: Tally) -> None:
    stand = Stand(storage)
    prepared = prepare(stand)
    before = stand.books()
    # Its connections would be shared with nobody, but the worker should be alone.
    storage.dispose()

    task = _Task(url=url_of(storage), name=name, prepared=prepared, now=stand.clock(), cut=cut, share=share)
    worker = context().Process(target=_work, args=(task,))
    worker.start()
    worker.join()
    assert worker.exitcode in KILLED | {LIVED}, f"the worker of {name} ended with {worker.exitcode}"
    if worker.exitcode == LIVED:
        assert cut is Cut.AT_ANY_MOMENT, f"{name} was not cut {cut}"
    else:
        tally.faults[cut] += 1
    tally.commands += 1

    _require_all_or_nothing(before, require_books_that_tie(stand, tally), name, cut, is_whole=worker.exitcode == LIVED)
    require_one_effect(stand, before, name, COMMANDS[name][0](prepared, KEY, NOTE), tally)
    require_books_that_tie(stand, tally)


def _require_all_or_nothing(before: Books, after: Books, name: str, cut: Cut, *, is_whole: bool) -> None:
    """Check that a command left nothing or everything, as the place of the cut says."""
    if before == after:
        assert not is_whole, f"{name} was acknowledged, and left nothing"
        assert cut is not Cut.AFTER_THE_COMMIT, f"{name} was committed, and left nothing"
    else:
        assert wanted(name) == effect_between(before, after), f"{name} left a part of itself"
        assert cut in {Cut.AFTER_THE_COMMIT, Cut.AT_ANY_MOMENT}, f"{name} left something, cut {cut}"


@attrs.frozen(kw_only=True)
class _Task:
    """What a worker is told."""

    url: str
    name: str
    prepared: Prepared
    now: datetime
    cut: Cut
    share: float


def _work(task: _Task) -> None:
    """Carry out a command, in a process that ends in the middle of it."""
    stand = Stand(
        SqlAlchemyStorage(task.url),
        clock=FakeClock(task.now),
        new_id=CountingIds("killed-"),
        policies=Policies(cash_out=us_cash_out),
    )
    command = COMMANDS[task.name][0](task.prepared, KEY, NOTE)
    Knife.drawn().cutting(task.cut, task.share, lambda: stand.execute(command))
