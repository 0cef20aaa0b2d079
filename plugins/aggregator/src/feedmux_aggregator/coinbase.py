"""Coinbase Exchange: https://docs.cdp.coinbase.com/exchange/introduction/welcome

Real dollars. A quote's volume is in the base asset, and so is left out.
"""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct, json

from feedmux.clock import from_unix
from feedmux.endpoint import Endpoint, ListingSource
from feedmux.items import Candle, Instant, Quote
from feedmux.limits import Limits, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request
from feedmux_aggregator.market import CANDLES, QUOTE, Series, market

SERIES = Series({"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86_400}, most=300)


class _Product(Struct):
    id: str
    base_currency: str
    quote_currency: str
    status: str


class _Ticker(Struct):
    price: float
    time: Instant


class _Row(Struct, array_like=True):
    time: int
    low: float
    high: float
    open: float
    close: float
    volume: float


def parse_listing(body: bytes) -> list[Listed]:
    """The products that trade."""
    return [
        Listed(p.base_currency, p.id, p.quote_currency, f"{p.base_currency}/{p.quote_currency}")
        for p in json.decode(body, type=list[_Product])
        if p.status == "online"
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    return Request(f"/products/{quote(market(asked), safe='')}/ticker")


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last trade."""
    (symbol,), ticker = asked.query.symbols, json.decode(body, type=_Ticker, strict=False)
    return [asked.quote(symbol, ticker.price, ticker.time)]


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest 300."""
    granularity = SERIES.names[asked.query.interval]
    return Request(f"/products/{quote(market(asked), safe='')}/candles", {"granularity": granularity})


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Rows come newest first, the low before the high before the open. Without trades there is a gap."""
    return [
        asked.candle(from_unix(row.time), row)
        for row in reversed(json.decode(body, type=list[_Row], strict=False))
    ]


# 10 requests a second for an address: https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits
MEMBER = Member(
    "coinbase",
    ("https://api.exchange.coinbase.com",),
    origin="coinbase",
    limits=Limits(weight=1, windows=(Window(10, per=1),)),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, QUOTE),
        Endpoint(Candles, candles_request, parse_candles, CANDLES, refuses=SERIES.lacks),
    ),
    listing=ListingSource(Request("/products"), parse_listing),
    health=Request("/time"),
)
