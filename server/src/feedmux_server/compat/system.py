"""The whole system at a glance, in the older service's words; asks no upstream."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler

from feedmux import Mux, Quote, Quotes
from feedmux.status import ProviderStatus
from feedmux_server.compat import machine
from feedmux_server.compat.condition import (
    Condition,
    action,
    best,
    condition,
    last_check,
    latency_ms,
    overall,
)
from feedmux_server.compat.report import (
    Breakdown,
    Coin,
    Detail,
    Endpoint,
    ErrorDetail,
    Infrastructure,
    Models,
    Performance,
    Service,
    SystemStatus,
)
from feedmux_server.operation import Operation, route
from feedmux_server.page import SYMBOLS
from feedmux_server.traffic import Traffic


def route_of(mux: Mux, traffic: Traffic) -> HTTPRouteHandler:
    """`/api/system/status`."""
    machine.begin()

    async def system_status() -> SystemStatus:
        return system_status_of(mux, traffic)

    operation = Operation(tag="compatibility", summary="The whole system at a glance", gives=SystemStatus)
    return route("/api/system/status", operation, system_status)


def system_status_of(mux: Mux, traffic: Traffic) -> SystemStatus:
    """Everything, read from the engine's own objects."""
    providers = mux.providers()
    models = len(mux.serving().get("sentiment", ()))
    return SystemStatus(
        overall_health=overall([condition(one) for one in providers]),
        services=_services(mux, providers),
        endpoints=_endpoints(traffic),
        coins=[_coin(mux, symbol) for symbol in SYMBOLS],
        resources=machine.resources(mux.clock.monotonic() - mux.started_at),
        providers_detailed=[_detail(one, mux.clock.now().timestamp()) for one in providers],
        ai_models=Models(transformers_loaded=models > 0, sentiment_models=models, hf_api_active=False),
        infrastructure=Infrastructure(
            database_status=mux.settings.store.url.partition(":")[0],
            database_entries=mux.cached,
            background_worker=None,
            worker_next_run=None,
            websocket_active=traffic.websockets > 0,
        ),
        resource_breakdown=_breakdown(mux, providers),
        error_details=_errors(providers),
        performance=_performance(mux, providers),
        timestamp=int(mux.clock.now().timestamp()),
        sandbox=mux.sandbox,
    )


def _services(mux: Mux, providers: Sequence[ProviderStatus]) -> list[Service]:
    by_name = {one.name: one for one in providers}
    found = []
    for capability, names in mux.serving().items():
        serving = [by_name[name] for name in names if name in by_name]
        if serving:
            checks = [check for one in serving if (check := last_check(one)) is not None]
            times = [time for one in serving if (time := latency_ms(one)) is not None]
            state = best([condition(one) for one in serving])
            found.append(Service(capability, state, max(checks, default=None), min(times, default=None)))
    return found


def _endpoints(traffic: Traffic) -> list[Endpoint]:
    return [
        Endpoint(
            path=path,
            status="online" if tally.successes == tally.requests else "degraded",
            success_rate=round(tally.success_rate, 4),
            avg_response_ms=round(tally.average_ms, 2),
        )
        for path, tally in sorted(traffic.tallies.items())
        if path.startswith("/")
    ]


def _coin(mux: Mux, symbol: str) -> Coin:
    quote = next(iter(mux.held(Quotes((symbol,)))), None)
    if not isinstance(quote, Quote):
        return Coin(symbol, "offline", None, None)
    seen = quote.observed_at or quote.fetched_at
    status: Condition = "degraded" if quote.stale else "online"
    return Coin(symbol, status, int(seen.timestamp()) if seen else None, quote.price)


def _detail(provider: ProviderStatus, now: float) -> Detail:
    state = condition(provider)
    shares = [one.success_share for one in provider.members if one.success_share is not None]
    waits = state == "rate_limited" and provider.wait is not None
    return Detail(
        name=provider.name,
        status=state,
        response_time_ms=latency_ms(provider),
        success_rate=round(max(shares), 4) if shares else None,
        last_check=last_check(provider),
        error=provider.last_error or (provider.cause if state == "offline" else "") or None,
        status_code=None,
        resource_count=len(provider.capabilities),
        cached_until=int(now + (provider.wait or 0)) if waits else None,
        state=provider.state.value,
    )


def _breakdown(mux: Mux, providers: Sequence[ProviderStatus]) -> Breakdown:
    by_category = {capability: len(names) for capability, names in mux.serving().items() if names}
    by_source = {one.name: len(one.capabilities) for one in providers if one.capabilities}
    return Breakdown(sum(by_source.values()), by_source, by_category)


def _errors(providers: Sequence[ProviderStatus]) -> list[ErrorDetail]:
    return [
        ErrorDetail(
            provider=member.name,
            count=member.failures,
            type=member.last_error_class,
            message=member.last_error,
            action=action(member.last_error_class),
        )
        for provider in providers
        for member in provider.members
        if member.last_error
    ]


def _performance(mux: Mux, providers: Sequence[ProviderStatus]) -> Performance:
    stats = mux.stats
    times = [(time, one.name) for one in providers if (time := latency_ms(one)) is not None]
    fastest = min(times, default=None)
    return Performance(
        avg_response_ms=round(stats.seconds * 1000 / stats.questions, 2) if stats.questions else None,
        fastest_provider=fastest[1] if fastest else None,
        fastest_time_ms=fastest[0] if fastest else None,
        cache_hit_rate=round(stats.from_cache / stats.questions, 4) if stats.questions else None,
    )
