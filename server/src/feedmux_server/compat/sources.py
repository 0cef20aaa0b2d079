"""The providers that are loaded, and the models among them, in the older service's words; asks no upstream."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from feedmux import Mux, Sentiment
from feedmux.status import ProviderStatus
from feedmux_server.compat.condition import Condition, condition, overall
from feedmux_server.compat.monitoring import Availability, availability
from feedmux_server.compat.translation import TAG
from feedmux_server.operation import Operation, route

KINDS = {
    "quotes": "market_data",
    "candles": "market_data",
    "markets": "market_data",
    "trending": "market_data",
    "global_market": "market_data",
    "fear_greed": "sentiment",
    "sentiment": "sentiment",
    "gas": "blockchain",
    "supply": "blockchain",
    "balance": "blockchain",
    "news": "news",
    "resources": "resources",
}
"""What sort of provider it is that serves a capability first; others are of a sort of their own."""


class Source(Struct, frozen=True, kw_only=True):
    """`type` is null where it was set aside before it could say what it serves."""

    id: str
    name: str
    status: Condition
    type: str | None
    capabilities: list[str]


class Sources(Struct, frozen=True, kw_only=True):
    """`online` can be asked now, `offline` cannot; who is limited or unwell is neither."""

    success: bool
    providers: list[Source]
    total: int
    online: int
    offline: int
    timestamp: datetime


class Model(Struct, frozen=True, kw_only=True):
    """`model_key` is the provider that brings it; its own name stands in its answers. `loaded`: it has answered."""

    model_key: str
    task: str
    loaded: bool
    status: Availability


class Models(Struct, frozen=True, kw_only=True):
    """None at all where no provider that judges texts is installed."""

    success: bool
    total_configured: int
    total_loaded: int
    models: list[Model]
    timestamp: datetime


class ModelCounts(Struct, frozen=True):
    """How many there are, and how many have answered."""

    total_configured: int
    total_loaded: int


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """`external_apis` holds every provider by its name."""

    success: bool
    status: Literal["operational", "degraded", "unavailable"]
    models: ModelCounts
    external_apis: dict[str, Availability]
    timestamp: datetime
    sandbox: bool


def routes(mux: Mux) -> list[HTTPRouteHandler]:
    """`/api/providers`, `/api/v1/hf/models` and `/api/v1/status`."""

    async def providers() -> Sources:
        return sources_of(mux)

    async def models() -> Models:
        return models_of(mux)

    async def status() -> ServiceStatus:
        return status_of(mux)

    listed = Operation(tag=TAG, summary="The providers that are loaded", gives=Sources)
    judging = Operation(tag=TAG, summary="The models that judge texts", gives=Models)
    glance = Operation(tag=TAG, summary="The service at a glance", gives=ServiceStatus)
    return [
        route("/api/providers", listed, providers),
        route("/api/v1/hf/models", judging, models),
        route("/api/v1/status", glance, status),
    ]


def sources_of(mux: Mux) -> Sources:
    """The providers that answer here: the catalogue of all that there are elsewhere is at `/api/resources/list`."""
    found = [_source(one) for one in mux.providers()]
    return Sources(
        success=True,
        providers=found,
        total=len(found),
        online=sum(one.status == "online" for one in found),
        offline=sum(one.status == "offline" for one in found),
        timestamp=mux.clock.now(),
    )


def models_of(mux: Mux) -> Models:
    """Read from the providers: none is loaded by being listed."""
    judging = set(mux.serving().get(Sentiment.capability, ()))
    found = [_model(one) for one in mux.providers() if one.name in judging]
    return Models(
        success=True,
        total_configured=len(found),
        total_loaded=sum(one.loaded for one in found),
        models=found,
        timestamp=mux.clock.now(),
    )


def status_of(mux: Mux) -> ServiceStatus:
    """Unavailable where nobody can answer, operational where all can."""
    providers, models = mux.providers(), models_of(mux)
    well = overall([condition(one) for one in providers])
    return ServiceStatus(
        success=True,
        status="unavailable" if well == "offline" else "operational" if well == "online" else "degraded",
        models=ModelCounts(models.total_configured, models.total_loaded),
        external_apis={one.name: availability(one) for one in providers},
        timestamp=mux.clock.now(),
        sandbox=mux.sandbox,
    )


def _source(provider: ProviderStatus) -> Source:
    first = next(iter(provider.capabilities), None)
    return Source(
        id=provider.name,
        name=provider.name,
        status=condition(provider),
        type=None if first is None else KINDS.get(first, first),
        capabilities=list(provider.capabilities),
    )


def _model(provider: ProviderStatus) -> Model:
    return Model(
        model_key=provider.name,
        task="sentiment-analysis",
        loaded=any(member.successes for member in provider.members),
        status=availability(provider),
    )
