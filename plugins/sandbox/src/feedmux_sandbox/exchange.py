"""Binance's exchangeInfo: which markets there are and how they are traded."""

from __future__ import annotations

from collections.abc import Iterable

from feedmux_sandbox.pair import Pair, text

RATE_LIMITS = (
    ("REQUEST_WEIGHT", "MINUTE", 1, 6000),
    ("ORDERS", "SECOND", 10, 100),
    ("ORDERS", "DAY", 1, 200_000),
    ("RAW_REQUESTS", "MINUTE", 5, 61_000),
)


def exchange_info(markets: Iterable[Pair], at: float) -> dict[str, object]:
    return {
        "timezone": "UTC",
        "serverTime": int(at * 1000),
        "rateLimits": [
            {"rateLimitType": kind, "interval": unit, "intervalNum": number, "limit": limit}
            for kind, unit, number, limit in RATE_LIMITS
        ],
        "exchangeFilters": [],
        "symbols": [_market(pair) for pair in markets],
    }


def _market(pair: Pair) -> dict[str, object]:
    return {
        "symbol": pair.name,
        "status": "TRADING",
        "baseAsset": pair.coin.symbol,
        "baseAssetPrecision": 8,
        "quoteAsset": pair.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(pair),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def _filters(pair: Pair) -> list[dict[str, object]]:
    tick, step, none = text(pair.tick), text(0.0001), text(0)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": text(1e6), "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": text(1e8), "stepSize": step},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MARKET_LOT_SIZE", "minQty": none, "maxQty": text(1e6), "stepSize": none},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(5),
            "applyMinToMarket": True,
            "maxNotional": text(9e6),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]
