"""Processes that race each other: they start once, and each race begins at a barrier of all of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from typing import Any

from loyalty.facade import Loyalty
from loyalty.ports.storage import Storage
from loyalty.testing.fakes import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import Opener
from loyalty.testing.kit.races import Outcome, race
from loyalty.testing.programs import AnyCommand

__all__ = ["Racers"]


class Racers:
    """
    A few processes; what is more than one command for each runs in several threads of it.

    Args:
        processes:
            How many.
    """

    def __init__(self, processes: int) -> None:
        """Start them; spawned, so that nothing of this process is shared."""
        context = multiprocessing.get_context("spawn")
        # Kept, because it vanishes from the system with its last name here.
        self._barrier = context.Barrier(processes)
        pipes = [context.Pipe() for _ in range(processes)]
        self._ends = [ours for ours, _ in pipes]
        self._processes = [
            context.Process(target=_work, args=(theirs, self._barrier, f"racer-{number}-"), daemon=True)
            for number, (_, theirs) in enumerate(pipes)
        ]
        for process, (_, theirs) in zip(self._processes, pipes, strict=True):
            process.start()
            # Kept by the process alone, so that the end of one that dies is heard.
            theirs.close()

    def race(self, opener: Opener, times: Sequence[datetime], commands: Sequence[AnyCommand]) -> list[Outcome]:
        """Execute all commands at once on what *opener* opens, each at its time; return their ends, in order."""
        step = len(self._processes)
        for number, end in enumerate(self._ends):
            end.send((opener, tuple(times[number::step]), tuple(commands[number::step])))
        answers = [end.recv() for end in self._ends]
        self._raise_first(answers)
        outcomes: list[Any] = list(commands)
        for number, own in enumerate(answers):
            outcomes[number::step] = own
        return outcomes

    def _raise_first(self, answers: Sequence[object]) -> None:
        """Raise what one came to that could not race, not that the others waited for it in vain."""
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            self._barrier.reset()
            raise next((one for one in failed if not isinstance(one, BrokenBarrierError)), failed[0])

    def stop(self) -> None:
        """Let them go."""
        for end in self._ends:
            end.send(None)
        for process in self._processes:
            process.join()


def _work(end: Connection, barrier: Barrier, prefix: str) -> None:
    new_id = CountingIds(prefix)
    while (task := end.recv()) is not None:
        opener, times, commands = task
        new_id.restart()
        try:
            with opener() as storage:
                storage.read(lambda reader: reader.unattached_transfers())
                barrier.wait()
                end.send(_raced(storage, new_id, times, commands))
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            barrier.abort()
            end.send(error)


def _raced(
    storage: Storage, new_id: CountingIds, times: Sequence[datetime], commands: Sequence[AnyCommand]
) -> list[Outcome]:
    doors = [Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(time), new_id=new_id) for time in times]
    return race(doors, commands) if commands else []
