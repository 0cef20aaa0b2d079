"""OKX, spot: https://www.okx.com/docs-v5/en/

Numbers and times (Unix milliseconds) are text. Not served in the USA.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct, field, json

from feedmux.clock import from_unix_ms
from feedmux.endpoint import Endpoint, ListingSource
from feedmux.errors import RateLimited, Unavailable, UnknownSymbol, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import Candle, Quote
from feedmux.limits import Limits, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import Candles, Quotes
from feedmux.request import Asked, Request
from feedmux_aggregator.market import CANDLES, QUOTES, Series, alone, market

# Its own day and week begin at 16:00 UTC; those in UTC have names of their own.
BARS = {
    "1m": "1m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1h": "1H",
    "4h": "4H",
    "1d": "1Dutc",
    "1w": "1Wutc",
}
SIZES = (100, 300)
"""How many candles are asked for, so that questions of similar length share one request."""
SERIES = Series(BARS, most=SIZES[-1])
Row = TypeVar("Row")


class _Answer(Struct, Generic[Row]):
    code: Literal["0"]
    data: list[Row]


class _Instrument(Struct, rename="camel"):
    inst_id: str
    base_ccy: str
    quote_ccy: str
    state: str


class _Ticker(Struct, rename="camel"):
    last: float
    high: float = field(name="high24h")
    low: float = field(name="low24h")
    turnover: float = field(name="volCcy24h")
    """In the quote currency."""
    ts: int


class _Row(Struct, array_like=True):
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def parse_listing(body: bytes) -> list[Listed]:
    """The instruments that trade."""
    return [
        Listed(i.base_ccy, i.inst_id, i.quote_ccy, f"{i.base_ccy}/{i.quote_ccy}")
        for i in json.decode(body, type=_Answer[_Instrument]).data
        if i.state == "live"
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """One market's ticker, of several those of all."""
    if alone(asked):
        return Request("/api/v5/market/ticker", {"instId": market(asked)})
    return Request("/api/v5/market/tickers", {"instType": "SPOT"})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last trade, range and volume of 24 hours."""
    rows = json.decode(body, type=_Answer[dict[str, Any]]).data
    return [
        asked.quote(
            symbol,
            ticker.last,
            from_unix_ms(ticker.ts),
            high_24h=ticker.high,
            low_24h=ticker.low,
            volume_24h=ticker.turnover,
        )
        for symbol, ticker in asked.found(rows, "instId", _Ticker)
    ]


def candles_request(asked: Asked[Candles]) -> Request:
    """The latest candles."""
    query = asked.query
    limit = next(size for size in SIZES if size >= query.limit)
    return Request(
        "/api/v5/market/candles",
        {"instId": market(asked), "bar": SERIES.names[query.interval], "limit": limit},
    )


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    """Rows come newest first, the first still running."""
    return [
        asked.candle(from_unix_ms(row.ts), row)
        for row in reversed(json.decode(body, type=_Answer[_Row], strict=False).data)
    ]


# 20 tickers or 40 candles in two seconds for an address: https://www.okx.com/docs-v5/en/#order-book-trading-market-data
# Errors: https://www.okx.com/docs-v5/en/#error-code
MEMBER = Member(
    "okx",
    ("https://www.okx.com",),
    origin="okx",
    limits=Limits(weight=1, windows=(Window(20, per=2),)),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, QUOTES),
        Endpoint(Candles, candles_request, parse_candles, CANDLES, refuses=SERIES.lacks),
    ),
    listing=ListingSource(Request("/api/v5/public/instruments", {"instType": "SPOT"}), parse_listing),
    errors=(
        Failure(UnknownSymbol, status=200, path="code", equals="51001"),
        Failure(RateLimited, status=200, path="code", equals="50011"),
        Failure(UpstreamDown, status=200, path="code", contains=r"^500(01|04|13|26)$"),
        Failure(Unavailable, status=403),  # a read needs no permission: the place is not served
    ),
    health=Request("/api/v5/public/time"),
)
