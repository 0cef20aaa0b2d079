"""`/metrics` in Prometheus' words: read from the engine and the traffic when it is asked for. One registry an application."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator

from litestar import Request, Response
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import feedmux
from feedmux import Mux
from feedmux.breaker import State as MemberState
from feedmux_server.gauge import NAMES, Gauges
from feedmux_server.histogram import Histogram
from feedmux_server.lag import Lag
from feedmux_server.operation import Operation, route
from feedmux_server.tallies import Tallies
from feedmux_server.traffic import Traffic


class Metrics(Collector):
    """Everything that one application counts, as metric families."""

    def __init__(self, mux: Mux, traffic: Traffic, gauges: Gauges, lag: Lag) -> None:
        self._mux = mux
        self._traffic = traffic
        self._gauges = gauges
        self._lag = lag
        self._tallies = Tallies()
        mux.listen(self._tallies.observe)
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        yield InfoMetricFamily(
            "feedmux_build",
            "Versions of Feedmux and Python",
            {"version": feedmux.__version__, "python": platform.python_version()},
        )
        yield _gauge("feedmux_sandbox", "1 where every answer is simulated", self._mux.sandbox)
        yield from self._http()
        yield from self._questions()
        yield from self._upstreams()
        yield from self._quotas()
        yield from self._members()
        yield _histogram(
            "feedmux_event_loop_lag_seconds", "How late the event loop is", (), [((), self._lag.histogram)]
        )
        for name, value in self._gauges.values().items():
            yield _gauge(name, NAMES[name], value)

    def _http(self) -> Iterator[Metric]:
        tallies = self._traffic.tallies.items()
        by_status = [
            ((name, str(status)), count)
            for name, tally in tallies
            for status, count in tally.statuses.items()
        ]
        yield _counter(
            "feedmux_http_requests", "Requests by route and status", ("route", "status"), by_status
        )
        yield _histogram(
            "feedmux_http_request_duration_seconds",
            "How long requests took, by route",
            ("route",),
            [((name,), tally.durations) for name, tally in tallies],
        )
        yield _gauge("feedmux_http_requests_in_progress", "Requests under way", self._traffic.under_way)

    def _questions(self) -> Iterator[Metric]:
        mux, tallies = self._mux, self._tallies
        yield _counter(
            "feedmux_answers",
            "Questions that ended, by capability and source: cache, flight, or the error's slug",
            ("capability", "source"),
            tallies.answers.items(),
        )
        stale = [((capability,), count) for capability, count in tallies.stale.items()]
        yield _counter("feedmux_stale_answers", "Answers with stale items in them", ("capability",), stale)
        coalesced = [((), mux.stats.coalesced)]
        yield _counter(
            "feedmux_coalesced", "Parts of questions that joined a flight under way", (), coalesced
        )
        yield _gauge("feedmux_flights", "Parts of questions that are under way", mux.under_way)
        yield _gauge("feedmux_cache_entries", "Entries in the cache", mux.cached)
        yield _gauge("feedmux_store_degraded", "1 while the store is of no use", float(bool(mux.degraded)))

    def _upstreams(self) -> Iterator[Metric]:
        tallies = self._tallies
        yield _counter(
            "feedmux_upstream_calls",
            "Tries at members, by how they ended",
            ("provider", "member", "result"),
            tallies.calls.items(),
        )
        yield _histogram(
            "feedmux_upstream_call_duration_seconds",
            "How long tries took, by member",
            ("provider", "member"),
            tallies.durations.items(),
        )
        misbehaved = [((member,), count) for member, count in tallies.misbehaved.items()]
        yield _counter(
            "feedmux_plugin_misbehaviours",
            "Times a plugin blocked the loop or would not end",
            ("member",),
            misbehaved,
        )

    def _quotas(self) -> Iterator[Metric]:
        labels = ("pool", "seconds", "counts")
        limit = GaugeMetricFamily("feedmux_quota_limit", "What a window allows", labels=labels)
        used = GaugeMetricFamily("feedmux_quota_used", "What is occupied of it, as we count", labels=labels)
        left = GaugeMetricFamily("feedmux_quota_left", "What is left of it", labels=labels)
        for row in self._mux.ledger():
            window = (row.pool, f"{row.per:g}", row.counts.value)
            limit.add_metric(window, row.limit)
            used.add_metric(window, row.used)
            left.add_metric(window, row.left)
        yield from (limit, used, left)

    def _members(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "feedmux_member_state",
            "1 for the state that a member is in, 0 for the others",
            labels=("provider", "member", "state"),
        )
        requests = CounterMetricFamily(
            "feedmux_upstream_requests",
            "HTTP requests sent, background work included",
            labels=("provider", "member"),
        )
        plugins = GaugeMetricFamily(
            "feedmux_provider_quarantined", "1 for a plugin that is set aside", labels=("provider",)
        )
        for provider in self._mux.providers():
            plugins.add_metric((provider.name,), provider.state is MemberState.QUARANTINED)
            for member in provider.members:
                requests.add_metric((provider.name, member.name), member.requests)
                for one in MemberState:
                    labels = (provider.name, member.name, one.value.replace(" ", "_"))
                    state.add_metric(labels, member.state is one)
        yield from (state, requests, plugins)


async def exposition(request: Request[object, object, State]) -> Response[bytes]:
    """The metrics in the form that the scraper accepts."""
    metrics: Metrics = request.app.state.metrics
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(metrics.registry), media_type=media_type, headers={"cache-control": "no-store"})


def routes() -> list[HTTPRouteHandler]:
    """`/metrics`."""
    described = Operation(tag="operation", summary="Metrics for Prometheus", media_type="text/plain")
    return [route("/metrics", described, exposition)]


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _counter(
    name: str, what: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = CounterMetricFamily(name, what, labels=labels)
    for named, value in values:
        family.add_metric(named, value)
    return family


def _histogram(
    name: str, what: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], Histogram]]
) -> Metric:
    family = HistogramMetricFamily(name, what, labels=labels)
    for named, one in values:
        family.add_metric(named, one.buckets(), one.total)
    return family
