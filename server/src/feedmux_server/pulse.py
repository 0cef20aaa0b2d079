"""The engine at this moment as one document, for the page and for scripts that watch it. No upstream is asked."""

from __future__ import annotations

from datetime import datetime

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

import feedmux
from feedmux import Mux
from feedmux.status import LedgerRow, ProviderStatus
from feedmux_server.history import History, Period
from feedmux_server.operation import Operation, route


class Counts(Struct, frozen=True):
    """Since the start. `seconds` is the time of all questions together; `skips` says why whom was not asked how often."""

    questions: int
    from_cache: int
    coalesced: int
    stale: int
    failed: int
    seconds: float
    requests: int
    by_provider: dict[str, int]
    by_result: dict[str, int]
    skips: dict[str, int]


class Pulse(Struct, frozen=True):
    """`uptime` in seconds, `cached` the answers that are held, `store` where state is kept, and
    `degraded` why that is of no use now, empty where it is well.

    `clock_ahead` is by how many seconds the machine's clock is ahead of the upstreams', 0 where it is about right;
    `now` is without them.

    `history` has each provider's half hours of the last day in which it was called.
    """

    version: str
    now: datetime
    uptime: float
    clock_ahead: float
    sandbox: bool
    store: str
    degraded: str
    cached: int
    counts: Counts
    providers: list[ProviderStatus]
    quota: list[LedgerRow]
    history: dict[str, list[Period]]


def route_of(mux: Mux) -> HTTPRouteHandler:
    """`/status.json`; begins to keep the history."""
    history = History(mux.clock)
    mux.listen(history.observe)

    async def pulse() -> Pulse:
        return pulse_of(mux, history)

    return route(
        "/status.json", Operation(tag="state", summary="The engine at this moment", gives=Pulse), pulse
    )


def pulse_of(mux: Mux, history: History) -> Pulse:
    """Everything, read from the engine's own objects."""
    stats = mux.stats
    return Pulse(
        version=feedmux.__version__,
        now=mux.clock.now(),
        uptime=round(mux.clock.monotonic() - mux.started_at, 3),
        clock_ahead=0.0 - mux.clock.offset,
        sandbox=mux.sandbox,
        store=mux.settings.store.url.partition(":")[0],
        degraded=mux.degraded,
        cached=mux.cached,
        counts=Counts(
            questions=stats.questions,
            from_cache=stats.from_cache,
            coalesced=stats.coalesced,
            stale=stats.stale,
            failed=stats.failed,
            seconds=round(stats.seconds, 6),
            requests=stats.requests,
            by_provider=dict(stats.by_provider),
            by_result=dict(stats.by_result),
            skips=dict(stats.skips),
        ),
        providers=mux.providers(),
        quota=mux.ledger(),
        history=history.periods(),
    )
