"""Spans of OpenTelemetry, made from what questions recorded."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from feedmux import SettingsError, UpstreamDown
from feedmux.virtual import START, virtual_clock
from feedmux_server.tracing import Tracing, opened

pytestmark = pytest.mark.anyio
URL = "/v1/quotes?symbols=BTC"


@pytest.fixture
def spans() -> Any:
    """An exporter that keeps what it is given."""
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    return memory.InMemorySpanExporter()


def tracing(spans: Any) -> Tracing:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider, virtual_clock())


@pytest.fixture
async def traced(client: Any, spans: Any) -> Any:
    """A client of a server that traces into `spans`."""
    client.app.state.desk.tracing = tracing(spans)
    return client


def seconds(span: Any) -> float:
    return float(span.end_time - span.start_time) / 1e9


async def test_a_question_is_a_span_and_each_try_one_inside(traced: Any, wire: Any, spans: Any) -> None:
    wire.seconds = 0.25
    await traced.get(URL, headers={"x-request-id": "one"})
    inside, whole = spans.get_finished_spans()
    assert (whole.name, inside.name) == ("quotes", "try alpha")
    assert inside.parent.span_id == whole.context.span_id
    assert whole.parent is None
    assert (whole.attributes["feedmux.source"], whole.attributes["feedmux.request_id"]) == ("flight", "one")
    assert inside.attributes["feedmux.result"] == "answered"
    assert seconds(inside) == pytest.approx(0.25, abs=0.01)
    assert whole.start_time <= inside.start_time <= inside.end_time <= whole.end_time
    assert whole.start_time == pytest.approx(START.timestamp() * 1e9, abs=1e9)


async def test_an_answer_at_hand_is_a_span_without_a_try(traced: Any, spans: Any) -> None:
    for _ in range(3):
        await traced.get(URL)
    assert [s.attributes["feedmux.source"] for s in spans.get_finished_spans()[2:]] == ["cache", "cache"]


async def test_a_failure_is_an_error_in_both(traced: Any, wire: Any, spans: Any) -> None:
    wire.error = UpstreamDown("broke the connection")
    await traced.get(URL)
    inside, whole = spans.get_finished_spans()
    assert not inside.status.is_ok
    assert not whole.status.is_ok
    assert whole.attributes["feedmux.source"] == "no-provider"


async def test_no_symbol_is_in_a_span(traced: Any, spans: Any) -> None:
    await traced.get("/v1/quotes?symbols=ZEC")
    assert "ZEC" not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_without_an_endpoint_nothing_is_traced(client: Any) -> None:
    assert client.app.state.desk.tracing is None


async def test_an_endpoint_without_opentelemetry_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"server\.otlp_endpoint.*pip install 'feedmux-server\[otel\]'"):
        async with opened("http://127.0.0.1:4318/v1/traces", virtual_clock()):
            pass
