"""The older service's system status, field by field; nothing here decides anything."""

from __future__ import annotations

from msgspec import Struct

from feedmux_server.compat.condition import Condition, Overall
from feedmux_server.compat.machine import Resources


class Service(Struct, frozen=True):
    """One capability: as well off as the best provider that serves it."""

    name: str
    status: Condition
    last_check: int | None
    response_time_ms: float | None


class Endpoint(Struct, frozen=True):
    """One route, over all requests since the start; a success is anything but a 5xx."""

    path: str
    status: Condition
    success_rate: float
    avg_response_ms: float


class Coin(Struct, frozen=True):
    """What the cache holds of a coin: `status` offline and null where that is nothing."""

    symbol: str
    status: Condition
    last_update: int | None
    price: float | None


class Detail(Struct, frozen=True):
    """One provider. `state` is the engine's own word; `resource_count` the kinds of question it serves."""

    name: str
    status: Condition
    response_time_ms: float | None
    success_rate: float | None
    last_check: int | None
    error: str | None
    status_code: int | None
    resource_count: int
    cached_until: int | None
    state: str


class Models(Struct, frozen=True):
    """Models that judge texts, as loaded providers bring them."""

    transformers_loaded: bool
    sentiment_models: int
    hf_api_active: bool


class Infrastructure(Struct, frozen=True):
    """`database_entries` are answers in the cache. There is no background worker: its fields are null."""

    database_status: str
    database_entries: int
    background_worker: str | None
    worker_next_run: int | None
    websocket_active: bool


class Breakdown(Struct, frozen=True):
    """What can be asked of whom: a resource is one kind of question at one provider."""

    total: int
    by_source: dict[str, int]
    by_category: dict[str, int]


class ErrorDetail(Struct, frozen=True):
    """The last error of one provider's member, and how many there were."""

    provider: str
    count: int
    type: str
    message: str
    action: str


class Performance(Struct, frozen=True):
    """Null before the first question, or the first answer of an upstream."""

    avg_response_ms: float | None
    fastest_provider: str | None
    fastest_time_ms: float | None
    cache_hit_rate: float | None


class SystemStatus(Struct, frozen=True):
    """Times in Unix seconds, durations in the unit that their names end in, rates from 0 to 1."""

    overall_health: Overall
    services: list[Service]
    endpoints: list[Endpoint]
    coins: list[Coin]
    resources: Resources
    providers_detailed: list[Detail]
    ai_models: Models
    infrastructure: Infrastructure
    resource_breakdown: Breakdown
    error_details: list[ErrorDetail]
    performance: Performance
    timestamp: int
    sandbox: bool
