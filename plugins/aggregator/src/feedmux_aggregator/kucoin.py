"""KuCoin, spot: https://www.kucoin.com/docs-new/

Numbers are text; a ticker's time is in Unix milliseconds, a candle's in seconds.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct, convert, json

from feedmux.clock import from_unix, from_unix_ms
from feedmux.endpoint import Endpoint, ListingSource
from feedmux.errors import RateLimited, Unavailable, UnknownSymbol
from feedmux.failure import Failure
from feedmux.items import Candle, Quote
from feedmux.limits import Backoff, Counts, Limits, Terms, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import MANY, Candles, Quotes
from feedmux.request import Asked, Request
from feedmux.reset import ResetHeader
from feedmux_aggregator.market import VOICES, Series, alone, market

RESETS = ResetHeader("gw-ratelimit-reset", unit=0.001)
"""Milliseconds until the pool of weights is whole again, by the vendor's documentation of its refusals."""
TYPES = {
    "1m": "1min",
    "5m": "5min",
    "15m": "15min",
    "30m": "30min",
    "1h": "1hour",
    "4h": "4hour",
    "1d": "1day",
    "1w": "1week",
}
# Asked without times, which would change from request to request, it gives its latest 100.
SERIES = Series(TYPES, most=100)
Data = TypeVar("Data")


class _Answer(Struct, Generic[Data]):
    code: Literal["200000"]
    data: Data


class _Market(Struct, rename="camel"):
    symbol: str
    base_currency: str
    quote_currency: str
    enable_trading: bool


class _Day(Struct):
    time: int
    ticker: list[dict[str, Any]] = []
    """Of all markets; of one the whole is the ticker."""


class _Ticker(Struct, rename="camel"):
    last: float | None
    high: float | None
    low: float | None
    change_price: float | None
    change_rate: float | None
    """A fraction: 0.0114 is 1.14 %."""
    vol_value: float | None = None
    """In the quote currency."""


class _Row(Struct, array_like=True):
    time: int
    open: float
    close: float
    high: float
    low: float
    volume: float


def parse_listing(body: bytes) -> list[Listed]:
    """The markets that trade."""
    return [
        Listed(m.base_currency, m.symbol, m.quote_currency, f"{m.base_currency}/{m.quote_currency}")
        for m in json.decode(body, type=_Answer[list[_Market]]).data
        if m.enable_trading
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """One market's day, of several that of all, at the same cost."""
    if alone(asked):
        return Request("/api/v1/market/stats", {"symbol": market(asked)})
    return Request("/api/v1/market/allTickers")


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last trade, range, change and turnover of 24 hours. An unknown market's numbers are all null."""
    said = json.decode(body, type=_Answer[dict[str, Any]]).data
    day = convert(said, _Day, strict=False)
    return [
        asked.quote(
            symbol,
            ticker.last,
            from_unix_ms(day.time),
            change_24h=ticker.change_price,
            change_pct_24h=None if ticker.change_rate is None else ticker.change_rate * 100,
            high_24h=ticker.high or None,
            low_24h=ticker.low or None,
            volume_24h=ticker.vol_value,
        )
        for symbol, ticker in asked.found(day.ticker or [said], "symbol", _Ticker)
        if ticker.last
    ]


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest candles."""
    return Request(
        "/api/v1/market/candles", {"symbol": market(asked), "type": SERIES.names[asked.query.interval]}
    )


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Rows come newest first, the close before the high before the low. Without trades there is a gap."""
    return [
        asked.candle(from_unix(row.time), row)
        for row in reversed(json.decode(body, type=_Answer[list[_Row]], strict=False).data)
    ]


# 2000 weight in 30 seconds for an address: https://www.kucoin.com/docs-new/rate-limit
MEMBER = Member(
    "kucoin",
    ("https://api.kucoin.com",),
    origin="kucoin",
    limits=Limits(
        weight=1, windows=(Window(2000, per=30, counts=Counts.COST),), backoff=Backoff(steps=(30, 60, 300))
    ),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=2, cost=15, fan_out=VOICES, batch=MANY)),
        Endpoint(Candles, candles_request, parse_candles, Terms(ttl=2, cost=3), refuses=SERIES.lacks),
    ),
    listing=ListingSource(Request("/api/v2/symbols"), parse_listing, cost=4),
    errors=(
        Failure(UnknownSymbol, path="msg", contains="symbol not exists"),
        Failure(UnknownSymbol, status=200, path="msg", contains="symbol not exists"),
        Failure(RateLimited, status=200, path="code", equals="429000", resets=RESETS),
        Failure(RateLimited, status=429, resets=RESETS),
        Failure(Unavailable, status=403),  # a read needs no permission: the place is not served
    ),
    health=Request("/api/v1/timestamp"),
)
