"""Crypto DT Source: a private server that passes Binance's markets on, for where Binance itself cannot be reached.

Its answers are written down after its published code, none was recorded:
https://github.com/nimazasinich/crypto-dt-source. It asks for markets in USDT only, and writes 0 for what it lacks.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, json

from feedmux.clock import from_unix_ms
from feedmux.endpoint import Endpoint
from feedmux.errors import UnknownSymbol
from feedmux.failure import Failure
from feedmux.items import INTERVALS, Candle, Quote
from feedmux.limits import Backoff, Limits, Terms, Tier, Window
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request

NAME = "crypto_dt_source"
CURRENCIES = frozenset(["USD", "USDT"])


class _Ticker(Struct, rename={"change_percent": "changePercent24h"}):
    price: float
    change24h: float = 0
    change_percent: float = 0
    high24h: float = 0
    low24h: float = 0


class _Quote(Struct):
    success: Literal[True]
    source: Literal["binance"]
    data: _Ticker


class _Row(Struct):
    timestamp: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class _Series(Struct):
    success: Literal[True]
    source: Literal["binance"]
    timeframe: str
    data: list[_Row]


def market(symbol: str) -> str:
    """The market's name as Binance writes it; there is no listing to look it up in."""
    return f"{symbol}USDT"


def names_a_market(query: Quotes | Candles) -> str:
    """Why it cannot be asked for this, empty where it can."""
    plain = all(symbol.isalnum() for symbol in query.symbols_asked)
    return "" if plain else "it knows plain symbols only"


def quotes_request(asked: Asked[Quotes]) -> Request:
    """The 24-hour ticker of one market."""
    (symbol,) = asked.query.symbols
    return Request("/api/v1/binance/ticker", {"symbol": market(symbol)})


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest candles. Its code reads `timeframe`, its users send `interval`: an unread one gives hours unasked."""
    query = asked.query
    named = {"timeframe": query.interval, "interval": query.interval}
    return Request("/api/v1/binance/klines", {"symbol": market(query.symbol), **named, "limit": query.limit})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """Without a time, for it gives its own; without a volume, for that is in the base asset."""
    (symbol,) = asked.query.symbols
    ticker = json.decode(body, type=_Quote).data
    if not ticker.price:
        return []
    return [
        Quote(
            symbol=symbol,
            price=ticker.price,
            vs=asked.query.vs,
            pair=f"{symbol}/USDT",
            id=market(symbol),
            change_24h=ticker.change24h or None,
            change_pct_24h=ticker.change_percent or None,
            high_24h=ticker.high24h or None,
            low_24h=ticker.low24h or None,
        )
    ]


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Oldest first. A series of another interval than was asked for is refused."""
    query = asked.query
    series = json.decode(body, type=_Series)
    if series.timeframe != query.interval:
        raise ValueError(f"gave candles of {series.timeframe[:10]} where {query.interval} were asked for")
    return [
        Candle(
            symbol=query.symbol,
            interval=query.interval,
            opened_at=from_unix_ms(row.timestamp),
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            closed=asked.at - from_unix_ms(row.timestamp) >= INTERVALS[query.interval],
            vs=query.vs,
            pair=f"{query.symbol}/USDT",
        )
        for row in series.data
    ]


# 30 a minute and 500 an hour, as its own registry entry says. It sleeps: a first answer may take a minute, and is given up.
# Whatever Binance refuses it passes on as 503, with the status in the text.
MEMBER = Member(
    NAME,
    ("https://crypto-dt-source.onrender.com",),
    enabled=False,
    origin="binance_dt",
    limits=Limits(
        weight=1,
        tier=Tier.EMERGENCY,
        windows=(Window(30, per=60), Window(500, per=3600)),
        concurrency=2,
        backoff=Backoff(steps=(60, 300, 900)),
    ),
    endpoints=(
        Endpoint(
            Quotes, quotes_request, parse_quotes, Terms(ttl=10), currencies=CURRENCIES, refuses=names_a_market
        ),
        Endpoint(
            Candles,
            candles_request,
            parse_candles,
            Terms(ttl=10),
            currencies=CURRENCIES,
            refuses=names_a_market,
        ),
    ),
    errors=(
        Failure(
            UnknownSymbol, status=503, path="detail", contains=r"\b40[04]: (Invalid symbol|Symbol not found)"
        ),
    ),
    health=Request("/api/v1/status"),
)
