"""What OpenTelemetry gets, read back from its own SDK: every metric with its unit and attributes, and every span."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import attrs
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from loyalty import AsyncLoyalty, GetGiftCard, IssueGiftCard, Loyalty, LoyaltyError, MemoryStorage, RedeemGiftCard
from loyalty.adapters.opentelemetry import SECONDS, Telemetry
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.errors import OutcomeUnknown
from loyalty.testing import FakeSink
from tests.observing.doors import DOORS, BlockingDoor, Door, Failing, Losing
from tests.use_cases.shop import KEYS, usd

ISSUE: Final = IssueGiftCard(value=usd("20.00"), idempotency_key="issue")
NAME, KIND, OUTCOME = (f"loyalty.operation.{what}" for what in ("name", "kind", "outcome"))


@attrs.frozen
class Collected:
    """The SDK, set up as a host does, with everything kept in memory."""

    reader: InMemoryMetricReader
    spans: InMemorySpanExporter
    observer: Telemetry
    tracers: TracerProvider

    def metric(self, name: str) -> Any:
        """Return a metric as the SDK hands it to an exporter."""
        data = self.reader.get_metrics_data()
        assert data is not None
        (scope,) = data.resource_metrics[0].scope_metrics
        assert "loyalty" == scope.scope.name
        return next(metric for metric in scope.metrics if metric.name == name)

    def points(self, name: str) -> dict[tuple[tuple[str, Any], ...], Any]:
        """Return the values of a metric by their attributes; of a histogram how many there are."""
        found = {}
        for point in self.metric(name).data.data_points:
            assert isinstance(point, NumberDataPoint | HistogramDataPoint)
            value = point.value if isinstance(point, NumberDataPoint) else point.count
            found[tuple(sorted((point.attributes or {}).items()))] = value
        return found

    def last(self) -> ReadableSpan:
        """Return the span that ended last."""
        return self.spans.get_finished_spans()[-1]


@pytest.fixture
def collected() -> Iterator[Collected]:
    """Give the SDK, and shut it down."""
    reader, spans, tracers = InMemoryMetricReader(), InMemorySpanExporter(), TracerProvider()
    meters = MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    yield Collected(reader, spans, Telemetry(meter_provider=meters, tracer_provider=tracers), tracers)
    meters.shutdown()
    tracers.shutdown()


@pytest.fixture(params=DOORS, ids=lambda kind: kind.__name__)
def door(request: pytest.FixtureRequest, collected: Collected) -> Door:
    """Give each door, observed."""
    door: Door = request.param(observer=collected.observer)
    return door


def of(name: str, kind: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the attributes of an operation."""
    return tuple(sorted([(NAME, name), (KIND, kind), *more]))


def use(door: Door) -> None:
    """Issue, twice under one key; redeem, once too much; ask."""
    card = door.execute(ISSUE)
    door.execute(ISSUE)
    for amount in ("5.00", "99.00", "98.00"):
        with suppress(LoyaltyError):
            door.execute(RedeemGiftCard(code=card.code, amount=usd(amount), order_id="1", idempotency_key=amount))
    door.ask(GetGiftCard(id=card.gift_card.id))


def test_operations_are_counted_by_name_and_outcome(door: Door, collected: Collected) -> None:
    """A refusal by the code of its error; no point says error, for all of these are answers."""
    use(door)
    metric = collected.metric("loyalty.operations")
    assert ("{operation}", True) == (metric.unit, metric.data.is_monotonic)
    assert {
        of("IssueGiftCard", "command", (OUTCOME, "committed")): 1,
        of("IssueGiftCard", "command", (OUTCOME, "replayed")): 1,
        of("RedeemGiftCard", "command", (OUTCOME, "committed")): 1,
        of("RedeemGiftCard", "command", (OUTCOME, "insufficient_balance")): 2,
        of("GetGiftCard", "query", (OUTCOME, "answered")): 1,
    } == collected.points("loyalty.operations")


def test_operations_are_timed_in_seconds(door: Door, collected: Collected) -> None:
    """In buckets that tell a quick command from a slow one."""
    use(door)
    metric = collected.metric("loyalty.operation.duration")
    assert "s" == metric.unit
    assert {
        of("IssueGiftCard", "command"): 2,
        of("RedeemGiftCard", "command"): 3,
        of("GetGiftCard", "query"): 1,
    } == collected.points("loyalty.operation.duration")
    for point in metric.data.data_points:
        assert SECONDS == tuple(point.explicit_bounds)
        assert 0 < point.sum < 60


@pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
def test_lost_races_are_counted(kind: type[Door], collected: Collected) -> None:
    """Each of them, under the name of the command."""
    kind(Losing(3), collected.observer).execute(ISSUE)
    assert "{race}" == collected.metric("loyalty.lost_races").unit
    assert {of("IssueGiftCard", "command"): 3} == collected.points("loyalty.lost_races")
    assert {**dict(of("IssueGiftCard", "command")), OUTCOME: "committed"}.items() <= dict(
        collected.last().attributes or {}
    ).items()
    assert 4 == (collected.last().attributes or {})["loyalty.operation.attempts"]


def test_events_are_counted_by_what_became_of_them(door: Door, collected: Collected) -> None:
    """Handed over, not taken, given up."""
    for key in ("1", "2"):
        door.execute(attrs.evolve(ISSUE, idempotency_key=key))
    door.deliver(FakeSink(), limit=1)
    door.deliver(FakeSink("GiftCardIssued"))
    assert "{event}" == collected.metric("loyalty.events").unit
    assert {
        (("loyalty.delivery.outcome", "delivered"),): 1,
        (("loyalty.delivery.outcome", "failed"),): 1,
        (("loyalty.delivery.outcome", "given_up"),): 0,
    } == collected.points("loyalty.events")
    assert 2 == collected.points("loyalty.operations")[of("deliver_events", "delivery", (OUTCOME, "delivered"))]


def test_an_operation_is_a_span(door: Door, collected: Collected) -> None:
    """Named after the operation, with what is counted by, and the id of the event."""
    door.execute(ISSUE)
    span, attributes = collected.last(), dict(collected.last().attributes or {})
    assert ("IssueGiftCard", SpanKind.INTERNAL, StatusCode.UNSET) == (span.name, span.kind, span.status.status_code)
    assert attributes.pop("loyalty.event.id")
    assert {NAME: "IssueGiftCard", KIND: "command", OUTCOME: "committed", "loyalty.operation.attempts": 1} == attributes


def test_a_refusal_is_no_error(door: Door, collected: Collected) -> None:
    """The rules answered; whoever watches errors is not woken."""
    use(door)
    refused = [span for span in collected.spans.get_finished_spans() if span.name == "RedeemGiftCard"][1]
    assert "insufficient_balance" == (refused.attributes or {})[OUTCOME]
    assert "error.type" not in (refused.attributes or {})
    assert StatusCode.UNSET == refused.status.status_code


def test_a_failure_is_an_error_without_words(collected: Collected) -> None:
    """In the metrics and on the span alike; what was raised, which may say anything, is not recorded."""
    error = OutcomeUnknown("words that may say anything", idempotency_key="issue")
    with pytest.raises(OutcomeUnknown):
        BlockingDoor(Failing(error, is_done=True), collected.observer).execute(ISSUE)
    failed = ("error.type", "outcome_unknown")
    assert {of("IssueGiftCard", "command", (OUTCOME, "outcome_unknown"), failed): 1} == collected.points(
        "loyalty.operations"
    )
    assert {of("IssueGiftCard", "command", failed): 1} == collected.points("loyalty.operation.duration")
    span = collected.last()
    assert (StatusCode.ERROR, None, ()) == (span.status.status_code, span.status.description, tuple(span.events))
    assert "outcome_unknown" == (span.attributes or {})["error.type"]
    assert "words" not in span.to_json()


@pytest.mark.parametrize("is_async", [False, True])
def test_spans_stand_inside_those_of_the_host(collected: Collected, *, is_async: bool) -> None:
    """And those of whatever works inside an operation, such as a database driver, stand inside ours."""
    inner = collected.tracers.get_tracer("a driver")

    class Traced(MemoryStorage):
        """A storage with an instrumented driver."""

        def run(self, work: Any) -> Any:
            """Work inside a span."""
            with inner.start_as_current_span("INSERT"):
                return super().run(work)

    with collected.tracers.get_tracer("the host").start_as_current_span("checkout"):
        if is_async:
            door = AsyncLoyalty(ThreadedStorage(Traced()), code_keys=KEYS, observer=collected.observer)
            asyncio.run(door.execute(ISSUE))
        else:
            Loyalty(Traced(), code_keys=KEYS, observer=collected.observer).execute(ISSUE)
    insert, ours, host = collected.spans.get_finished_spans()
    assert ["INSERT", "IssueGiftCard", "checkout"] == [insert.name, ours.name, host.name]
    assert insert.parent is not None
    assert ours.parent is not None
    assert insert.parent.span_id == (ours.context and ours.context.span_id)
    assert ours.parent.span_id == (host.context and host.context.span_id)
    assert not trace.get_current_span().get_span_context().is_valid


def test_tasks_do_not_mix_up_their_spans(collected: Collected) -> None:
    """Many at once, each inside the span of its own task."""
    host = collected.tracers.get_tracer("the host")
    door = AsyncLoyalty(ThreadedStorage(MemoryStorage()), code_keys=KEYS, observer=collected.observer)

    async def checkout(number: int) -> None:
        with host.start_as_current_span(f"checkout {number}"):
            await door.execute(attrs.evolve(ISSUE, idempotency_key=f"{number}"))

    async def main() -> None:
        await asyncio.gather(*map(checkout, range(20)))

    asyncio.run(main())
    spans = {span.context.span_id: span for span in collected.spans.get_finished_spans() if span.context}
    parents = [spans[span.parent.span_id].name for span in spans.values() if span.parent]
    assert sorted(f"checkout {number}" for number in range(20)) == sorted(parents)


# --- without it -------------------------------------------------------------

UNASKED: Final = """
import json, sys
from loyalty import CodeKeys, IssueGiftCard, Loyalty, MemoryStorage
from moneyed import Money
Loyalty(MemoryStorage(), code_keys=CodeKeys.generate()).execute(
    IssueGiftCard(value=Money("1", "USD"), idempotency_key="1")
)
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""


def test_nothing_is_loaded_unless_it_is_asked_for() -> None:
    """Nor by a command, although the package is installed here."""
    done = subprocess.run([sys.executable, "-c", UNASKED], check=True, capture_output=True, text=True, timeout=60)
    assert [] == json.loads(done.stdout)


def test_the_api_alone_does_nothing_and_harms_nothing() -> None:
    """A host that installed the extra and set up no SDK."""
    assert BlockingDoor(observer=Telemetry()).execute(ISSUE).code
