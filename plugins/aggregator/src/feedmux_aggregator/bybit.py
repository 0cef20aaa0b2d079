"""Bybit, spot: https://bybit-exchange.github.io/docs/v5/market/tickers

Numbers and times (Unix milliseconds) are text. Not served in the USA.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct, field, json

from feedmux.clock import from_unix_ms
from feedmux.endpoint import Endpoint, ListingSource
from feedmux.errors import InvalidQuery, RateLimited, Unavailable, UnknownSymbol, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import Candle, Quote
from feedmux.limits import Limits, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request
from feedmux_aggregator.market import CANDLES, QUOTES, Series, alone, market

MINUTES: dict[str, str | int] = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "4h": 240,
    "1d": "D",
    "1w": "W",
}
SIZES = (200, 1000)
"""How many candles are asked for, so that questions of similar length share one request."""
SERIES = Series(MINUTES, most=SIZES[-1])
Row = TypeVar("Row")


class _Rows(Struct, Generic[Row]):
    rows: list[Row] = field(name="list")


class _Answer(Struct, Generic[Row], rename="camel"):
    ret_code: Literal[0]
    result: _Rows[Row]
    time: int


class _Instrument(Struct, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    status: str


class _Ticker(Struct, rename="camel"):
    last_price: float
    high: float = field(name="highPrice24h")
    low: float = field(name="lowPrice24h")
    turnover: float = field(name="turnover24h")
    change: float = field(name="price24hPcnt")
    """A fraction: 0.0068 is 0.68 %."""


class _Row(Struct, array_like=True):
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def parse_listing(body: bytes) -> list[Listed]:
    """The instruments that trade."""
    return [
        Listed(i.base_coin, i.symbol, i.quote_coin, f"{i.base_coin}/{i.quote_coin}")
        for i in json.decode(body, type=_Answer[_Instrument]).result.rows
        if i.status == "Trading"
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """One market's ticker, of several those of all."""
    one = {"symbol": market(asked)} if alone(asked) else {}
    return Request("/v5/market/tickers", {"category": "spot", **one})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last trade, range, change and turnover of 24 hours, at the time of the whole answer.

    An unknown symbol has an empty list.
    """
    answer = json.decode(body, type=_Answer[dict[str, Any]])
    return [
        asked.quote(
            symbol,
            ticker.last_price,
            from_unix_ms(answer.time),
            change_pct_24h=ticker.change * 100,
            high_24h=ticker.high,
            low_24h=ticker.low,
            volume_24h=ticker.turnover,
        )
        for symbol, ticker in asked.found(answer.result.rows, "symbol", _Ticker)
    ]


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest candles."""
    query = asked.query
    limit = next(size for size in SIZES if size >= query.limit)
    interval = SERIES.names[query.interval]
    return Request(
        "/v5/market/kline",
        {"category": "spot", "symbol": market(asked), "interval": interval, "limit": limit},
    )


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Rows come newest first, the first still running."""
    return [
        asked.candle(from_unix_ms(row.start), row)
        for row in reversed(json.decode(body, type=_Answer[_Row], strict=False).result.rows)
    ]


# 600 requests in five seconds for an address; whoever asks more is shut out for ten minutes:
# https://bybit-exchange.github.io/docs/v5/rate-limit
# Errors come with status 200: https://bybit-exchange.github.io/docs/v5/error
MEMBER = Member(
    "bybit",
    ("https://api.bybit.com",),
    origin="bybit",
    limits=Limits(weight=1, windows=(Window(600, per=5),)),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, QUOTES),
        Endpoint(Candles, candles_request, parse_candles, CANDLES, refuses=SERIES.lacks),
    ),
    listing=ListingSource(Request("/v5/market/instruments-info", {"category": "spot"}), parse_listing),
    errors=(
        Failure(UnknownSymbol, status=200, path="retMsg", contains="symbol invalid|not supported symbols"),
        Failure(InvalidQuery, status=200, path="retCode", equals=10001),
        Failure(RateLimited, status=200, path="retCode", contains="^100(06|18)$"),
        Failure(UpstreamDown, status=200, path="retCode", contains="^100(00|16)$"),
        Failure(RateLimited, status=403, contains="too frequent", wait=600),
        Failure(Unavailable, status=403),  # a read needs no permission: the place is not served
    ),
    health=Request("/v5/market/time"),
)
