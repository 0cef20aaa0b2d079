"""Kraken: https://docs.kraken.com/api/docs/rest-api/get-ticker-information

With `assetVersion=1` it calls Bitcoin BTC and markets BTC/USD; without it says XBT, XDG and XXBTZUSD. A ticker says no
time, and its volume is in the base asset.
"""

from __future__ import annotations

from msgspec import Struct, field, json

from feedmux.clock import from_unix
from feedmux.endpoint import Endpoint, ListingSource
from feedmux.errors import RateLimited, UnknownSymbol, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import Candle, Quote
from feedmux.limits import Limits, Terms, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request
from feedmux_aggregator.market import CANDLES, VOICES, Series, alone, market

MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440, "1w": 10_080}
SERIES = Series(MINUTES, most=720)
PLAIN_NAMES = {"assetVersion": 1}


class _Pair(Struct):
    base: str
    quote: str
    status: str


class _Pairs(Struct):
    result: dict[str, _Pair]


class _Ticker(Struct):
    last: tuple[float, float] = field(name="c")
    """Price and lot."""
    high: tuple[float, float] = field(name="h")
    """Since midnight, and of the last 24 hours."""
    low: tuple[float, float] = field(name="l")


class _Tickers(Struct):
    result: dict[str, _Ticker]


class _Row(Struct, array_like=True):
    time: int
    open: float
    high: float
    low: float
    close: float
    vwap: float
    volume: float


class _Rows(Struct):
    result: dict[str, list[_Row] | int]


def parse_listing(body: bytes) -> list[Listed]:
    """The pairs that trade; a variant such as BTC/USD:BTNL is no second market of its currencies."""
    return [
        Listed(pair.base, name, pair.quote, name)
        for name, pair in json.decode(body, type=_Pairs).result.items()
        if pair.status == "online" and name == f"{pair.base}/{pair.quote}"
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """The tickers of these pairs."""
    pairs = dict.fromkeys(map(asked.id, asked.query.symbols))
    return Request("/0/public/Ticker", {"pair": ",".join(pairs), **PLAIN_NAMES})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last trade; a pair without trades says 0 and has no quote. One ticker alone may be called otherwise."""
    tickers = json.decode(body, type=_Tickers, strict=False).result
    if alone(asked):
        (one,) = tickers.values()
        tickers = {market(asked): one}
    return [
        asked.quote(symbol, ticker.last[0], high_24h=ticker.high[1] or None, low_24h=ticker.low[1] or None)
        for symbol in asked.query.symbols
        if (ticker := tickers.get(asked.id(symbol))) and ticker.last[0]
    ]


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest 720."""
    interval = SERIES.names[asked.query.interval]
    return Request("/0/public/OHLC", {"pair": market(asked), "interval": interval, **PLAIN_NAMES})


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Oldest first, the last still running. The one series, whatever it is called."""
    found = json.decode(body, type=_Rows, strict=False).result.values()
    (rows,) = [rows for rows in found if isinstance(rows, list)]
    return [asked.candle(from_unix(row.time), row) for row in rows]


# About one request a second for an address and a pair:
# https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-
# Errors come with status 200: https://docs.kraken.com/api/docs/guides/spot-errors
MEMBER = Member(
    "kraken",
    ("https://api.kraken.com",),
    origin="kraken",
    limits=Limits(weight=1, windows=(Window(15, per=15),)),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=2, fan_out=VOICES, batch=50)),
        Endpoint(Candles, candles_request, parse_candles, CANDLES, refuses=SERIES.lacks),
    ),
    listing=ListingSource(Request("/0/public/AssetPairs", PLAIN_NAMES), parse_listing),
    errors=(
        Failure(UnknownSymbol, status=200, path="error", contains="EQuery:Unknown asset pair"),
        Failure(RateLimited, status=200, path="error", contains="Too many requests|Rate limit exceeded"),
        Failure(UpstreamDown, status=200, path="error", contains="EService:|EGeneral:Internal error"),
    ),
    health=Request("/0/public/Time"),
)
