"""What is exposed for Prometheus: counted from real questions, named as the operators' page and the dashboard say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from feedmux import UpstreamDown
from feedmux.breaker import State
from feedmux.settings import ServerSettings, settings_from
from feedmux.virtual import virtual_clock
from feedmux_server.histogram import Histogram

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operators.md"
DASHBOARD = ROOT / "docs" / "deploy" / "grafana.json"
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
Labels = dict[str, str]


async def scraped(client: Any) -> dict[str, Any]:
    """Metric families by name."""
    reply = await client.get("/metrics")
    assert reply.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(reply.text)}


def samples(families: dict[str, Any], name: str) -> list[tuple[Labels, float]]:
    found = [sample for family in families.values() for sample in family.samples if sample.name == name]
    return [(sample.labels, sample.value) for sample in found]


def value(families: dict[str, Any], name: str, **labels: str) -> float:
    """The one sample with these labels."""
    (found,) = (number for given, number in samples(families, name) if labels.items() <= given.items())
    return found


async def names(client: Any) -> set[str]:
    """Every name of ours that a query may use."""
    return {
        family.name + suffix
        for family in (await scraped(client)).values()
        if family.name.startswith("feedmux_")
        for suffix in SUFFIXES[family.type]
    }


async def test_questions_are_counted_by_capability_and_source(client: Any) -> None:
    for _ in range(3):
        await client.get("/v1/quotes?symbols=BTC")
    families = await scraped(client)
    assert value(families, "feedmux_answers_total", capability="quotes", source="flight") == 1
    assert value(families, "feedmux_answers_total", capability="quotes", source="cache") == 2
    assert value(families, "feedmux_cache_entries") == 1
    assert value(families, "feedmux_store_degraded") == 0


async def test_requests_are_counted_by_route_and_status(client: Any) -> None:
    for url in ("/v1/candles/BTC?limit=2", "/v1/candles/ETH?limit=2", "/v1/candles/ETH?limit=x", "/nothing"):
        await client.get(url)
    families = await scraped(client)
    by_route = {"route": "/v1/candles/{symbol}"}
    assert value(families, "feedmux_http_requests_total", status="200", **by_route) == 2
    assert value(families, "feedmux_http_requests_total", status="400", **by_route) == 1
    assert value(families, "feedmux_http_requests_total", status="404", route="-") == 1
    assert value(families, "feedmux_http_request_duration_seconds_count", **by_route) == 3
    assert value(families, "feedmux_http_requests_in_progress") == 1


async def test_tries_are_counted_by_member_and_result_with_their_duration(client: Any, wire: Any) -> None:
    wire.seconds = 0.2
    await client.get("/v1/quotes?symbols=BTC")
    wire.status = 500
    await client.get("/v1/quotes?symbols=ETH")
    families = await scraped(client)
    alpha = {"provider": "alpha", "member": "alpha"}
    assert value(families, "feedmux_upstream_calls_total", result="answered", **alpha) == 1
    assert value(families, "feedmux_upstream_calls_total", result="down", **alpha) == 1
    assert value(families, "feedmux_upstream_requests_total", **alpha) == 2
    assert value(families, "feedmux_upstream_call_duration_seconds_sum", **alpha) == pytest.approx(
        0.4, rel=0.1
    )
    assert value(families, "feedmux_answers_total", capability="quotes", source="no-provider") == 1


async def test_quotas_are_told_by_pool_and_window(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    families = await scraped(client)
    window = {"pool": "alpha", "seconds": "60", "counts": "requests"}
    told = [value(families, f"feedmux_quota_{what}", **window) for what in ("limit", "used", "left")]
    assert told == [600, 1, 599]


async def test_a_member_is_in_one_state_at_a_time(client: Any, wire: Any) -> None:
    wire.status = 429
    await client.get("/v1/quotes?symbols=BTC")
    states = samples(await scraped(client), "feedmux_member_state")
    assert {labels["state"] for labels, _ in states} == {state.value.replace(" ", "_") for state in State}
    assert [labels["state"] for labels, on in states if on] == ["throttled"]


async def test_stale_and_coalesced_answers_are_counted(client: Any, wire: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    await virtual_clock().sleep(60)
    wire.error = UpstreamDown("broke the connection")
    await client.get("/v1/quotes?symbols=BTC")
    families = await scraped(client)
    assert value(families, "feedmux_stale_answers_total", capability="quotes") == 1
    assert value(families, "feedmux_coalesced_total") == 0


async def test_the_loop_s_lag_is_measured(client: Any) -> None:
    await virtual_clock().sleep(2.1)
    assert value(await scraped(client), "feedmux_event_loop_lag_seconds_count") == 4


async def test_a_gauge_of_another_module_is_read_when_it_is_asked_for(client: Any) -> None:
    for _ in range(2):
        client.app.state.gauges.add("feedmux_stream_clients", lambda: 3)
    assert value(await scraped(client), "feedmux_stream_clients") == 6


async def test_a_gauge_that_no_page_names_is_refused(client: Any) -> None:
    with pytest.raises(KeyError):
        client.app.state.gauges.add("feedmux_something", lambda: 1)


async def test_no_symbol_and_no_secret_is_in_it(serving: Any) -> None:
    chosen = settings_from(
        {"server": {"admin_token": "TOKENTOKEN"}, "providers": {"alpha": {"api_key": "KEYKEYKEY"}}}, {}
    )
    async with serving(server=chosen.server, providers=chosen.providers) as client:
        await client.get("/v1/quotes?symbols=ZEC", headers={"authorization": "Bearer TOKENTOKEN"})
        text = (await client.get("/metrics")).text
    assert not any(word in text for word in ("ZEC", "TOKENTOKEN", "KEYKEYKEY"))


async def test_two_applications_count_apart(serving: Any) -> None:
    async with serving() as one, serving() as two:
        await one.get("/v1/quotes?symbols=BTC")
        assert samples(await scraped(two), "feedmux_answers_total") == []


async def test_open_metrics_is_spoken_where_it_is_asked_for(client: Any) -> None:
    reply = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")


async def test_the_operators_page_names_what_there_is(client: Any) -> None:
    documented = set(re.findall(r"^\| `(feedmux_[a-z_]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    exposed = await names(client)
    whole = {name.removesuffix("_bucket") for name in exposed if not name.endswith(("_count", "_sum"))}
    assert documented == whole


async def test_the_dashboard_asks_only_for_what_there_is(client: Any) -> None:
    queries = [
        target["expr"]
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        for target in panel.get("targets", ())
    ]
    asked = {name for query in queries for name in re.findall(r"feedmux_[a-z_]+", query)}
    assert len(queries) >= 8
    assert asked
    assert asked <= await names(client)


def test_a_histogram_counts_what_is_at_most_its_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 3.0):
        histogram.add(seconds)
    assert histogram.buckets() == [("0.1", 2.0), ("1.0", 3.0), ("+Inf", 4.0)]
    assert histogram.total == pytest.approx(3.65)


def test_server_settings_have_defaults() -> None:
    assert ServerSettings() == settings_from({}, {}).server
