"""Processes that race each other: they start once, and each race begins at a barrier of all of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Final

from loyalty import Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.races import Outcome, race
from loyalty.testing.programs import AnyCommand

__all__ = ["Racers"]

PROCESSES: Final = 8


class Racers:
    """Eight processes; what is more than eight commands runs in several threads of each."""

    def __init__(self) -> None:
        """Start them; spawned, so that nothing of this process is shared."""
        context = multiprocessing.get_context("spawn")
        # Kept, because it vanishes from the system with its last name here.
        self._barrier = context.Barrier(PROCESSES)
        pipes = [context.Pipe() for _ in range(PROCESSES)]
        self._ends = [ours for ours, _ in pipes]
        self._processes = [
            context.Process(target=_work, args=(theirs, self._barrier, f"racer-{number}-"), daemon=True)
            for number, (_, theirs) in enumerate(pipes)
        ]
        for process in self._processes:
            process.start()

    def race(self, url: str, times: Sequence[datetime], commands: Sequence[AnyCommand]) -> list[Outcome]:
        """Execute all commands at once on the database at *url*, each at its time; return their ends, in order."""
        for number, end in enumerate(self._ends):
            end.send((url, tuple(times[number::PROCESSES]), tuple(commands[number::PROCESSES])))
        outcomes: list[Outcome | None] = [None] * len(commands)
        for number, end in enumerate(self._ends):
            answered = end.recv()
            if isinstance(answered, BaseException):
                raise answered
            outcomes[number::PROCESSES] = answered
        return [outcome for outcome in outcomes if outcome is not None]

    def stop(self) -> None:
        """Let them go."""
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join()


def _work(end: Connection, barrier: Barrier, prefix: str) -> None:
    new_id = CountingIds(prefix)
    while (task := end.recv()) is not None:
        url, times, commands = task
        storage = SqlAlchemyStorage(url)
        new_id.restart()
        doors = [Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(time), new_id=new_id) for time in times]
        try:
            storage.read(lambda reader: reader.unattached_transfers())
            barrier.wait()
            end.send(race(doors, commands) if commands else [])
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            end.send(error)
        storage.dispose()
