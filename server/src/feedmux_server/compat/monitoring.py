"""How the sources fare, in the older service's words; asks no upstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

import feedmux
from feedmux import Mux
from feedmux.breaker import State
from feedmux.status import MemberStatus, ProviderStatus
from feedmux_server.admin import admin
from feedmux_server.compat.condition import Condition, condition
from feedmux_server.compat.health import health_of
from feedmux_server.compat.translation import TAG
from feedmux_server.operation import Operation, route

Availability: TypeAlias = Literal["available", "rate_limited", "degraded", "unavailable", "unknown"]
AVAILABLE: dict[Condition, Availability] = {
    "online": "available",
    "rate_limited": "rate_limited",
    "degraded": "degraded",
    "offline": "unavailable",
}
TYPES = {
    "quotes": "market_prices",
    "candles": "ohlc_candlestick",
    "news": "news_feeds",
    "fear_greed": "sentiment_data",
}
"""What capabilities were called; others have their own names."""
GUARANTEES = {
    "never_fails": False,
    "never_invents": True,
    "auto_fallback": True,
    "cache_fallback": True,
    "cross_validation": True,
}
PREFIX = "/api/multi-source"


class SourceStats(Struct, frozen=True, kw_only=True):
    """Counts since the start; refusals are failures too. Null: it has not been asked, or never answered.

    `success_rate` is from 0 to 1, `avg_response_time` in seconds, of answers that came, the latest weighing most.
    """

    total_requests: int
    success_count: int
    failure_count: int
    success_rate: float | None
    avg_response_time: float | None
    last_success: datetime | None
    last_failure: datetime | None
    status: Availability


class MonitoringStats(Struct, frozen=True):
    """Every provider by its name."""

    success: bool
    sources: dict[str, SourceStats]
    timestamp: datetime


class SourceType(Struct, frozen=True):
    """How many providers serve one kind of question, and how many of each tier."""

    total: int
    categories: dict[str, int]


class SourcesStatus(Struct, frozen=True):
    """`total_sources` counts providers, each once."""

    success: bool
    total_sources: int
    sources_by_type: dict[str, SourceType]
    monitoring: MonitoringStats


class MultiSourceHealth(Struct, frozen=True, kw_only=True):
    """`features` says how many providers there are for what; a question may fail, an answer is never invented."""

    success: bool
    status: Literal["healthy", "degraded", "unhealthy"]
    service: str
    version: str
    features: dict[str, str]
    guarantees: dict[str, bool]
    sandbox: bool


class Cleared(Struct, frozen=True):
    """What was done."""

    success: bool
    message: str


def routes(mux: Mux) -> list[HTTPRouteHandler]:
    """`monitoring/stats`, `sources/status`, `health` and, for the operator, `cache/clear`."""

    async def stats() -> MonitoringStats:
        return stats_of(mux)

    async def status() -> SourcesStatus:
        return sources_of(mux)

    async def health() -> MultiSourceHealth:
        return multi_source_health_of(mux)

    async def clear() -> Cleared:
        return Cleared(True, f"Cache cleared successfully: {mux.clear_cache()} entries")

    how_they_fare = Operation(tag=TAG, summary="How each source fares", gives=MonitoringStats)
    what_there_is = Operation(tag=TAG, summary="How many sources there are for what", gives=SourcesStatus)
    how_it_is = Operation(tag=TAG, summary="Whether the service is well", gives=MultiSourceHealth)
    forget = Operation(
        tag=TAG,
        summary="Forget every answer",
        description="Wants the server's admin token: `Authorization: Bearer TOKEN`.",
        method="POST",
        gives=Cleared,
        errors=(401,),
    )
    return [
        route(f"{PREFIX}/monitoring/stats", how_they_fare, stats),
        route(f"{PREFIX}/sources/status", what_there_is, status),
        route(f"{PREFIX}/health", how_it_is, health),
        route(f"{PREFIX}/cache/clear", forget, clear, guards=[admin]),
    ]


def stats_of(mux: Mux) -> MonitoringStats:
    """Read from the engine's own counts."""
    return MonitoringStats(True, {one.name: _stats(one) for one in mux.providers()}, mux.clock.now())


def sources_of(mux: Mux) -> SourcesStatus:
    """What is loaded, by what it is for."""
    by_name = {one.name: one for one in mux.providers()}
    by_type = {
        TYPES.get(capability, capability): _type([by_name[name] for name in names if name in by_name])
        for capability, names in mux.serving().items()
        if names
    }
    return SourcesStatus(True, len(by_name), by_type, stats_of(mux))


def multi_source_health_of(mux: Mux) -> MultiSourceHealth:
    """As well as `/api/health` says."""
    serving = mux.serving()
    return MultiSourceHealth(
        success=True,
        status=health_of(mux).status,
        service="feedmux",
        version=feedmux.__version__,
        features={TYPES.get(name, name): _counted(found) for name, found in serving.items() if found},
        guarantees=GUARANTEES,
        sandbox=mux.sandbox,
    )


def availability(provider: ProviderStatus) -> Availability:
    """Its state in one of the words that clients know; `unknown` is who has not been asked yet."""
    return "unknown" if provider.state is State.UNKNOWN else AVAILABLE[condition(provider)]


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} source{'s' * (len(names) != 1)}"


def _type(providers: Sequence[ProviderStatus]) -> SourceType:
    tiers = Counter(one.tier.value for one in providers if one.tier is not None)
    return SourceType(len(providers), dict(tiers))


def _stats(provider: ProviderStatus) -> SourceStats:
    members = provider.members
    successes = sum(one.successes for one in members)
    failures = sum(one.failures for one in members)
    ended = successes + failures
    return SourceStats(
        total_requests=sum(one.requests for one in members),
        success_count=successes,
        failure_count=failures,
        success_rate=round(successes / ended, 4) if ended else None,
        avg_response_time=_latency(members),
        last_success=max((one.last_success for one in members if one.last_success), default=None),
        last_failure=max((one.last_failure for one in members if one.last_failure), default=None),
        status=availability(provider),
    )


def _latency(members: Sequence[MemberStatus]) -> float | None:
    """Of all its members, each weighing as much as it answered."""
    heard = [(one.latency, one.successes) for one in members if one.latency is not None and one.successes]
    answers = sum(count for _, count in heard)
    return round(sum(latency * count for latency, count in heard) / answers, 4) if answers else None
