"""OpenTelemetry traces, where configured: a span for each question, inside it one for each try at a member.

They are made from what the question's own trace recorded, after it has ended. Symbols and addresses stay out of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from feedmux import FeedmuxError, SettingsError
from feedmux.clock import Clock
from feedmux.event import Answered, Event, Result, Trace, Tried
from feedmux_server.edge import request_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

INSTALL = (
    "server.otlp_endpoint: is set, but OpenTelemetry is not installed; pip install 'feedmux-server[otel]'"
)
ANSWERED = frozenset(("cache", "flight"))
GOOD = frozenset((Result.ANSWERED, Result.PARTIAL, Result.UNKNOWN))


class Tracing:
    """Writes spans to a provider of OpenTelemetry."""

    def __init__(self, provider: TracerProvider, clock: Clock) -> None:
        self._tracer: Tracer = provider.get_tracer("feedmux")
        self._clock = clock

    def hit(self, capability: str, items: int) -> None:
        """A question was answered from what was at hand."""
        now = self._clock.monotonic()
        self.question([Answered(at=now, capability=capability, source="cache", seconds=0.0, items=items)])

    def failed(self, error: FeedmuxError) -> None:
        """A question ended in an error; one that was refused before it began leaves no span."""
        self.question(error.trace.events if isinstance(error.trace, Trace) else ())

    def question(self, events: Iterable[Event]) -> None:
        """A question ended, and this is what happened to it."""
        told = list(events)
        ended = next((event for event in told if isinstance(event, Answered)), None)
        if ended is None:
            return
        from opentelemetry.trace import set_span_in_context

        span = self._begun(ended.capability, ended.at - ended.seconds)
        span.set_attributes(
            {
                "feedmux.capability": ended.capability,
                "feedmux.source": ended.source,
                "feedmux.items": ended.items,
                "feedmux.stale": ended.stale,
                "feedmux.request_id": request_id.get(),
            }
        )
        for tried in told:
            if isinstance(tried, Tried):
                inside = self._tracer.start_span(
                    f"try {tried.member}",
                    context=set_span_in_context(span),
                    start_time=self._at(tried.at - tried.seconds),
                )
                inside.set_attributes(_attributes(tried))
                _end(inside, tried.result in GOOD, tried.result.value, self._at(tried.at))
        _end(span, ended.source in ANSWERED, ended.source, self._at(ended.at))

    def _begun(self, name: str, at: float) -> Span:
        return self._tracer.start_span(name, start_time=self._at(at))

    def _at(self, monotonic: float) -> int:
        """Nanoseconds of Unix time."""
        ahead = self._clock.now().timestamp() - self._clock.monotonic()
        return int((monotonic + ahead) * 1e9)


@asynccontextmanager
async def opened(endpoint: str | None, clock: Clock) -> AsyncIterator[Tracing | None]:
    """Traces for as long as the server runs, sent in the background; None where no endpoint is configured.

    Raises SettingsError where OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(INSTALL) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "feedmux"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    try:
        yield Tracing(provider, clock)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _attributes(tried: Tried) -> dict[str, str | int]:
    return {
        "feedmux.provider": tried.provider,
        "feedmux.member": tried.member,
        "feedmux.result": tried.result.value,
        "feedmux.asked": tried.asked,
        "feedmux.got": tried.got,
        "feedmux.requests": tried.requests,
    }


def _end(span: Span, good: bool, why: str, at: int) -> None:
    from opentelemetry.trace import Status, StatusCode

    if not good:
        span.set_status(Status(StatusCode.ERROR, why))
    span.end(at)
