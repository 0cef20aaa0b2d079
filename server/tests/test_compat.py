"""The older service's routes, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from feedmux.virtual import START, virtual_clock

pytestmark = pytest.mark.anyio
UNIX = int(START.timestamp())


async def test_a_price_has_four_fields_when_all_is_well(client: Any) -> None:
    body = (await client.get("/api/market/price?symbol=btc")).json()
    assert list(body) == ["symbol", "price", "source", "timestamp"]
    assert (body["symbol"], body["price"], body["source"]) == ("BTC", 100.0, "alpha")
    assert isinstance(body["timestamp"], int)
    assert UNIX - 2 <= body["timestamp"] <= UNIX + 1


async def test_a_whole_price_is_still_a_float(client: Any) -> None:
    assert b'"price":100.0' in (await client.get("/api/market/price?symbol=BTC")).content


async def test_a_stale_price_says_so(client: Any, wire: Any) -> None:
    await client.get("/api/market/price?symbol=BTC")
    await virtual_clock().sleep(60)
    wire.status = 500
    body = (await client.get("/api/market/price?symbol=BTC")).json()
    assert body["stale"] is True
    assert body["price"] == 100.0


async def test_a_price_that_cannot_be_had_is_an_error_not_a_zero(client: Any, wire: Any) -> None:
    wire.status = 500
    reply = await client.get("/api/market/price?symbol=BTC")
    assert reply.status_code == 503
    assert "price" not in reply.json()
    assert int(reply.headers["retry-after"]) >= 1


async def test_bitcoin_is_meant_where_no_symbol_is_given(client: Any) -> None:
    assert (await client.get("/api/market/price")).json()["symbol"] == "BTC"


async def test_parameters_that_were_ignored_are_ignored(client: Any) -> None:
    assert (await client.get("/api/market/price?symbol=BTC&_=123")).status_code == 200


async def test_candles_come_oldest_first_in_milliseconds(client: Any) -> None:
    body = (await client.get("/api/market/ohlc?symbol=BTC&timeframe=4h")).json()
    assert list(body) == ["symbol", "timeframe", "ohlc", "source"]
    assert (body["symbol"], body["timeframe"], body["source"]) == ("BTC", "4h", "alpha")
    bars = body["ohlc"]
    assert len(bars) == 100
    assert list(bars[0]) == ["open", "high", "low", "close", "volume", "timestamp"]
    assert [bar["timestamp"] for bar in bars] == sorted(bar["timestamp"] for bar in bars)
    assert bars[-1]["timestamp"] == UNIX * 1000
    assert bars[1]["timestamp"] - bars[0]["timestamp"] == 4 * 3600 * 1000


async def test_a_volume_nobody_knows_is_null_not_zero(client: Any) -> None:
    bars = (await client.get("/api/market/ohlc?symbol=BTC")).json()["ohlc"]
    assert bars[0]["volume"] is None
    assert bars[1]["volume"] == 5.0


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"])
async def test_every_timeframe_is_answered(client: Any, timeframe: str) -> None:
    assert (await client.get(f"/api/market/ohlc?symbol=BTC&timeframe={timeframe}")).status_code == 200


async def test_health_has_its_fields(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    body = (await client.get("/api/health")).json()
    assert set(body) >= {"status", "timestamp", "uptime", "version", "dataSources"}
    assert body["status"] == "healthy"
    assert UNIX * 1000 <= body["timestamp"] <= (UNIX + 1) * 1000
    assert isinstance(body["timestamp"], int)
    assert isinstance(body["uptime"], float)
    assert body["dataSources"] == {"alpha": "connected"}


async def test_a_refusing_source_makes_health_unhealthy(client: Any, wire: Any) -> None:
    wire.status = 429
    await client.get("/v1/quotes?symbols=BTC")
    body = (await client.get("/api/health")).json()
    assert body["dataSources"] == {"alpha": "rate_limited"}
    assert body["status"] == "unhealthy"


async def status(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/api/system/status")).json()
    return found


async def test_system_status_has_every_field(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    body = await status(client)
    assert set(body) >= {
        "overall_health",
        "services",
        "endpoints",
        "coins",
        "resources",
        "providers_detailed",
        "ai_models",
        "infrastructure",
        "resource_breakdown",
        "error_details",
        "performance",
        "timestamp",
    }
    assert body["overall_health"] == "online"
    assert isinstance(body["timestamp"], int)
    assert set(body["services"][0]) == {"name", "status", "last_check", "response_time_ms"}
    assert set(body["endpoints"][0]) == {"path", "status", "success_rate", "avg_response_ms"}
    assert set(body["coins"][0]) == {"symbol", "status", "last_update", "price"}
    assert set(body["resources"]) == {
        "cpu_percent",
        "memory_percent",
        "memory_used_mb",
        "memory_total_mb",
        "uptime_seconds",
        "load_avg",
    }
    assert set(body["providers_detailed"][0]) >= {
        "name",
        "status",
        "response_time_ms",
        "success_rate",
        "last_check",
        "error",
        "status_code",
        "resource_count",
        "cached_until",
    }
    assert set(body["ai_models"]) == {"transformers_loaded", "sentiment_models", "hf_api_active"}
    assert set(body["infrastructure"]) == {
        "database_status",
        "database_entries",
        "background_worker",
        "worker_next_run",
        "websocket_active",
    }
    assert set(body["resource_breakdown"]) == {"total", "by_source", "by_category"}
    assert set(body["performance"]) == {
        "avg_response_ms",
        "fastest_provider",
        "fastest_time_ms",
        "cache_hit_rate",
    }


async def test_nothing_is_known_before_the_first_question(client: Any) -> None:
    body = await status(client)
    assert body["overall_health"] == "degraded"
    assert body["performance"] == {
        "avg_response_ms": None,
        "fastest_provider": None,
        "fastest_time_ms": None,
        "cache_hit_rate": None,
    }
    assert all(coin["price"] is None and coin["status"] == "offline" for coin in body["coins"])
    assert body["providers_detailed"][0]["success_rate"] is None
    assert body["error_details"] == []


async def test_coins_show_what_the_cache_holds(client: Any) -> None:
    await client.get("/v1/quotes?symbols=BTC")
    bitcoin = (await status(client))["coins"][0]
    assert (bitcoin["symbol"], bitcoin["price"], bitcoin["status"]) == ("BTC", 100.0, "online")
    await virtual_clock().sleep(60)
    assert (await status(client))["coins"][0]["status"] == "degraded"


async def test_a_provider_that_refuses_is_rate_limited_until_a_time(client: Any, wire: Any) -> None:
    wire.status, wire.headers = 429, {"retry-after": "120"}
    await client.get("/v1/quotes?symbols=BTC")
    body = await status(client)
    detail, error = body["providers_detailed"][0], body["error_details"][0]
    assert detail["status"] == "rate_limited"
    assert UNIX + 118 <= detail["cached_until"] <= UNIX + 121
    assert (error["provider"], error["count"], error["type"]) == ("alpha", 1, "rate-limited")
    assert error["action"]
    assert body["overall_health"] == "offline"


async def test_routes_are_counted_by_their_template(client: Any) -> None:
    for symbol in ("BTC", "ETH"):
        await client.get(f"/v1/candles/{symbol}?limit=2")
    rows = {row["path"]: row for row in (await status(client))["endpoints"]}
    assert set(rows) == {"/v1/candles/{symbol}"}
    assert rows["/v1/candles/{symbol}"]["success_rate"] == 1.0
