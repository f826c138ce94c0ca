"""Processes that do the same work at once, each with its task, and answer when they are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier
from typing import Generic, TypeVar

from tests.faults.processes import context

__all__ = ["all_at_once"]

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class _Work(Generic[Task, Answer]):
    """What one process does; a class, because it travels to the process."""

    def __init__(self, work: Callable[[Task], Answer], task: Task, end: Connection, barrier: Barrier) -> None:
        self._work, self._task, self._end, self._barrier = work, task, end, barrier

    def __call__(self) -> None:
        try:
            self._barrier.wait()
            self._end.send(self._work(self._task))
        except BaseException as error:  # noqa: BLE001 - handed to the campaign, which raises it
            self._end.send(error)


def all_at_once(work: Callable[[Task], Answer], tasks: Sequence[Task], seconds: float) -> list[Answer]:
    """
    Do *work* with each task in a process of its own, all from the same instant; return their answers, in order.

    Raises:
        AssertionError: If one of them has not ended after so many *seconds*: it starves.
    """
    # Kept, because it vanishes from the system with its last name here.
    barrier = context().Barrier(len(tasks))
    pipes = [context().Pipe(duplex=False) for _ in tasks]
    processes = [
        context().Process(target=_Work(work, task, theirs, barrier), daemon=True)
        for task, (_, theirs) in zip(tasks, pipes, strict=True)
    ]
    for process in processes:
        process.start()
    try:
        return [_answer(ours, seconds) for ours, _ in pipes]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _answer(end: Connection, seconds: float) -> Answer:  # type: ignore[type-var]  # whatever the work answers
    assert wait([end], seconds), f"a process did not end within {seconds:.0f} s"
    answered: Answer | BaseException = end.recv()
    if isinstance(answered, BaseException):
        raise answered
    return answered
