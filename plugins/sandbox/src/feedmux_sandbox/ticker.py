"""Binance's tickers and klines: a market's numbers in the words they come in there."""

from __future__ import annotations

from feedmux_sandbox.coins import DAY
from feedmux_sandbox.interval import Grid
from feedmux_sandbox.pair import Pair, text

LISTED = 1_502_942_400
"""Nothing was traded before: 2017-08-17."""


def price(pair: Pair, at: float) -> dict[str, object]:
    return {"symbol": pair.name, "price": pair.price(pair.bar(at, at).close)}


def mini(pair: Pair, at: float) -> dict[str, object]:
    """The short form of the rolling 24 hours."""
    bar = pair.bar(at - DAY, at)
    first, after = pair.trade(at - DAY), pair.trade(at)
    return {
        "symbol": pair.name,
        "openPrice": pair.price(bar.open),
        "highPrice": pair.price(bar.high),
        "lowPrice": pair.price(bar.low),
        "lastPrice": pair.price(bar.close),
        "volume": text(bar.volume),
        "quoteVolume": text(bar.volume * bar.typical),
        "openTime": int((at - DAY) * 1000),
        "closeTime": int(at * 1000),
        "firstId": first,
        "lastId": after - 1,
        "count": after - first,
    }


def full(pair: Pair, at: float) -> dict[str, object]:
    """The rolling 24 hours with the best bid and ask."""
    bar = pair.bar(at - DAY, at)
    last = round(bar.close, pair.digits)
    opened = round(bar.open, pair.digits)
    size = text(bar.volume / 20_000)
    return {
        **mini(pair, at),
        "priceChange": text(last - opened),
        "priceChangePercent": f"{100 * (last / opened - 1):.3f}",
        "weightedAvgPrice": text(bar.typical),
        "prevClosePrice": text(opened),
        "lastQty": size,
        "bidPrice": text(last - pair.tick),
        "bidQty": size,
        "askPrice": text(last + pair.tick),
        "askQty": size,
    }


def klines(
    pair: Pair, grid: Grid, at: float, since: float | None, until: float, limit: int
) -> list[list[object]]:
    """Up to `limit` rows that open from `since` on (the newest where there is none) and not after `until`."""
    if since is not None and since > at:
        return []
    last, oldest = grid.index(min(at, until)), grid.index(LISTED)
    if since is None:
        first = max(oldest, last - limit + 1)
    else:
        first = grid.index(since)
        first = max(oldest, first + (grid.start(first) < since))
        last = min(last, first + limit - 1)
    return [_kline(pair, grid.start(index), grid.start(index + 1), at) for index in range(first, last + 1)]


def _kline(pair: Pair, start: int, end: int, at: float) -> list[object]:
    """One row; the running one only goes as far as now."""
    bar = pair.bar(start, min(end, at))
    taken = bar.volume * (0.52 if bar.close >= bar.open else 0.48)
    return [
        start * 1000,
        pair.price(bar.open),
        pair.price(bar.high),
        pair.price(bar.low),
        pair.price(bar.close),
        text(bar.volume),
        end * 1000 - 1,
        text(bar.volume * bar.typical),
        pair.trade(min(end, at)) - pair.trade(start),
        text(taken),
        text(taken * bar.typical),
        "0",
    ]
