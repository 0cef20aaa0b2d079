"""Whether the service is well, in the older service's words; asks no upstream."""

from __future__ import annotations

from typing import Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

import feedmux
from feedmux import Mux
from feedmux.breaker import State
from feedmux_server.compat.condition import condition
from feedmux_server.operation import Operation, route

Source = Literal["connected", "degraded", "rate_limited", "disconnected", "unknown"]
SOURCES: dict[str, Source] = {
    "online": "connected",
    "degraded": "degraded",
    "rate_limited": "rate_limited",
    "offline": "disconnected",
}


class Health(Struct, frozen=True, rename="camel"):
    """`timestamp` in Unix milliseconds, `uptime` in seconds; `unknown` is who has not been asked yet."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: int
    uptime: float
    version: str
    data_sources: dict[str, Source]
    sandbox: bool


def route_of(mux: Mux) -> HTTPRouteHandler:
    """`/api/health`."""

    async def health() -> Health:
        return health_of(mux)

    operation = Operation(tag="compatibility", summary="Whether the service is well", gives=Health)
    return route("/api/health", operation, health)


def health_of(mux: Mux) -> Health:
    """Healthy where every source is connected or has not been asked, unhealthy where none can answer."""
    sources: dict[str, Source] = {
        one.name: "unknown" if one.state is State.UNKNOWN else SOURCES[condition(one)]
        for one in mux.providers()
    }
    usable = [word for word in sources.values() if word in ("connected", "degraded", "unknown")]
    well = all(word in ("connected", "unknown") for word in sources.values())
    return Health(
        status="unhealthy" if not usable else "healthy" if well else "degraded",
        timestamp=int(mux.clock.now().timestamp() * 1000),
        uptime=round(mux.clock.monotonic() - mux.started_at, 3),
        version=feedmux.__version__,
        data_sources=sources,
        sandbox=mux.sandbox,
    )
