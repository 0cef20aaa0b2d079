"""Candles: https://docs.coingecko.com/v3.0.1/reference/coins-id-ohlc

How long a candle is follows from how many days are asked for: 30 minutes for one day, 4 hours for up to 30, 4 days
beyond. A row's time is when its candle closes, and there is no volume.
"""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct, json

from feedmux.clock import from_unix_ms
from feedmux.items import INTERVALS, Candle
from feedmux.query import Candles
from feedmux.request import Asked, Request

DAYS = {"30m": (1,), "4h": (7, 14, 30)}
"""For each of our intervals that CoinGecko gives, the days that bring it."""


class _Row(Struct, array_like=True):
    closes: int
    """In Unix milliseconds."""
    open: float
    high: float
    low: float
    close: float


def lacks(query: Candles) -> str:
    """Why it cannot give these candles, empty where it can; what it does not give is never made from what it does."""
    if query.interval not in DAYS:
        return f"it has no candles of {query.interval}, only of {', '.join(DAYS)}"
    most = _candles(query, DAYS[query.interval][-1])
    return f"it gives {most} candles of {query.interval} at most" if query.limit > most else ""


def candles_request(asked: Asked[Candles]) -> Request:
    """The fewest days that bring as many candles."""
    query = asked.query
    days = next(days for days in DAYS[query.interval] if query.limit <= _candles(query, days))
    coin = quote(asked.id(query.symbol), safe="")
    return Request(f"/coins/{coin}/ohlc", {"vs_currency": query.vs.lower(), "days": days})


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Oldest first. The last was running when CoinGecko made the body, which may be half an hour ago: never closed."""
    query = asked.query
    rows = json.decode(body, type=list[_Row])
    return [
        Candle(
            symbol=query.symbol,
            interval=query.interval,
            opened_at=from_unix_ms(row.closes) - INTERVALS[query.interval],
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            closed=row.closes < rows[-1].closes and from_unix_ms(row.closes) <= asked.at,
            vs=query.vs,
        )
        for row in rows
    ]


def _candles(query: Candles, days: int) -> int:
    return int(days * 86_400 / INTERVALS[query.interval].total_seconds())
