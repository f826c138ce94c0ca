"""
The one door: ``execute`` changes things, ``ask`` reads.

A host makes one :class:`Loyalty` at start and shares it among its threads, or
one :class:`AsyncLoyalty` and shares it among its tasks; they hold no state but
their configuration.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Generic, Self, TypeVar, cast

from loyalty.attempts.default import InThisProcess
from loyalty.attempts.watch import AttemptWatch
from loyalty.clock import Clock, require_utc, system_clock
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.errors import InvalidRequest
from loyalty.identifiers import IdSource, random_id
from loyalty.observing.watching import Observers
from loyalty.policies.chosen import Policies
from loyalty.policies.redelivery import Redelivery
from loyalty.ports.attempt_limiter import AttemptLimiter
from loyalty.ports.event_sink import AsyncEventSink, EventSink, OutgoingEvent
from loyalty.ports.observer import Observer
from loyalty.ports.outbox import OutboxEntry
from loyalty.ports.storage import AsyncStorage, Reader, Storage, UnitOfWork
from loyalty.reports.paged import Page, PagedQuery
from loyalty.reports.query import Query, QueryContext
from loyalty.use_cases.command import Command, Context, Sweep
from loyalty.use_cases.deliver_events import (
    LEASE,
    LIMIT,
    REDELIVERY,
    Delivered,
    Delivery,
    ReadStep,
    Step,
    Steps,
    never_stopped,
)
from loyalty.use_cases.perform import Performed, perform, perform_sweep
from loyalty.use_cases.stepwise import Stepwise

__all__ = ["AsyncLoyalty", "Loyalty"]

Result = TypeVar("Result")
Item = TypeVar("Item")
AnyPage = TypeVar("AnyPage", bound=Page[Any])
Books = TypeVar("Books", bound=Storage | AsyncStorage)


class _Door(Generic[Books]):
    """What both doors are made of: the configuration, and the work that a request means under it."""

    _has_async_storage: bool

    def __init__(
        self,
        storage: Books,
        *,
        code_keys: CodeKeys,
        clock: Clock = system_clock,
        policies: Policies | None = None,
        code_format: CodeFormat | None = None,
        new_id: IdSource = random_id,
        attempt_limiter: AttemptLimiter | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Keep the configuration; nothing is opened or read."""
        self._storage = storage
        self._code_keys = code_keys
        self._clock = clock
        self._policies = Policies() if policies is None else policies
        self._code_format = CodeFormat() if code_format is None else code_format
        self._new_id = new_id
        self._attempts = AttemptWatch(InThisProcess() if attempt_limiter is None else attempt_limiter)
        self._observer = observer
        self._require_parts()
        self._observers = Observers(observer, is_joined=getattr(storage, "is_joined", False))

    def using(self, storage: Books) -> Self:
        """Return the same configuration on another storage, for example one that joins a host's transaction."""
        return type(self)(
            storage,
            code_keys=self._code_keys,
            clock=self._clock,
            policies=self._policies,
            code_format=self._code_format,
            new_id=self._new_id,
            attempt_limiter=self._attempts.limiter,
            observer=self._observer,
        )

    def _require_parts(self) -> None:
        """Tell a wrong part when the library is set up, and not inside a sale."""
        kind = "async " if self._has_async_storage else ""
        parts = {
            f"storage must have {kind}run and read": self._is_storage(),
            "code_keys must be CodeKeys": isinstance(self._code_keys, CodeKeys),
            "clock must be callable": callable(self._clock),
            "policies must be Policies": isinstance(self._policies, Policies),
            "code_format must be a CodeFormat": isinstance(self._code_format, CodeFormat),
            "new_id must be callable": callable(self._new_id),
            "attempt_limiter must have require, wrong and mistyped": not isinstance(self._attempts.limiter, type)
            and isinstance(self._attempts.limiter, AttemptLimiter),
            "observer must have began": self._observer is None
            or (not isinstance(self._observer, type) and isinstance(self._observer, Observer)),
        }
        for rule, holds in parts.items():
            if not holds:
                raise InvalidRequest(rule)

    def _is_storage(self) -> bool:
        storage: object = self._storage
        methods = [getattr(storage, name, None) for name in ("run", "read")]
        return not isinstance(storage, type) and all(
            callable(method) and iscoroutinefunction(method) is self._has_async_storage for method in methods
        )

    def _work(self, command: Command[Result] | Sweep[Result]) -> Callable[[UnitOfWork], Performed[Result]]:
        """Return what the storage is to run for a command. The time is fixed here, once."""
        if isinstance(command, Command):
            context = self._context()
            return lambda uow: perform(command, uow, context)
        if isinstance(command, Sweep):
            context = self._context()
            return lambda uow: perform_sweep(command, uow, context)
        raise InvalidRequest("execute takes a command")

    def _question(self, query: Query[Result]) -> Callable[[Reader], Result]:
        """Return what the storage is to be asked for a query."""
        if not isinstance(query, Query):
            raise InvalidRequest("ask takes a query")
        context = QueryContext(
            now=self._now(), code_keys=self._code_keys, code_format=self._code_format, policies=self._policies
        )
        return lambda reader: query.answer(reader, context)

    def _list(self, query: PagedQuery[AnyPage, Item]) -> PagedQuery[AnyPage, Item]:
        if not isinstance(query, PagedQuery):
            raise InvalidRequest("stream takes a list")
        return query

    def _delivery(
        self, sink: object, limit: int, lease: timedelta, redelivery: Redelivery, is_stopped: Callable[[], bool]
    ) -> Steps:
        """Return the steps of a delivery to *sink*."""
        if isinstance(sink, type) or not callable(getattr(sink, "deliver", None)):
            raise InvalidRequest("an event sink must have deliver")
        if not callable(is_stopped):
            raise InvalidRequest("is_stopped must be a function")
        return Delivery(clock=self._now, is_stopped=is_stopped, limit=limit, lease=lease, redelivery=redelivery).steps()

    def _now(self) -> datetime:
        return require_utc(self._clock(), "the clock's time")

    def _context(self) -> Context:
        return Context(
            now=self._now(),
            new_id=self._new_id,
            code_keys=self._code_keys,
            code_format=self._code_format,
            policies=self._policies,
        )


class Loyalty(_Door[Storage]):
    """
    Gift cards and store credit on a storage.

    Args:
        storage:
            Where the books are: ``MemoryStorage()``, ``SqlAlchemyStorage(...)`` or
            any other :class:`loyalty.ports.storage.Storage`.
        code_keys:
            The secret keys behind gift card codes.
        clock:
            Answers the current time, aware and in UTC. Called once per command.
        policies:
            The shop's choices; the defaults are documented with each.
        code_format:
            How codes look.
        new_id:
            Answers a new, unique id.
        attempt_limiter:
            Keeps strangers from guessing codes. By default wrong codes are
            counted in this process, per caller and overall, for as long as this
            object and its copies live. ``UnlimitedGuesses()`` turns it off.
        observer:
            Hears how every operation went, to count and time them, such as
            :class:`loyalty.adapters.opentelemetry.Telemetry`. Operations are logged
            without it, too.

    Raises:
        loyalty.errors.InvalidRequest: If a part is of the wrong kind.
    """

    _has_async_storage = False

    def execute(self, command: Command[Result] | Sweep[Result], *, caller: str | None = None) -> Result:
        """
        Carry out a command, all of it or nothing.

        Calling again with the same idempotency key and content is always safe. A
        command that says that it is carried out in steps may be cut off between
        them, and goes on where it stopped when it is called again.

        Args:
            command:
                What is to be done.
            caller:
                Who is asking, as far as the host can tell: an address, a session,
                a till. Whose codes are wrong too often is refused for a while. It
                is no part of the command and is not kept with it.

        Raises:
            loyalty.errors.TooManyAttempts: If the command carries a code and there
                were too many wrong ones; nothing was looked up.
            loyalty.errors.LoyaltyError: What the command documents; nothing was
                changed, except that after ``OutcomeUnknown`` it may have been.
        """
        result = self._execute_once(command, caller)
        if isinstance(command, Stepwise):
            while (step := command.next_step(result)) is not None:
                result = command.together(result, self._execute_once(step, caller))
        return result

    def stream(self, query: PagedQuery[AnyPage, Item], *, caller: str | None = None) -> Iterator[Item]:
        """
        Go through a whole list, in bounded memory.

        It is read page by page, *limit* rows at a time, each page from a snapshot
        of its own when it is needed; no transaction stays open in between.

        Args:
            query:
                A list, such as ``ListGiftCards(...)``. Its *after* says where to begin.
            caller:
                Who is asking; see :meth:`execute`.

        Raises:
            loyalty.errors.InvalidRequest: If *query* is no list; at once. All that the
                query documents is raised where its page is read.
        """
        return self._pages(self._list(query), caller)

    def _pages(self, query: PagedQuery[AnyPage, Item], caller: str | None) -> Iterator[Item]:
        following: PagedQuery[AnyPage, Item] | None = query
        while following is not None:
            page = self.ask(following, caller=caller)
            yield from page
            following = following.from_here(page)

    def ask(self, query: Query[Result], *, caller: str | None = None) -> Result:
        """
        Answer a query from one consistent snapshot.

        Args:
            query:
                What is to be answered.
            caller:
                Who is asking; see :meth:`execute`.

        Raises:
            loyalty.errors.TooManyAttempts: If the query carries a code and there
                were too many wrong ones; nothing was looked up.
            loyalty.errors.LoyaltyError: What the query documents.
        """
        question = self._question(query)
        with self._observers.over(query), self._attempts.over(query, caller) as charge:
            answer = self._storage.read(question)
            charge(query.wrong_codes(answer))
            return answer

    def _execute_once(self, command: Command[Result] | Sweep[Result], caller: str | None) -> Result:
        """Carry out one step, in one piece of work."""
        perform = self._work(command)
        with self._observers.over(command) as watching, self._attempts.over(command, caller):
            return self._storage.run(watching.attempting(perform))

    def deliver_events(
        self,
        sink: EventSink,
        *,
        limit: int = LIMIT,
        lease: timedelta = LEASE,
        redelivery: Redelivery = REDELIVERY,
        is_stopped: Callable[[], bool] = never_stopped,
    ) -> Delivered:
        """
        Hand over what happened, in order and at least once.

        Call it as often as you like, from as many workers as you like, and never
        inside a transaction of the host: an event leaves after the change that it
        tells of was committed. :class:`loyalty.worker.EventWorker` does so in a loop.

        Args:
            sink:
                Who takes the events.
            limit:
                How many events at most; from 1 to 1,000.
            lease:
                For how long they belong to this call. What it has not handed over
                after half of that is left to others, and so is everything if it dies.
                Longer than the sink ever takes for one event; from a second to a day.
            redelivery:
                How long to wait after a failure, and when to give an event up. Then it
                is a dead letter: see ``ListDeadLetters`` and ``RetryDeadLetter``.
            is_stopped:
                Asked before each event; once it says True the rest is left to others.

        Returns:
            How many events the sink has, how many it did not take, how many were
            given up, and whether there may be more.

        Raises:
            loyalty.errors.InvalidRequest: If an argument is not as said.
            loyalty.errors.StorageError: If the storage did not answer. What was handed
                over and not written down is handed over again later.

        Guarantees:
            No event is lost or kept for itself, whenever a worker is killed
            (``tests/faults/test_killed_while_delivering.py``).
        """
        steps = self._delivery(sink, limit, lease, redelivery, is_stopped)
        with self._observers.over_delivery() as watching:
            return watching.delivered(self._deliver(steps, sink))

    def _deliver(self, steps: Steps, sink: EventSink) -> Delivered:
        """Do what a delivery asks for, step by step."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = self._answer_of(step, sink)
                except Exception as error:  # noqa: BLE001 - the delivery decides what an error means
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return cast("Delivered", end.value)

    def _answer_of(self, step: Step, sink: EventSink) -> tuple[OutboxEntry, ...]:
        if isinstance(step, OutgoingEvent):
            sink.deliver(step)
            return ()
        return self._storage.read(step.question) if isinstance(step, ReadStep) else self._storage.run(step.work)


class AsyncLoyalty(_Door[AsyncStorage]):
    """
    Gift cards and store credit for tasks of an event loop: the very same commands and queries, awaited.

    Args:
        storage:
            Where the books are: ``AsyncSqlAlchemyStorage(...)``, a
            ``ThreadedStorage(...)`` around a blocking one, or any other
            :class:`loyalty.ports.storage.AsyncStorage`.
        code_keys:
            As for :class:`Loyalty`, and so are all the others.
        clock:
            Answers the current time; not awaited.
        policies:
            The shop's choices.
        code_format:
            How codes look.
        new_id:
            Answers a new, unique id; not awaited.
        attempt_limiter:
            Keeps strangers from guessing codes; not awaited, so one that asks
            another machine keeps the event loop waiting as long as it takes.
        observer:
            Hears how every operation went; not awaited.

    Raises:
        loyalty.errors.InvalidRequest: If a part is of the wrong kind.
    """

    _has_async_storage = True

    async def execute(self, command: Command[Result] | Sweep[Result], *, caller: str | None = None) -> Result:
        """
        Carry out a command, all of it or nothing, also if the task is cancelled.

        Calling again with the same idempotency key and content is always safe,
        and after a cancellation it tells what happened. A command that says that
        it is carried out in steps goes on where it stopped.

        Args:
            command:
                What is to be done.
            caller:
                Who is asking; see :meth:`Loyalty.execute`.

        Raises:
            loyalty.errors.TooManyAttempts: If the command carries a code and there
                were too many wrong ones; nothing was looked up.
            loyalty.errors.LoyaltyError: What the command documents; nothing was
                changed, except that after ``OutcomeUnknown`` it may have been.
        """
        result = await self._execute_once(command, caller)
        if isinstance(command, Stepwise):
            while (step := command.next_step(result)) is not None:
                result = command.together(result, await self._execute_once(step, caller))
        return result

    def stream(self, query: PagedQuery[AnyPage, Item], *, caller: str | None = None) -> AsyncIterator[Item]:
        """
        Go through a whole list, in bounded memory: ``async for card in loyalty.stream(...)``.

        It is read page by page, *limit* rows at a time, each page from a snapshot
        of its own when it is needed; no transaction stays open in between.

        Args:
            query:
                A list; see :meth:`Loyalty.stream`.
            caller:
                Who is asking; see :meth:`Loyalty.execute`.

        Raises:
            loyalty.errors.InvalidRequest: If *query* is no list; at once. All that the
                query documents is raised where its page is read.
        """
        return self._pages(self._list(query), caller)

    async def _pages(self, query: PagedQuery[AnyPage, Item], caller: str | None) -> AsyncIterator[Item]:
        following: PagedQuery[AnyPage, Item] | None = query
        while following is not None:
            page = await self.ask(following, caller=caller)
            for item in page:
                yield item
            following = following.from_here(page)

    async def ask(self, query: Query[Result], *, caller: str | None = None) -> Result:
        """
        Answer a query from one consistent snapshot.

        Args:
            query:
                What is to be answered.
            caller:
                Who is asking; see :meth:`Loyalty.execute`.

        Raises:
            loyalty.errors.TooManyAttempts: If the query carries a code and there
                were too many wrong ones; nothing was looked up.
            loyalty.errors.LoyaltyError: What the query documents.
        """
        question = self._question(query)
        with self._observers.over(query), self._attempts.over(query, caller) as charge:
            answer = await self._storage.read(question)
            charge(query.wrong_codes(answer))
            return answer

    async def _execute_once(self, command: Command[Result] | Sweep[Result], caller: str | None) -> Result:
        """Carry out one step, in one piece of work."""
        perform = self._work(command)
        with self._observers.over(command) as watching, self._attempts.over(command, caller):
            return await self._storage.run(watching.attempting(perform))

    async def deliver_events(
        self,
        sink: AsyncEventSink | EventSink,
        *,
        limit: int = LIMIT,
        lease: timedelta = LEASE,
        redelivery: Redelivery = REDELIVERY,
        is_stopped: Callable[[], bool] = never_stopped,
    ) -> Delivered:
        """
        Hand over what happened, in order and at least once; see :meth:`Loyalty.deliver_events`.

        Args:
            sink:
                Who takes the events: its ``deliver`` is awaited if it can be, and
                otherwise keeps the event loop waiting.
            limit:
                How many events at most; from 1 to 1,000.
            lease:
                For how long they belong to this call.
            redelivery:
                How long to wait after a failure, and when to give an event up.
            is_stopped:
                Asked before each event; once it says True the rest is left to others.

        Raises:
            loyalty.errors.InvalidRequest: If an argument is not as said.
            loyalty.errors.StorageError: If the storage did not answer.
        """
        steps = self._delivery(sink, limit, lease, redelivery, is_stopped)
        with self._observers.over_delivery() as watching:
            return watching.delivered(await self._deliver(steps, sink))

    async def _deliver(self, steps: Steps, sink: AsyncEventSink | EventSink) -> Delivered:
        """Do what a delivery asks for, step by step."""
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._answer_of(step, sink)
                except Exception as error:  # noqa: BLE001 - the delivery decides what an error means
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            return cast("Delivered", end.value)

    async def _answer_of(self, step: Step, sink: AsyncEventSink | EventSink) -> tuple[OutboxEntry, ...]:
        if isinstance(step, OutgoingEvent):
            awaited = sink.deliver(step)
            if isawaitable(awaited):
                await awaited
            return ()
        return await (self._storage.read(step.question) if isinstance(step, ReadStep) else self._storage.run(step.work))
