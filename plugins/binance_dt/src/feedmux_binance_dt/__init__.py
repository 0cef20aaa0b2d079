"""Binance spot: quotes and candles from its public market data. No key.

Fields, weights and parameters: https://developers.binance.com/docs/binance-spot-api-docs/rest-api
Numbers arrive as decimal text, times in Unix milliseconds.
"""

from __future__ import annotations

from msgspec import Struct, json

from feedmux.clock import from_unix_ms
from feedmux.endpoint import Endpoint, ListingSource, UsedHeader
from feedmux.errors import RateLimited, UnknownSymbol, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import Candle, Quote
from feedmux.limits import Backoff, Counts, Limits, Terms, Window
from feedmux.listing import Listed
from feedmux.provider import Member, Provider
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request
from feedmux_binance_dt import proxy, stream

KLINES = (100, 500, 1000)
"""How many candles are asked for: all cost the same, so that questions of similar length share one request."""


class _Market(Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str


class _ExchangeInfo(Struct):
    symbols: list[_Market]


class _Ticker(Struct, rename="camel"):
    symbol: str
    last_price: float
    price_change: float
    price_change_percent: float
    high_price: float
    low_price: float
    quote_volume: float
    close_time: int


class _Kline(Struct, array_like=True):
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_time: int


def quotes_request(asked: Asked[Quotes]) -> Request:
    """The 24-hour tickers of these markets; of type FULL, since MINI has no changes."""
    ids = list(dict.fromkeys(asked.id(symbol) for symbol in asked.query.symbols))
    return Request("/api/v3/ticker/24hr", {"symbols": json.encode(ids).decode(), "type": "FULL"})


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest candles. Binance calls the intervals as we do."""
    query = asked.query
    limit = next(size for size in KLINES if size >= query.limit)
    return Request(
        "/api/v3/klines", {"symbol": asked.id(query.symbol), "interval": query.interval, "limit": limit}
    )


def parse_listing(body: bytes) -> list[Listed]:
    """The markets that trade, split into base and quote as Binance itself splits them."""
    return [
        Listed(m.base_asset, m.symbol, m.quote_asset, f"{m.base_asset}/{m.quote_asset}")
        for m in json.decode(body, type=_ExchangeInfo).symbols
        if m.status == "TRADING"
    ]


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """Last price, change and range over the rolling 24 hours. A market without trades says 0 and is left out."""
    tickers = {t.symbol: t for t in json.decode(body, type=list[_Ticker], strict=False) if t.last_price}
    return [
        asked.quote(
            symbol,
            ticker.last_price,
            from_unix_ms(ticker.close_time),
            change_24h=ticker.price_change,
            change_pct_24h=ticker.price_change_percent,
            high_24h=ticker.high_price,
            low_24h=ticker.low_price,
            volume_24h=ticker.quote_volume,
        )
        for symbol in asked.query.symbols
        if (ticker := tickers.get(asked.id(symbol)))
    ]


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Oldest first, the last usually still running; volume in the base asset. Where trading stopped there is a gap."""
    query = asked.query
    return [
        Candle(
            symbol=query.symbol,
            interval=query.interval,
            opened_at=from_unix_ms(row.open_time),
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            closed=from_unix_ms(row.close_time) < asked.at,
            vs=query.vs,
            pair=asked.pair(query.symbol),
        )
        for row in json.decode(body, type=list[_Kline], strict=False)
    ]


# The first host serves market data only, and from places where the others answer 451:
# https://developers.binance.com/docs/binance-spot-api-docs/faqs/market_data_only
# The limit is 6000 weight a minute for an address, whatever the host. Up to 20 tickers weigh 2 and 21 to 100 weigh 40,
# so batches of 20 give the most quotes for it. 418 and most 429 say until when:
# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
provider = Provider(
    hosts=("https://data-api.binance.vision", "https://api.binance.com", "https://api-gcp.binance.com"),
    limits=Limits(
        weight=25,
        windows=(Window(6000, per=60, counts=Counts.COST),),
        backoff=Backoff(steps=(5, 30, 300), blacklist_after=3),
    ),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=2, cost=2, batch=20)),
        Endpoint(Candles, candles_request, parse_candles, Terms(ttl=2, cost=2)),
    ),
    members=(Member("binance_dt", ()), proxy.MEMBER),
    listing=ListingSource(
        Request(
            "/api/v3/exchangeInfo",
            {"permissions": "SPOT", "symbolStatus": "TRADING", "showPermissionSets": False},
        ),
        parse_listing,
        cost=20,
    ),
    health=Request("/api/v3/ping"),
    push=stream.push,
    streams=(stream.quotes,),
    used=(UsedHeader("x-mbx-used-weight-1m", per=60),),
    errors=(  # https://developers.binance.com/docs/binance-spot-api-docs/errors
        Failure(UnknownSymbol, status=400, path="code", equals=-1121),
        Failure(RateLimited, path="code", equals=-1003, reset=r"until (\d{13})"),
        Failure(RateLimited, status=403),  # the firewall, in HTML; a read needs no permission
        Failure(UpstreamDown, path="code", contains=r"^-10(00|01|06|07|08)$"),
    ),
    attribution="Binance",
    docs="https://developers.binance.com/docs/binance-spot-api-docs/rest-api",
)
