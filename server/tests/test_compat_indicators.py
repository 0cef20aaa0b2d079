"""The older service's indicators, field by field."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from feedmux import Backoff, Candle, Candles, Endpoint, Limits, Provider, Request, Terms, Window
from feedmux.items import INTERVALS
from feedmux.virtual import START

pytestmark = pytest.mark.anyio
COMMON = {
    "success": bool,
    "symbol": str,
    "timeframe": str,
    "indicator": str,
    "data_points": int,
    "signal": str,
    "description": str,
    "timestamp": str,
    "source": str,
}
PRICED = {"current_price": float}
CONTRACT: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "bollinger-bands": (
        {"upper": float, "middle": float, "lower": float, "bandwidth": float, "percent_b": float},
        PRICED,
    ),
    "stoch-rsi": ({"value": float, "k_line": float, "d_line": float}, {}),
    "atr": ({"value": float, "percent": float}, {**PRICED, "volatility_level": str}),
    "sma": (
        {"sma20": float, "sma50": float, "sma200": float},
        {**PRICED, "price_vs_sma20": float, "price_vs_sma50": float, "trend": str},
    ),
    "ema": ({"ema12": float, "ema26": float, "ema50": float}, {**PRICED, "trend": str}),
    "macd": ({"macd_line": float, "signal_line": float, "histogram": float}, {"trend": str}),
}
"""The value's fields, and those beside the common ones."""


class Swings:
    """A provider of candles that swing and rise, of which it has so many."""

    def __init__(self, have: int = 1000) -> None:
        self.have = have
        self.limits: list[int] = []

    def parse(self, body: bytes, asked: Any) -> list[Candle]:
        self.limits.append(asked.query.limit)
        step, count = INTERVALS[asked.query.interval], min(self.have, asked.query.limit)
        return [self._candle(asked.query, START - (count - n - 1) * step, n) for n in range(count)]

    def _candle(self, query: Candles, opened: Any, n: int) -> Candle:
        close = 100 + 0.1 * n + 5 * math.sin(n / 7) + 2 * math.cos(n / 3)
        return Candle(
            symbol=query.symbol,
            interval=query.interval,
            opened_at=opened,
            open=close,
            high=close + 1,
            low=close - 1,
            close=close,
            volume=1.0,
            closed=opened < START,
        )

    def provider(self) -> Provider:
        endpoint = Endpoint(
            Candles,
            lambda asked: Request("/candles", asked.query.to_strings()),
            self.parse,
            Terms(ttl=1),
            listed=False,
        )
        return Provider(
            hosts=("https://swings.example",),
            limits=Limits(weight=1, windows=(Window(600, per=60),), backoff=Backoff(steps=(90.0,))),
            endpoints=(endpoint,),
            health=Request("/health"),
        )


@pytest.fixture
def swings() -> Swings:
    return Swings()


@pytest.fixture
async def asking(swings: Swings, serving: Any) -> AsyncIterator[Any]:
    async with serving(plugins={"swings": swings.provider()}) as client:
        yield client


@pytest.mark.parametrize("name", CONTRACT)
async def test_an_indicator_has_the_fields_of_the_contract(asking: Any, name: str) -> None:
    reply = await asking.get(f"/api/indicators/{name}?symbol=btc&timeframe=4h")
    value, beside = CONTRACT[name]
    body = reply.json()
    assert reply.status_code == 200, body
    assert {k: type(v) for k, v in body.items()} == COMMON | beside | {"value": dict, "data": dict}
    assert {k: type(v) for k, v in body["value"].items()} == value
    assert body["data"] == body["value"]
    assert (body["symbol"], body["timeframe"], body["source"]) == ("BTC", "4h", "swings")
    assert body["timestamp"].endswith("Z")


async def test_the_rsi_is_a_number_and_its_data_a_mapping(asking: Any) -> None:
    body = (await asking.get("/api/indicators/rsi")).json()
    assert {k: type(v) for k, v in body.items()} == COMMON | {"value": float, "data": dict}
    assert body["data"] == {"value": body["value"]}
    assert 0 < body["value"] < 100


async def test_the_comprehensive_answer_holds_all_seven(asking: Any) -> None:
    body = (await asking.get("/api/indicators/comprehensive?symbol=BTC")).json()
    names = ["bollinger_bands", "stoch_rsi", "atr", "sma", "ema", "macd", "rsi"]
    assert list(body["indicators"]) == list(body["signals"]) == names
    assert body["overall_signal"] in ("STRONG_BUY", "BUY", "HOLD", "SELL", "STRONG_SELL")
    assert 0 < body["confidence"] <= 1
    assert isinstance(body["recommendation"], str)
    assert isinstance(body["current_price"], float)


async def test_the_services_list_what_there_is(asking: Any) -> None:
    body = (await asking.get("/api/indicators/services")).json()
    assert body["success"] is True
    for service in body["services"]:
        assert list(service) == ["id", "name", "description", "endpoint", "parameters", "icon", "category"]
        assert (await asking.get(service["endpoint"])).status_code == 200
        assert service["category"] in body["categories"]


async def test_enough_candles_are_asked_for_to_be_exact(asking: Any, swings: Swings) -> None:
    await asking.get("/api/indicators/rsi?period=14")
    await asking.get("/api/indicators/bollinger-bands?period=20")
    assert swings.limits == [295, 20]


async def test_a_long_average_that_cannot_be_had_is_null(asking: Any, swings: Swings) -> None:
    swings.have = 60
    assert (await asking.get("/api/indicators/sma")).json()["value"]["sma200"] is None


async def test_too_few_candles_are_an_error_in_both_words(asking: Any, swings: Swings) -> None:
    swings.have = 9
    reply = await asking.get("/api/indicators/rsi")
    body = reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
    assert (body["error"], body["message"]) == (True, body["detail"])
    assert "retry-after" in reply.headers
    assert "value" not in body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rsi?period=1", "period"),
        ("bollinger-bands?std_dev=5.1", "std_dev"),
        ("bollinger-bands?period=101", "period"),
        ("macd?fast=26&slow=12", "fast"),
        ("sma?timeframe=2h", "timeframe"),
        ("ema?symbol=b%20c", "symbol"),
    ],
)
async def test_a_wrong_parameter_is_named(asking: Any, query: str, field: str) -> None:
    reply = await asking.get(f"/api/indicators/{query}")
    body = reply.json()
    assert (reply.status_code, body["field"], body["error"]) == (400, field, True)


async def test_an_upstream_that_fails_is_an_error_not_an_rsi_of_50(asking: Any, wire: Any) -> None:
    wire.status = 500
    reply = await asking.get("/api/indicators/rsi")
    assert (reply.status_code, reply.json()["error"]) == (503, True)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nope", 404), ("POST", "rsi", 405)])
async def test_what_never_reaches_an_indicator_is_told_in_both_words(
    asking: Any, method: str, path: str, status: int
) -> None:
    reply = await asking.request(method, f"/api/indicators/{path}")
    body = reply.json()
    assert (reply.status_code, body["error"], body["message"]) == (status, True, body["detail"])
