"""The older service's contract as data: every route that it names, its fields and types, how it fails."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute
from msgspec import Struct

from feedmux.secret import Secret
from feedmux.settings import ServerSettings
from feedmux.virtual import virtual_clock

pytestmark = pytest.mark.anyio
Shape = Any
"""A type; a set of values; a predicate; a tuple of alternatives; [of each element]; {name: shape}, where `name?` may
be absent; {str: shape} for a mapping with any keys."""
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MILLISECONDS = 10**11
"""What a number of milliseconds of our days is above, and one of seconds below."""


def iso(value: object) -> bool:
    return isinstance(value, str) and ISO.fullmatch(value) is not None and bool(datetime.fromisoformat(value))


def seconds(value: object) -> bool:
    return type(value) is int and 0 < value < MILLISECONDS


def milliseconds(value: object) -> bool:
    return type(value) is int and value > MILLISECONDS


def share(value: object) -> bool:
    return type(value) is float and 0 <= value <= 1


def index(value: object) -> bool:
    return type(value) is int and 0 <= value <= 100


MOODS = {"extreme_fear", "fear", "neutral", "greed", "extreme_greed"}
WORDS = {"Bullish", "Bearish", "Neutral"}
WELL = {"healthy", "degraded", "unhealthy"}
CONDITIONS = {"online", "offline", "rate_limited", "degraded"}
UNKNOWN = (type(None),)
ROW = {
    "symbol": str,
    "name?": str,
    "price": float,
    "change24h?": float,
    "changePercent24h?": float,
    "volume24h?": float,
    "marketCap?": float,
    "high24h?": float,
    "low24h?": float,
    "lastUpdated?": iso,
}
TREND = {"symbol": str, "name": str, "rank": int, "price?": float, "changePercent24h?": float}
BAR = {"open": float, "high": float, "low": float, "close": float, "volume": (float, *UNKNOWN)}
CANDLE = {**BAR, "timestamp": milliseconds}
DAY = {"value": index, "classification": MOODS, "value_classification": MOODS, "timestamp": seconds}
ENTRY = {"id": str, "name": str, "category": str, "base_url": (str, *UNKNOWN)}
SOURCE_STATS = {
    "total_requests": int,
    "success_count": int,
    "failure_count": int,
    "success_rate": (share, *UNKNOWN),
    "avg_response_time": (float, *UNKNOWN),
    "last_success": (iso, *UNKNOWN),
    "last_failure": (iso, *UNKNOWN),
    "status": str,
}
STATS = {"success": {True}, "sources": {str: SOURCE_STATS}, "timestamp": iso}
DIRECT = {"success": {True}, "source": str, "timestamp": iso}
COINS = {**DIRECT, "coins": [ROW], "data": [ROW], "count": int}
TRENDS = {**DIRECT, "coins": [TREND], "data": [TREND], "count": int}
CROSSED = {
    "symbol": str,
    "price": float,
    "mean": float,
    "median": float,
    "min": float,
    "max": float,
    "stdev": float,
    "variance": float,
    "sources": int,
    "confidence": share,
    "all_prices": [float],
}
ANOMALY = {"symbol": str, "prices": [float], "mean": float, "variance": float, "threshold": float}
CHECKED = {
    "success": {True},
    "data": {
        "prices": [CROSSED],
        "count": int,
        "sources_used": int,
        "anomalies": [ANOMALY],
        "cross_checked": {True},
    },
    "method": {"cross_checked"},
    "timestamp": iso,
}
PLAIN = {
    "success": {True},
    "data": {"prices": [ROW], "count": int, "source": str},
    "method": {"fallback"},
    "timestamp": iso,
}
INDICATOR = {
    "success": {True},
    "symbol": str,
    "timeframe": str,
    "indicator": str,
    "data_points": int,
    "signal": str,
    "description": str,
    "timestamp": iso,
    "source": str,
}
SYSTEM = {
    "overall_health": {"online", "degraded", "partial", "offline"},
    "services": [
        {
            "name": str,
            "status": CONDITIONS,
            "last_check": (seconds, *UNKNOWN),
            "response_time_ms": (float, *UNKNOWN),
        }
    ],
    "endpoints": [{"path": str, "status": CONDITIONS, "success_rate": share, "avg_response_ms": float}],
    "coins": [
        {"symbol": str, "status": CONDITIONS, "last_update": (seconds, *UNKNOWN), "price": (float, *UNKNOWN)}
    ],
    "resources": {
        "cpu_percent": float,
        "memory_percent": float,
        "memory_used_mb": float,
        "memory_total_mb": float,
        "uptime_seconds": float,
        "load_avg": [float],
    },
    "providers_detailed": [
        {
            "name": str,
            "status": CONDITIONS,
            "response_time_ms": (float, *UNKNOWN),
            "success_rate": (share, *UNKNOWN),
            "last_check": (seconds, *UNKNOWN),
            "error": (str, *UNKNOWN),
            "status_code": (int, *UNKNOWN),
            "resource_count": int,
            "cached_until": (seconds, *UNKNOWN),
        }
    ],
    "ai_models": {"transformers_loaded": bool, "sentiment_models": int, "hf_api_active": bool},
    "infrastructure": {
        "database_status": str,
        "database_entries": int,
        "background_worker": (str, *UNKNOWN),
        "worker_next_run": (seconds, *UNKNOWN),
        "websocket_active": bool,
    },
    "resource_breakdown": {"total": int, "by_source": {str: int}, "by_category": {str: int}},
    "error_details": [{"provider": str, "count": int, "type": str, "message": str, "action": str}],
    "performance": {
        "avg_response_ms": (float, *UNKNOWN),
        "fastest_provider": (str, *UNKNOWN),
        "fastest_time_ms": (float, *UNKNOWN),
        "cache_hit_rate": (share, *UNKNOWN),
    },
    "timestamp": seconds,
}


class Route(Struct, frozen=True):
    """One route of the contract: its path, what it is tried with, and the shape of a success."""

    path: str
    tried: str
    shape: Shape
    body: Any = None

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


ROUTES = [
    Route(
        "/api/market/price",
        "?symbol=BTC",
        {"symbol": str, "price": float, "source": str, "timestamp": seconds},
    ),
    Route(
        "/api/market/ohlc",
        "?symbol=BTC&timeframe=4h",
        {"symbol": str, "timeframe": str, "ohlc": [CANDLE], "source": str},
    ),
    Route("/api/market", "?limit=5", COINS),
    Route("/api/market/gainers", "", COINS),
    Route("/api/market/losers", "", COINS),
    Route("/api/direct/trending", "?limit=5", TRENDS),
    Route("/api/trending", "?limit=5", TRENDS),
    Route("/api/v1/coingecko/trending", "", TRENDS),
    Route(
        "/api/multi-source/prices", "?symbols=BTC,ETH&limit=250&cross_check=true&use_parallel=false", CHECKED
    ),
    Route("/api/multi-source/prices", "?symbols=BTC,ETH&cross_check=false&use_parallel=true", PLAIN),
    Route("/api/multi-source/prices", "?limit=3&cross_check=false", PLAIN),
    Route("/api/multi-source/prices", "?limit=3", CHECKED),
    Route(
        "/api/multi-source/ohlc/{symbol}",
        "/api/multi-source/ohlc/BTC?timeframe=1h&limit=5",
        {
            "success": {True},
            "data": {"symbol": str, "timeframe": str, "candles": [CANDLE], "count": int},
            "source": str,
            "cached": bool,
            "attempts": int,
            "total_sources": int,
            "timestamp": iso,
        },
    ),
    Route(
        "/api/multi-source/sentiment",
        "",
        {
            "success": {True},
            "data": {"value": index, "classification": MOODS, "timestamp": seconds},
            "source": str,
            "timestamp": iso,
        },
    ),
    Route(
        "/api/multi-source/news",
        "?query=bitcoin&limit=10",
        {
            "success": {True},
            "data": {
                "articles": [{"title": str, "url": str, "source": str, "published": (iso, *UNKNOWN)}],
                "count": int,
                "sources_used": int,
                "deduplicated": {True},
            },
            "timestamp": iso,
        },
    ),
    Route("/api/multi-source/monitoring/stats", "", STATS),
    Route(
        "/api/multi-source/sources/status",
        "",
        {
            "success": {True},
            "total_sources": int,
            "sources_by_type": {str: {"total": int, "categories": {str: int}}},
            "monitoring": STATS,
        },
    ),
    Route("/api/multi-source/cache/clear", "", {"success": {True}, "message": str}, body=b""),
    Route(
        "/api/multi-source/health",
        "",
        {
            "success": {True},
            "status": WELL,
            "service": str,
            "version": str,
            "features": {str: str},
            "guarantees": {str: bool},
        },
    ),
    *(
        Route(f"/api/indicators/{name}", "?symbol=BTC&timeframe=1h", INDICATOR)
        for name in ("bollinger-bands", "stoch-rsi", "atr", "sma", "ema", "macd", "rsi")
    ),
    Route(
        "/api/indicators/comprehensive",
        "?symbol=BTC&timeframe=1h",
        {
            "success": {True},
            "current_price": float,
            "indicators": dict,
            "signals": {str: str},
            "overall_signal": {"STRONG_BUY", "BUY", "HOLD", "SELL", "STRONG_SELL"},
            "confidence": float,
            "recommendation": str,
        },
    ),
    Route(
        "/api/indicators/services",
        "",
        {
            "success": {True},
            "services": [
                {
                    "id": str,
                    "name": str,
                    "description": str,
                    "endpoint": str,
                    "parameters": (list, dict),
                    "icon": str,
                    "category": str,
                }
            ],
            "categories": list,
            "timestamp": iso,
        },
    ),
    Route(
        "/api/sentiment/analyze",
        "",
        {"sentiment": WORDS, "score": share, "confidence": share, "model": str},
        body={"text": "to the moon, surely"},
    ),
    Route(
        "/api/fear-greed",
        "",
        {**DIRECT, "value": index, "classification": MOODS, "data": [DAY]},
    ),
    Route("/api/v1/alternative/fng", "?limit=7", {**DIRECT, "data": [DAY]}),
    Route(
        "/api/v1/hf/sentiment",
        "",
        {
            "success": {True},
            "text": str,
            "sentiment": WORDS,
            "label": str,
            "score": share,
            "confidence": share,
            "model": str,
            "timestamp": iso,
        },
        body={"text": "to the moon", "model_key": "any"},
    ),
    Route(
        "/api/v1/hf/sentiment/batch",
        "",
        {
            "success": {True},
            "count": int,
            "results": [{"text": str, "sentiment": WORDS, "label": str, "score": share, "confidence": share}],
            "model": str,
            "timestamp": iso,
        },
        body={"texts": ["to the moon", "flat"]},
    ),
    Route(
        "/api/v1/hf/models",
        "",
        {
            "success": {True},
            "total_configured": int,
            "total_loaded": int,
            "models": [{"model_key": str, "task": str, "loaded": bool, "status": str}],
            "timestamp": iso,
        },
    ),
    Route("/api/v1/coingecko/price", "?symbols=BTC,ETH&limit=10", {**DIRECT, "data": [ROW]}),
    Route("/api/v1/coingecko/price", "?limit=3", {**DIRECT, "data": [ROW]}),
    Route(
        "/api/v1/binance/klines",
        "?symbol=BTC&timeframe=1h&limit=1000",
        {**DIRECT, "data": [CANDLE], "symbol": str, "timeframe": str, "count": int},
    ),
    Route("/api/v1/binance/ticker", "?symbol=BTC", {**DIRECT, "data": {**ROW, "timestamp": milliseconds}}),
    Route(
        "/api/v1/ohlcv/{symbol}",
        "/api/v1/ohlcv/BTC?interval=1d&limit=30",
        {**DIRECT, "symbol": str, "interval": str, "data": [CANDLE], "count": int, "fallback_used?": {True}},
    ),
    Route(
        "/api/v1/status",
        "",
        {
            "success": {True},
            "status": str,
            "models": {"total_configured": int, "total_loaded": int},
            "external_apis": {str: str},
            "timestamp": iso,
        },
    ),
    Route(
        "/api/resources/stats",
        "",
        {
            "total_resources": int,
            "total_categories": int,
            "categories": {str: int},
            "timestamp": iso,
        },
    ),
    Route(
        "/api/resources/list",
        "?category=news_apis&limit=5",
        {"total": int, "resources": [ENTRY], "note": str, "timestamp": iso},
    ),
    Route(
        "/api/categories",
        "",
        {"total": int, "categories": [{"name": str, "count": int, "endpoint": str}], "timestamp": iso},
    ),
    Route(
        "/api/resources/category/{category}",
        "/api/resources/category/rpc_nodes",
        {"category": str, "total": int, "resources": [ENTRY], "timestamp": iso},
    ),
    Route(
        "/api/resources/search",
        "?q=etherscan",
        {"query": str, "total": int, "resources": [ENTRY], "timestamp": iso},
    ),
    Route(
        "/api/providers",
        "",
        {
            "providers": [{"id": str, "name": str, "status": CONDITIONS, "type": (str, *UNKNOWN)}],
            "total": int,
            "online": int,
            "offline": int,
            "timestamp": iso,
        },
    ),
    Route(
        "/api/health",
        "",
        {
            "status": WELL,
            "timestamp": milliseconds,
            "uptime": float,
            "version": str,
            "dataSources": {str: str},
        },
    ),
    Route("/api/system/status", "", SYSTEM),
]
BETWEEN = 11.0
"""Seconds between two different requests to the provider that takes the longest to take another."""
TOKEN = "open-sesame"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
ASKS_NOBODY = {
    "/api/multi-source/monitoring/stats",
    "/api/multi-source/sources/status",
    "/api/multi-source/health",
    "/api/multi-source/cache/clear",
    "/api/indicators/services",
    "/api/v1/hf/models",
    "/api/v1/status",
    "/api/providers",
    "/api/health",
    "/api/system/status",
}
"""The routes that need no upstream."""
SHIPPED = {
    "/api/resources/stats",
    "/api/resources/list",
    "/api/categories",
    "/api/resources/category/{category}",
    "/api/resources/search",
}
"""The routes that a shipped catalogue answers while every upstream is down."""
JUDGED = {"/api/sentiment/analyze", "/api/v1/hf/sentiment", "/api/v1/hf/sentiment/batch"}
"""The routes that a model on this machine answers."""


@pytest.fixture
def admin() -> Any:
    return ServerSettings(admin_token=Secret(TOKEN))


def url(route: Route) -> str:
    return route.tried if route.tried.startswith("/") else route.path + route.tried


def case(route: Route) -> Any:
    return pytest.param(route, id=f"{route.method} {url(route)}")


async def sent(client: Any, route: Route) -> Any:
    if route.body is None:
        return await client.get(url(route))
    content = route.body if isinstance(route.body, bytes) else msgspec.json.encode(route.body)
    return await client.post(url(route), content=content, headers=ADMIN)


def mismatches(value: object, shape: Shape, at: str = "") -> list[str]:
    """Where a value differs from a shape in names or types; fields that the shape does not name are no difference."""
    if isinstance(shape, tuple):
        return [] if any(not mismatches(value, one) for one in shape) else [f"{at}: {value!r}"]
    if isinstance(shape, set):
        return (
            [] if any(value is one or (value == one and type(value) is type(one)) for one in shape) else [at]
        )
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at}: no list"]
        return [one for n, inner in enumerate(value) for one in mismatches(inner, shape[0], f"{at}[{n}]")]
    if isinstance(shape, dict):
        return _fields(value, shape, at)
    if isinstance(shape, type):
        return [] if type(value) is shape else [f"{at}: {value!r} is no {shape.__name__}"]
    return [] if shape(value) else [f"{at}: {value!r}"]


def _fields(value: object, shape: dict[Any, Shape], at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: no object"]
    if str in shape:
        return [one for name, inner in value.items() for one in mismatches(inner, shape[str], f"{at}.{name}")]
    found = []
    for name, inner in shape.items():
        field = name.removesuffix("?")
        if field in value:
            found += mismatches(value[field], inner, f"{at}.{field}")
        elif field == name:
            found.append(f"{at}.{field} is missing")
    return found


@pytest.mark.parametrize(
    ("value", "shape", "found"),
    [
        ({"a": 1, "b": 2}, {"a": int}, []),
        ({"a": 1}, {"a": float}, [".a: 1 is no float"]),
        ({"a": True}, {"a": int}, [".a: True is no int"]),
        ({}, {"a": int, "b?": int}, [".a is missing"]),
        ([{"a": 1}, {}], [{"a": int}], ["[1].a is missing"]),
        ({"x": None}, {str: (float, *UNKNOWN)}, []),
        (1, {True}, [""]),
        ("2026-01-01T00:00:00", iso, [": '2026-01-01T00:00:00'"]),
    ],
)
async def test_a_difference_in_names_or_types_is_seen(value: Any, shape: Shape, found: list[str]) -> None:
    assert mismatches(value, shape) == found


async def test_every_route_of_the_contract_is_there(client: Any) -> None:
    there = {
        (route.path_format, method)
        for route in client.app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
    }
    assert [route.path for route in ROUTES if (route.path, route.method) not in there] == []
    assert "/ws" in {route.path_format for route in client.app.routes}


@pytest.mark.parametrize("route", [case(route) for route in ROUTES])
async def test_a_success_has_the_contract_s_fields_and_types(
    installed: Any, admin: Any, route: Route
) -> None:
    async with installed(server=admin) as client:
        reply = await sent(client, route)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json"), reply.text
    assert mismatches(reply.json(), route.shape) == []


async def test_what_is_simulated_says_so_and_what_is_shipped_is_stale(sandboxed: Any) -> None:
    for route in ROUTES:
        if route.path not in ASKS_NOBODY:
            body = (await sent(sandboxed, route)).json()
            assert body.get("sandbox", False) is (route.path not in SHIPPED | JUDGED), url(route)
            assert body.get("stale", False) or route.path not in SHIPPED, url(route)
            await virtual_clock().sleep(BETWEEN)


@pytest.mark.parametrize("route", [case(route) for route in ROUTES])
async def test_while_every_upstream_is_down_no_number_is_invented(
    installed: Any, admin: Any, wire: Any, route: Route
) -> None:
    wire.status = 500
    async with installed(live=True, texts={}, server=admin) as client:
        reply = await sent(client, route)
    if route.path in ASKS_NOBODY | SHIPPED:
        assert (reply.status_code, mismatches(reply.json(), route.shape)) == (200, [])
        return
    assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
    assert int(reply.headers["retry-after"]) >= 1
    assert mismatches(reply.json(), dict.fromkeys(("type", "title", "detail", "instance"), str)) == []


async def test_head_and_options_are_answered(sandboxed: Any) -> None:
    for route in ROUTES:
        if route.method == "GET":
            head = await sandboxed.head(url(route))
            assert (head.status_code, head.content) == (200, b""), url(route)
            allowed = (await sandboxed.options(url(route))).headers["allow"].split(", ")
            assert {"GET", "HEAD", "OPTIONS"} <= set(allowed), url(route)
            await virtual_clock().sleep(BETWEEN)


async def test_what_takes_a_body_takes_post_alone(client: Any) -> None:
    for route in ROUTES:
        if route.method == "POST":
            assert (await client.get(url(route))).status_code == 405, url(route)
            assert "POST" in (await client.options(url(route))).headers["allow"], url(route)


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("/api/market/ohlc?timeframe=2h", "timeframe"),
        ("/api/market?limit=0", "limit"),
        ("/api/market/gainers?limit=101", "limit"),
        ("/api/market/losers?limit=x", "limit"),
        ("/api/direct/trending?limit=0", "limit"),
        ("/api/trending?limit=0", "limit"),
        ("/api/v1/coingecko/trending?limit=-1", "limit"),
        ("/api/multi-source/prices?limit=251", "limit"),
        ("/api/multi-source/prices?symbols=BTC&cross_check=perhaps", "cross_check"),
        ("/api/multi-source/prices?symbols=B%20C", "symbols"),
        ("/api/multi-source/ohlc/BTC?timeframe=2h", "timeframe"),
        ("/api/multi-source/ohlc/BTC?limit=1001", "limit"),
        ("/api/multi-source/ohlc/B%20C", "symbol"),
        ("/api/multi-source/news?limit=101", "limit"),
        ("/api/fear-greed?limit=0", "limit"),
        ("/api/v1/alternative/fng?limit=0", "limit"),
        ("/api/v1/coingecko/price?limit=0", "limit"),
        ("/api/v1/binance/klines", "symbol"),
        ("/api/v1/binance/klines?symbol=BTC&limit=1001", "limit"),
        ("/api/v1/binance/klines?symbol=BTC&timeframe=2h", "timeframe"),
        ("/api/v1/binance/ticker?symbol=", "symbol"),
        ("/api/v1/ohlcv/BTC?interval=2h", "interval"),
        ("/api/resources/list?limit=0", "limit"),
        ("/api/resources/search", "q"),
        ("/api/resources/search?q=", "q"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Any, target: str, field: str) -> None:
    reply = await client.get(target)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")
    assert reply.json()["field"] == field


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/sentiment/analyze", b'{"text": ""}', "text"),
        ("/api/sentiment/analyze", b'{"text": " \\n "}', "text"),
        ("/api/sentiment/analyze", b'{"text": 5}', "text"),
        ("/api/sentiment/analyze", b"{}", "text"),
        ("/api/sentiment/analyze", b"", None),
        ("/api/sentiment/analyze", b"[]", None),
        ("/api/sentiment/analyze", b'{"text": "\\xff"}', None),
        ("/api/v1/hf/sentiment", b'{"text": "x", "model_key": 1}', "model_key"),
        ("/api/v1/hf/sentiment", b"{}", "text"),
        ("/api/v1/hf/sentiment/batch", b'{"texts": "x"}', "texts"),
        ("/api/v1/hf/sentiment/batch", b'{"texts": []}', "texts"),
        ("/api/v1/hf/sentiment/batch", b'{"texts": ["x", ""]}', "texts[1]"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_field(
    client: Any, path: str, body: bytes, field: str | None
) -> None:
    reply = await client.post(path, content=body)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")
    assert reply.json().get("field") == field


@pytest.mark.parametrize(
    "target",
    [
        "/api/market/price?symbol=ZZZQ",
        "/api/market/ohlc?symbol=ZZZQ",
        "/api/multi-source/prices?symbols=ZZZQ&cross_check=false",
        "/api/multi-source/prices?symbols=ZZZQ",
        "/api/multi-source/ohlc/ZZZQ",
        "/api/v1/coingecko/price?symbols=ZZZQ",
        "/api/v1/binance/klines?symbol=ZZZQ",
        "/api/v1/binance/ticker?symbol=ZZZQ",
        "/api/v1/ohlcv/ZZZQ",
        "/api/resources/list?category=nope",
        "/api/resources/category/nope",
    ],
)
async def test_what_nobody_knows_is_404(sandboxed: Any, target: str) -> None:
    reply = await sandboxed.get(target)
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")
