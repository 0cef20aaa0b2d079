"""What the upstreams answer, in the shapes that were recorded, from one table of coins.

A body is built from the request alone; nothing of it comes from the engine or from a plugin.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

GENERATED = tuple(f"GEN{n}" for n in range(1000))
"""Symbols made for load."""
PRICES = {"BTC": 60_000.0, "ETH": 2_500.0, "SOL": 150.0} | {
    symbol: 1.0 + number / 8 for number, symbol in enumerate(GENERATED)
}
WEIGHTS = {"/api/v3/ping": 1, "/api/v3/exchangeInfo": 20, "/api/v3/klines": 2}
Params = Mapping[str, str]
Body = tuple[int, bytes]
Bodies = Callable[[str, Params, datetime], Body]
"""(path, parameters, the upstream's time) → (status, body)."""


def binance(path: str, params: Params, now: datetime) -> Body:
    """Market data: decimal text, milliseconds; an unknown market refuses the whole batch."""
    if path == "/api/v3/ping":
        return 200, b"{}"
    if path == "/api/v3/exchangeInfo":
        markets = [_market(symbol) for symbol in PRICES]
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
        return _json({"timezone": "UTC", "serverTime": _ms(now), "rateLimits": limits, "symbols": markets})
    if path == "/api/v3/ticker/24hr":
        asked = json.loads(params["symbols"])
        if any(name.removesuffix("USDT") not in PRICES for name in asked):
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
        return _json([_ticker(name, now) for name in asked])
    if path == "/api/v3/klines":
        return _json(_klines(params, now))
    return 404, b"<html><body><h1>404 Not found</h1></body></html>"


def binance_weight(path: str, params: Params) -> int:
    """What a request weighs at Binance."""
    if path == "/api/v3/ticker/24hr":
        count = len(json.loads(params.get("symbols", "[]")))
        return 2 if 1 <= count <= 20 else 40 if 1 <= count <= 100 else 80
    return WEIGHTS.get(path, 1)


def _market(symbol: str) -> dict[str, object]:
    return {
        "symbol": f"{symbol}USDT",
        "status": "TRADING",
        "baseAsset": symbol,
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "isSpotTradingAllowed": True,
    }


def _ticker(name: str, now: datetime) -> dict[str, object]:
    price = PRICES[name.removesuffix("USDT")]
    return {
        "symbol": name,
        "priceChange": f"{price * 0.01:.8f}",
        "priceChangePercent": "1.000",
        "weightedAvgPrice": f"{price:.8f}",
        "prevClosePrice": f"{price * 0.99:.8f}",
        "lastPrice": f"{price:.8f}",
        "lastQty": "0.00335000",
        "bidPrice": f"{price:.8f}",
        "bidQty": "0.09810000",
        "askPrice": f"{price:.8f}",
        "askQty": "8.52891000",
        "openPrice": f"{price * 0.99:.8f}",
        "highPrice": f"{price * 1.02:.8f}",
        "lowPrice": f"{price * 0.98:.8f}",
        "volume": "33278.39129000",
        "quoteVolume": "2354076638.59660790",
        "openTime": _ms(now) - 86_400_000,
        "closeTime": _ms(now),
        "firstId": 3983862692,
        "lastId": 3988881941,
        "count": 5019250,
    }


def _klines(params: Params, now: datetime) -> list[list[object]]:
    price = f"{PRICES[params['symbol'].removesuffix('USDT')]:.8f}"
    hour = 3_600_000
    running = _ms(now) // hour * hour
    opened = [running - hour * back for back in reversed(range(int(params.get("limit", "500"))))]
    return [
        [
            at,
            price,
            price,
            price,
            price,
            "47.66737000",
            at + hour - 1,
            "423305.6",
            617,
            "25.9",
            "230410.4",
            "0",
        ]
        for at in opened
    ]


def alternative_me(path: str, params: Params, now: datetime) -> Body:
    """The index, all its values text; the coins, keyed by id or as a list."""
    if path == "/fng/":
        count = int(params.get("limit", "1")) or 3044
        return 200, json.dumps(_fear_greed(count, now), indent="\t").encode()
    if path == "/v2/ticker/":
        listed = [_coin(number, symbol, params, now) for number, symbol in enumerate(PRICES, start=1)]
        limit = int(params.get("limit", "100"))
        rows = listed[:limit] if limit else listed
        meta = {"timestamp": _seconds(now), "num_cryptocurrencies": len(listed), "error": None}
        if params.get("structure") == "array":
            return _json({"data": rows, "metadata": meta})
        return _json({"data": {str(row["id"]): row for row in rows}, "metadata": meta})
    return 404, b"<html><head><title>404 Not Found</title></head></html>"


def _fear_greed(count: int, now: datetime) -> dict[str, object]:
    midnight = _seconds(now) // 86_400 * 86_400
    days: list[dict[str, str]] = [
        {"value": "71", "value_classification": "Greed", "timestamp": str(midnight - 86_400 * back)}
        for back in range(count)
    ]
    days[0]["time_until_update"] = str(midnight + 86_400 - _seconds(now))
    return {"name": "Fear and Greed Index", "data": days, "metadata": {"error": None}}


def _coin(number: int, symbol: str, params: Params, now: datetime) -> dict[str, object]:
    money = {
        "price": PRICES[symbol],
        "volume_24h": 31170243562,
        "market_cap": 10**12 // number,
        "percentage_change_1h": 0.2,
        "percentage_change_24h": 1.0,
        "percentage_change_7d": 2.5,
    }
    return {
        "id": number,
        "name": f"Coin {symbol}",
        "symbol": symbol,
        "website_slug": symbol.lower(),
        "rank": number,
        "circulating_supply": 18854312,
        "total_supply": 18854312,
        "max_supply": 0,
        "quotes": {"USD": money, params.get("convert", "USD"): money},
        "last_updated": _seconds(now),
    }


def coingecko(path: str, params: Params, now: datetime) -> Body:
    """The market table: unknown coins are left out; trending coins."""
    if path == "/ping":
        return 200, b'{"gecko_says":"(V3) To the Moon!"}'
    if path == "/coins/markets":
        symbols = params.get("symbols", "").upper().split(",")
        ids = params.get("ids", "").split(",")
        wanted = (
            [s for s in PRICES if s in symbols or s.lower() in ids]
            if symbols != [""] or ids != [""]
            else PRICES
        )
        page = list(wanted)[: int(params.get("per_page", "100"))]
        return _json([_gecko(symbol, now) for symbol in page])
    if path == "/search/trending":
        entries = [{"item": _trend(score, symbol)} for score, symbol in enumerate(list(PRICES)[:15])]
        return _json({"coins": entries, "nfts": [], "categories": []})
    return 404, b'{"error":"Incorrect path. Please check https://www.coingecko.com/api/"}'


def _gecko(symbol: str, now: datetime) -> dict[str, object]:
    price = PRICES[symbol]
    return {
        "id": symbol.lower(),
        "symbol": symbol.lower(),
        "name": f"Coin {symbol}",
        "image": "https://assets.coingecko.com/coins/images/1/large/bitcoin.png?1547033579",
        "current_price": price,
        "market_cap": 236997829,
        "market_cap_rank": 1,
        "fully_diluted_valuation": None,
        "total_volume": 15926716,
        "high_24h": price * 1.02,
        "low_24h": price * 0.98,
        "price_change_24h": price * 0.01,
        "price_change_percentage_24h": 1.0,
        "circulating_supply": 18710831.0,
        "total_supply": 21000000.0,
        "max_supply": None,
        "roi": None,
        "last_updated": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
    }


def _trend(score: int, symbol: str) -> dict[str, object]:
    data = {"price": PRICES[symbol], "price_change_percentage_24h": {"usd": 1.0}}
    return {
        "id": symbol.lower(),
        "coin_id": 4713 + score,
        "name": f"Coin {symbol}",
        "symbol": symbol,
        "market_cap_rank": score + 1,
        "slug": symbol.lower(),
        "price_btc": 4.77e-05,
        "score": score,
        "data": data,
    }


def _json(document: object) -> Body:
    return 200, json.dumps(document, separators=(",", ":")).encode()


def _seconds(now: datetime) -> int:
    return int(now.timestamp())


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
