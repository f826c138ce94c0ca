"""
Jepsen's bank in our terms: value moves between accounts, to orders and back, and every read of all shows one total.

Processes transfer, hold, capture, void, refund and read, write down what they ask and what they are told, and are
killed now and then, or lose their session; whoever takes their place goes on from what they wrote. In the end the
histories are added up.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TextIO

import attrs
from sqlalchemy import Connection

from loyalty import Audit, LapseHolds, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.clock import system_clock
from loyalty.errors import OutcomeUnknown, Refused, StorageError
from loyalty.testing import fake_code_keys
from loyalty.testing.kit.case import Stand
from tests.faults.campaign.bookings import Booking, Till, Verb, balances, command_of, open_till
from tests.faults.campaign.grounds import DISTURBANCES, Ground, url_of
from tests.faults.campaign.histories import End, Entry, History, look
from tests.faults.campaign.tally import Done, Tally, replayed_by
from tests.faults.processes import context

__all__ = ["bank"]

CUSTOMERS: Final = 8
CARDS: Final = 4
VALUE: Final = 1000
MOST: Final = 200
"""What one command moves at most."""
OPEN: Final = 3
"""How many holds, and how many redemptions that are not given back, a process has at most."""
LAPSES_AFTER: Final = timedelta(seconds=2)
SECONDS_BETWEEN_KILLS: Final = 1.0
SECONDS_TO_END: Final = 60
"""How long a process may take for the command that it is at when the time is over."""
ASKED: Final = 3
"""How often a process asks before it leaves an unknown outcome to whoever takes its place."""
READ, LAPSE = "read", "lapse"
WEIGHTS: Final[dict[str, int]] = {Verb.MOVE: 40, Verb.TAKE: 10, Verb.HOLD: 25, READ: 20, LAPSE: 1}


def bank(
    ground: Ground,
    seed: int,
    seconds: float,
    processes: int = 16,
    *,
    urls: Sequence[str] = (),
    meanwhile: Callable[[int], object] = bool,
) -> Done:
    """
    Let so many processes do business for so many *seconds*, and kill one of them every now and then.

    Args:
        ground:
            Where the books are.
        seed:
            What the processes do, and which of them are killed.
        seconds:
            For how long.
        processes:
            How many.
        urls:
            Several ways to the same books, for a cluster; a process takes one by its
            place and stays with it. By default the ground's own.
        meanwhile:
            What else is done after every kill, told how many there were.

    Raises:
        AssertionError: If any read shows another total, something negative, or less
            than its process knew; if a balance is not exactly what was acknowledged;
            if a refused command left a receipt; if the books do not tie, then or meanwhile.
    """
    tally = Tally("bank", ground.name, seed)
    more = f"--seconds {seconds:g} --processes {processes}"
    with (
        replayed_by(tally, more),
        ground.fresh() as storage,
        tempfile.TemporaryDirectory(prefix="loyalty-bank-") as name,
    ):
        stand = Stand(storage)
        stand.clock.set(system_clock())
        till = open_till(stand, customers=CUSTOMERS, cards=CARDS, value=VALUE)
        task = _Task(tuple(urls) or (url_of(storage),), till, Path(name), seed)
        outside = _Outside(stand, DISTURBANCES.get(ground.name), meanwhile)
        _do_business(task, processes, seconds, outside, tally)
        _settle(task, processes)
        _require_histories(stand, task, processes, tally)
    return tally.done()


@attrs.frozen
class _Task:
    """What a process is told. All end once there is the file ``closed`` in the directory."""

    urls: tuple[str, ...]
    till: Till
    directory: Path
    seed: int

    @property
    def closed(self) -> Path:
        """The sign that says that the time is over."""
        return self.directory / "closed"


# --- the processes --------------------------------------------------------------


@attrs.frozen
class _Outside:
    """Who does no business: looks at the books, and ends what others are in the middle of."""

    stand: Stand
    disturb: Callable[[Connection], int] | None
    meanwhile: Callable[[int], object]

    def end_a_session(self) -> int:
        """Let the server end the session of a process; return how many were ended."""
        if self.disturb is None or not isinstance(self.stand.storage, SqlAlchemyStorage):
            return 0
        with self.stand.storage.engine.connect() as connection:
            return self.disturb(connection)

    def require_books_that_tie(self) -> None:
        """Audit, in the middle of traffic."""
        report = self.stand.loyalty.ask(Audit())
        assert report.is_clean, f"the books do not tie in the middle of traffic: {report.findings}"


def _do_business(task: _Task, processes: int, seconds: float, outside: _Outside, tally: Tally) -> None:
    """Run the processes for so long, end one or its session now and then, and audit in the middle of it."""
    rng = random.Random(task.seed)
    at_work = [_started(task, place) for place in range(processes)]
    try:
        while len(list(task.directory.iterdir())) < processes:
            time.sleep(0.01)
        until = time.monotonic() + seconds
        while time.monotonic() + SECONDS_BETWEEN_KILLS < until:
            time.sleep(SECONDS_BETWEEN_KILLS)
            place = rng.randrange(processes)
            at_work[place].kill()
            at_work[place].join()
            at_work[place] = _started(task, place)
            tally.faults["killed"] += 1
            tally.faults["session ended"] += outside.end_a_session()
            outside.require_books_that_tie()
            tally.checks["audits"] += 1
            outside.meanwhile(tally.faults["killed"])
        time.sleep(max(0, until - time.monotonic()))
        task.closed.touch()
        for process in at_work:
            process.join(SECONDS_TO_END)
            assert process.exitcode == 0, f"a process ended with {process.exitcode}"
    finally:
        for process in at_work:
            process.kill()


def _started(task: _Task, place: int) -> Any:
    process = context().Process(target=_work, args=(task, place), daemon=True)
    process.start()
    return process


def _work(task: _Task, place: int) -> None:
    """Do business at one place, from where the last process there was stopped."""
    history = History(task.directory, place)
    clerk = _Clerk.at(task, place, history)
    with history.begin() as clerk.file:
        for booking in history.unsettled():
            clerk.carry_out(booking)
        while not task.closed.exists():
            clerk.do_something()


@attrs.define
class _Clerk:
    """One process: what it may go on with, and where it writes."""

    loyalty: Loyalty
    storage: SqlAlchemyStorage
    till: Till
    rng: random.Random
    prefix: str
    holds: list[str]
    redemptions: list[str]
    file: TextIO | None = None
    number: int = 0

    @classmethod
    def at(cls, task: _Task, place: int, history: History) -> _Clerk:
        """Return one that knows what was held and redeemed at its place and is neither resolved nor given back."""
        storage = SqlAlchemyStorage(task.urls[place % len(task.urls)])
        bookings, ends = history.bookings(), history.ends().values()
        about = {booking.of for booking in bookings.values()}
        return cls(
            loyalty=Loyalty(storage, code_keys=fake_code_keys()),
            storage=storage,
            till=task.till,
            rng=random.Random(f"{task.seed}/{place}/{history.lives}"),
            prefix=f"{place}-{history.lives}-",
            holds=[entry.hold for entry in ends if entry.hold is not None and entry.hold not in about],
            redemptions=[id_ for entry in ends for id_ in entry.redemptions if id_ not in about],
        )

    def do_something(self) -> None:
        """Read, sweep, or book."""
        (what,) = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if what == READ:
            with suppress(StorageError):
                self.write(Entry(seen=self.storage.read(lambda reader: look(reader, self.till))))
        elif what == LAPSE:
            with suppress(StorageError):
                self.loyalty.execute(LapseHolds())
        else:
            self.number += 1
            self.carry_out(self.next(Verb(what), f"{self.prefix}{self.number}"))

    def next(self, verb: Verb, key: str) -> Booking:
        """Return a booking: of this kind, unless there is enough to resolve or to give back."""
        amount = self.rng.randint(1, MOST)
        customer, to = self.rng.sample(self.till.customers, 2)
        card = self.rng.choice(self.till.cards)
        if len(self.redemptions) >= OPEN:
            return Booking(key=key, verb=Verb.REFUND, of=_taken_from(self.redemptions, self.rng))
        if len(self.holds) >= OPEN:
            resolve = self.rng.choice((Verb.CAPTURE, Verb.CAPTURE, Verb.VOID))
            return Booking(key=key, verb=resolve, of=_taken_from(self.holds, self.rng))
        match verb:
            case Verb.MOVE:
                return Booking(key=key, verb=verb, amount=amount, customer=customer, to=to)
            case Verb.HOLD:
                return Booking(key=key, verb=verb, amount=amount, customer=customer, card=card)
            case _:
                whose: dict[str, Any] = self.rng.choice(({"customer": customer}, {"card": card}))
                return Booking(key=key, verb=verb, amount=amount, **whose)

    def carry_out(self, booking: Booking) -> None:
        """Carry a booking out, again if nobody knows its outcome; write it down before, and what came of it after."""
        for _ in range(ASKED):
            self.write(Entry(booking=booking))
            end = _carried_out(self.loyalty, booking)
            self.write(end)
            if end.end is not End.UNKNOWN:
                break
        if end.hold is not None:
            self.holds.append(end.hold)
        self.redemptions.extend(end.redemptions)

    def write(self, entry: Entry) -> None:
        """Add a line to the history."""
        assert self.file is not None
        self.file.write(entry.line())


def _taken_from(ids: list[str], rng: random.Random) -> str:
    return ids.pop(rng.randrange(len(ids)))


def _carried_out(loyalty: Loyalty, booking: Booking) -> Entry:
    """Carry a booking out and return how it ended."""
    try:
        result = loyalty.execute(command_of(booking, LAPSES_AFTER))
    except Refused:
        return Entry(key=booking.key, end=End.REFUSED)
    except OutcomeUnknown:
        return Entry(key=booking.key, end=End.UNKNOWN)
    except StorageError:
        return Entry(key=booking.key, end=End.FAILED)
    return Entry.done(booking, result)


# --- the checks -----------------------------------------------------------------


def _settle(task: _Task, processes: int) -> None:
    """Ask again for whatever nobody knows the end of, under the same keys."""
    storage = SqlAlchemyStorage(task.urls[0])
    loyalty = Loyalty(storage, code_keys=fake_code_keys())
    for place in range(processes):
        history = History(task.directory, place)
        with history.begin() as file:
            for booking in history.unsettled():
                file.write(Entry(booking=booking).line())
                file.write(_carried_out(loyalty, booking).line())
    storage.dispose()


def _require_histories(stand: Stand, task: _Task, processes: int, tally: Tally) -> None:
    """Add the histories up, and compare them with the books."""
    histories: Sequence[History] = [History(task.directory, place) for place in range(processes)]
    total = VALUE * len(task.till.accounts)
    wanted = Counter(dict.fromkeys(task.till.accounts, VALUE))
    kept = {receipt.given_key for receipt in stand.storage.read(lambda reader: list(reader.receipts()))}
    for history in histories:
        assert not history.unsettled(), "the end of a booking stayed unknown"
        assert history.keys(End.DONE) <= kept, "what was acknowledged has no receipt"
        assert kept.isdisjoint(history.keys(End.REFUSED, End.FAILED)), "what was refused has a receipt"
        wanted.update(history.effect())
        tally.checks["reads"] += history.require_reads(total)
        tally.commands += len(history.bookings())
        tally.figures["asked again"] += history.begun - len(history.bookings())
        tally.figures["unknown"] += sum(entry.end is End.UNKNOWN for entry in history.entries)
        tally.figures["refused"] += len(history.keys(End.REFUSED))
        tally.figures["failed"] += len(history.keys(End.FAILED))
        tally.checks["acknowledged"] += len(history.keys(End.DONE))
    assert wanted == balances(stand), "a balance is not what was acknowledged"
    stand.require_sound()
    tally.checks["balances"] += len(wanted)
    tally.checks["audits"] += 1
