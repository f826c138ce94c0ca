"""Many processes hammer on five accounts: no update is lost, and nobody starves."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any, Final

import attrs

from loyalty import HoldView, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import Refused, StorageError
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import START, Stand
from tests.faults.campaign.bookings import Booking, Till, Verb, balances, command_of, effect_of, open_till
from tests.faults.campaign.grounds import Ground, url_of
from tests.faults.campaign.tally import Done, Tally, replayed_by
from tests.faults.campaign.workers import all_at_once

__all__ = ["hammer"]

CUSTOMERS: Final = 3
CARDS: Final = 2
VALUE: Final = 1000
MOST: Final = 100
"""What one command moves at most: a tenth of what is on an account, so that many are refused."""
PATIENCE: Final = 20
"""How often a command is called again that lost every race."""
SECONDS_PER_COMMAND: Final = 0.05
"""After how long a process starves, for all commands of all; ten times what one takes that is alone."""
VERBS: Final = (Verb.ADD, Verb.TAKE, Verb.MOVE, Verb.MOVE, Verb.HOLD)


def hammer(ground: Ground, seed: int, size: int, processes: int = 20) -> Done:
    """
    Let so many processes carry out *size* commands each on three customers and two cards, as fast as they can.

    The faults of this campaign are the races that were lost: commands that were
    refused because others were faster, and those that had to be called again.

    Raises:
        AssertionError: If a balance is not exactly what the acknowledged commands
            come to, if there are other receipts than theirs, if the books do not tie,
            or if a process starves.
    """
    tally = Tally("hammer", ground.name, seed)
    with replayed_by(tally, f"--size {size} --processes {processes}"), ground.fresh() as storage:
        stand = Stand(storage)
        till = open_till(stand, customers=CUSTOMERS, cards=CARDS, value=VALUE)
        opened = len(stand.books().receipts)
        storage.dispose()
        tasks = [_Task(url_of(storage), till, seed, number, size) for number in range(processes)]
        worked = all_at_once(_work, tasks, seconds=60 + size * processes * SECONDS_PER_COMMAND)

        wanted = Counter(dict.fromkeys(till.accounts, VALUE))
        for one in worked:
            wanted.update(one.effect)
            tally.commands += one.acknowledged + one.refused
            tally.faults.update({"refused": one.refused, "called again": one.again})
        stand.require_sound()
        assert wanted == balances(stand), "an update was lost, or made twice"
        assert opened + sum(one.acknowledged for one in worked) == len(stand.books().receipts)
        assert processes * size == tally.commands
        tally.checks.update({"audits": 1, "balances": len(wanted), "processes that ended": len(worked)})
        tally.figures["ms for the slowest command"] = round(1000 * max(one.longest for one in worked))
    return tally.done()


@attrs.frozen
class _Task:
    """What a process is told."""

    url: str
    till: Till
    seed: int
    number: int
    size: int


@attrs.define
class _Worked:
    """What a process has done. ``longest`` is what its slowest command took, in seconds."""

    effect: Counter[str] = attrs.field(factory=Counter)
    acknowledged: int = 0
    refused: int = 0
    again: int = 0
    longest: float = 0.0


def _work(task: _Task) -> _Worked:
    prefix = f"{task.number}-"
    storage = SqlAlchemyStorage(task.url)
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds(prefix))
    rng = random.Random(f"{task.seed}/{task.number}")
    worked = _Worked()
    result: object = None
    for number in range(task.size):
        began = time.perf_counter()
        booking = _next(task.till, rng, f"{prefix}{number}", result)
        result = _carry_out(loyalty, booking, worked)
        worked.longest = max(worked.longest, time.perf_counter() - began)
    storage.dispose()
    return worked


def _next(till: Till, rng: random.Random, key: str, last: object) -> Booking:
    """Return what a process does next: what it has just held it captures or lets go."""
    if isinstance(last, HoldView) and last.status == "open":
        return Booking(key=key, verb=rng.choice((Verb.CAPTURE, Verb.VOID)), of=last.id)
    verb, amount = rng.choice(VERBS), rng.randint(1, MOST)
    customer, to = rng.sample(till.customers, 2)
    card = rng.choice(till.cards)
    match verb:
        case Verb.MOVE:
            return Booking(key=key, verb=verb, amount=amount, customer=customer, to=to)
        case Verb.HOLD:
            return Booking(key=key, verb=verb, amount=amount, customer=customer, card=card)
        case _:
            whose: dict[str, Any] = rng.choice(({"customer": customer}, {"card": card}))
            return Booking(key=key, verb=verb, amount=amount, **whose)


def _carry_out(loyalty: Loyalty, booking: Booking, worked: _Worked) -> object:
    """Carry out a command, again as long as others win; return its answer, None if it was refused."""
    for _ in range(PATIENCE):
        try:
            result = loyalty.execute(command_of(booking))
        except Refused:
            worked.refused += 1
            return None
        except StorageError:
            worked.again += 1
        else:
            worked.acknowledged += 1
            worked.effect.update(effect_of(booking, result))
            return result
    raise AssertionError(f"{booking} did not get through")
