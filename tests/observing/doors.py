"""Both doors on one storage, and storages that lose races or fail, to see what observers hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from loyalty import AsyncLoyalty, Loyalty, MemoryStorage
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.ports.observer import Ending, Observer, Operation
from loyalty.ports.storage import Reader, Storage, UnitOfWork
from loyalty.use_cases.deliver_events import Delivered
from tests.use_cases.shop import KEYS

__all__ = ["DOORS", "AwaitedDoor", "BlockingDoor", "Door", "Failing", "Losing", "Remembering"]

Result = TypeVar("Result")


class BlockingDoor:
    """The library as a thread has it."""

    def __init__(self, storage: Storage | None = None, observer: Observer | None = None, **parts: Any) -> None:
        self.loyalty = Loyalty(storage or MemoryStorage(), code_keys=KEYS, observer=observer, **parts)

    def execute(self, command: Any, **given: Any) -> Any:
        """Carry out a command."""
        return self.loyalty.execute(command, **given)

    def ask(self, query: Any, **given: Any) -> Any:
        """Answer a query."""
        return self.loyalty.ask(query, **given)

    def deliver(self, sink: Any, **given: Any) -> Delivered:
        """Deliver events."""
        return self.loyalty.deliver_events(sink, **given)


class AwaitedDoor:
    """The library as a task has it."""

    def __init__(self, storage: Storage | None = None, observer: Observer | None = None, **parts: Any) -> None:
        lifted = ThreadedStorage(storage or MemoryStorage())
        self.loyalty = AsyncLoyalty(lifted, code_keys=KEYS, observer=observer, **parts)

    def execute(self, command: Any, **given: Any) -> Any:
        """Carry out a command."""
        return asyncio.run(self.loyalty.execute(command, **given))

    def ask(self, query: Any, **given: Any) -> Any:
        """Answer a query."""
        return asyncio.run(self.loyalty.ask(query, **given))

    def deliver(self, sink: Any, **given: Any) -> Delivered:
        """Deliver events."""
        return asyncio.run(self.loyalty.deliver_events(sink, **given))


Door = BlockingDoor | AwaitedDoor
DOORS: Final[list[type[Door]]] = [BlockingDoor, AwaitedDoor]


@attrs.define
class Losing:
    """A storage that loses so many races, each after the rules were run, before it keeps what they say."""

    races: int
    storage: Storage = attrs.field(factory=MemoryStorage)

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run the work again and again."""
        for _ in range(self.races):
            self._lose(work)
        return self.storage.run(work)

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer from the storage."""
        return self.storage.read(question)

    def _lose(self, work: Callable[[UnitOfWork], Result]) -> None:
        def lost(uow: UnitOfWork) -> None:
            work(uow)
            raise _LostError

        try:
            self.storage.run(lost)
        except _LostError:
            return


class _LostError(Exception):
    """Another one won the race."""


@attrs.define
class Failing:
    """A storage that fails: before it does anything, or when all is done."""

    error: BaseException
    is_done: bool = False
    storage: Storage = attrs.field(factory=MemoryStorage)

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Fail."""
        if self.is_done:
            self.storage.run(work)
        raise self.error

    def read(self, question: Callable[[Reader], Result]) -> Result:  # noqa: ARG002  # asked of every storage
        """Fail."""
        raise self.error


@attrs.define
class Remembering:
    """An observer that remembers what it is told, in order."""

    heard: list[Any] = attrs.field(factory=list)

    def began(self, operation: Operation) -> Remembering:
        """Remember the beginning."""
        self.heard.append(operation)
        return self

    def lost_race(self, attempts: int) -> None:
        """Remember the number of the attempt."""
        self.heard.append(attempts)

    def ended(self, ending: Ending) -> None:
        """Remember the end."""
        self.heard.append(ending)

    @property
    def last(self) -> Ending:
        """The end of the last operation."""
        ending = self.heard[-1]
        assert isinstance(ending, Ending)
        return ending
