"""
Counters, timings and spans through OpenTelemetry's API; needs the extra ``telemetry``.

The API alone does nothing: a host that wants figures sets up OpenTelemetry's
SDK, with an exporter of its choice. Names and units follow its semantic
conventions: durations in seconds, counts in ``{…}`` units and the plural,
``error.type`` only on what failed, and one metric for success and failure alike.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Final

import attrs
from opentelemetry import metrics, trace
from opentelemetry.metrics import Counter, Histogram, MeterProvider
from opentelemetry.trace import Span, StatusCode, Tracer, TracerProvider

from loyalty.ports.observer import Ending, Operation

__all__ = ["Telemetry"]

SCOPE: Final = "loyalty"
"""The name of the instrumentation scope."""

SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
"""Where the buckets of durations end, if the host says nothing else; as for ``db.client.operation.duration``."""

Labels = dict[str, str]


class Telemetry:
    """
    The observer that counts and times every operation, and makes a span of each.

    ==============================  =========  ===========  ===================================
    metric                          kind       unit         attributes
    ==============================  =========  ===========  ===================================
    ``loyalty.operations``          counter    {operation}  name, kind, outcome, ``error.type``
    ``loyalty.operation.duration``  histogram  s            name, kind, ``error.type``
    ``loyalty.lost_races``          counter    {race}       name, kind
    ``loyalty.events``              counter    {event}      ``loyalty.delivery.outcome``
    ==============================  =========  ===========  ===================================

    Name, kind and outcome are ``loyalty.operation.name``, ``.kind`` and
    ``.outcome``, as of :class:`loyalty.ports.observer.Operation` and ``Ending``.
    A span carries these, ``loyalty.operation.attempts`` and ``loyalty.event.id``.
    A refusal is an answer, so neither its metrics nor its span say that it is an error.

    Args:
        meter_provider:
            Where instruments come from; by default the global one.
        tracer_provider:
            Where spans come from; by default the global one.

    Source:
        OpenTelemetry semantic conventions: *Metrics* (units), *Naming* (counters),
        *Recording errors*, and *Database client metrics* (buckets).
    """

    def __init__(
        self, *, meter_provider: MeterProvider | None = None, tracer_provider: TracerProvider | None = None
    ) -> None:
        """Make the instruments."""
        release = version("loyalty-core")
        self._tracer = trace.get_tracer(SCOPE, release, tracer_provider)
        meter = metrics.get_meter(SCOPE, release, meter_provider)
        self._instruments = _Instruments(
            operations=meter.create_counter(
                "loyalty.operations", "{operation}", "Commands, sweeps, queries and deliveries that ended."
            ),
            duration=meter.create_histogram(
                "loyalty.operation.duration",
                "s",
                "How long operations took, waits and further attempts included.",
                explicit_bucket_boundaries_advisory=SECONDS,
            ),
            lost_races=meter.create_counter(
                "loyalty.lost_races", "{race}", "How often the rules of a command ran once more because others won."
            ),
            events=meter.create_counter("loyalty.events", "{event}", "Events that were handed over, or were not."),
        )

    def began(self, operation: Operation) -> _SpanWatch:
        """Begin a span, which becomes the parent of all that begins inside the operation."""
        names = {"loyalty.operation.name": operation.name, "loyalty.operation.kind": str(operation.kind)}
        return _SpanWatch.begun(self._instruments, self._tracer, names)


@attrs.frozen(kw_only=True)
class _Instruments:
    operations: Counter
    duration: Histogram
    lost_races: Counter
    events: Counter


@attrs.frozen
class _SpanWatch:
    instruments: _Instruments
    names: Labels
    span: Span
    current: AbstractContextManager[Span]

    @classmethod
    def begun(cls, instruments: _Instruments, tracer: Tracer, names: Labels) -> _SpanWatch:
        """Make a span the current one."""
        current = tracer.start_as_current_span(
            names["loyalty.operation.name"], attributes=names, record_exception=False, set_status_on_exception=False
        )
        return cls(instruments, names, current.__enter__(), current)

    def lost_race(self, attempts: int) -> None:  # noqa: ARG002  # told to every observer
        """Count it."""
        self.instruments.lost_races.add(1, self.names)

    def ended(self, ending: Ending) -> None:
        """Count and time the operation, and end its span."""
        try:
            failure = {} if ending.error_type is None else {"error.type": ending.error_type}
            outcome = {"loyalty.operation.outcome": str(ending.outcome)}
            self.instruments.duration.record(ending.seconds, self.names | failure)
            self.instruments.operations.add(1, self.names | outcome | failure)
            for what, number in ending.events.items():
                self.instruments.events.add(number, {"loyalty.delivery.outcome": what})
            self._describe(ending, outcome | failure)
        finally:
            self.current.__exit__(None, None, None)

    def _describe(self, ending: Ending, labels: Labels) -> None:
        self.span.set_attributes(labels)
        self.span.set_attribute("loyalty.operation.attempts", ending.attempts)
        if ending.event_id is not None:
            self.span.set_attribute("loyalty.event.id", ending.event_id)
        if ending.is_failure:
            self.span.set_status(StatusCode.ERROR)
