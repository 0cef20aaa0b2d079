"""Coinpaprika: https://api.coinpaprika.com/

Itself an average over exchanges, renewed every minute or so: a voice among others, heard seldom. Its history costs money.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import Struct, field, json

from feedmux.endpoint import Endpoint, ListingSource
from feedmux.errors import Unauthorized
from feedmux.failure import Failure
from feedmux.items import Instant, Quote
from feedmux.limits import MONTH, Backoff, Limits, Terms, Window
from feedmux.listing import Listed
from feedmux.provider import Member
from feedmux.query import MANY, Quotes
from feedmux.request import Asked, Request
from feedmux_aggregator.market import VOICES, alone, market


class _Coin(Struct):
    id: str
    symbol: str
    rank: int


class _Dollars(Struct):
    price: float
    volume_24h: float | None
    market_cap: float | None
    percent_change_24h: float | None


class _Quotes(Struct):
    usd: _Dollars = field(name="USD")


class _Ticker(Struct):
    name: str
    last_updated: Instant
    quotes: _Quotes


def parse_listing(body: bytes) -> list[Listed]:
    """The coins that are ranked, quoted in any currency it is asked for."""
    return [
        Listed(coin.symbol, coin.id, rank=coin.rank)
        for coin in json.decode(body, type=list[_Coin])
        if coin.rank
    ]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """One coin, of several all of them: what the listing is made of as well."""
    path = f"/v1/tickers/{quote(market(asked), safe='')}" if alone(asked) else "/v1/tickers"
    return Request(path, {"quotes": "USD"})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """Price, change and volume of 24 hours, market cap."""
    said = json.decode(body, type=dict[str, Any] | list[dict[str, Any]])
    return [
        asked.quote(
            symbol,
            ticker.quotes.usd.price,
            ticker.last_updated,
            name=ticker.name,
            change_pct_24h=ticker.quotes.usd.percent_change_24h,
            volume_24h=ticker.quotes.usd.volume_24h,
            market_cap=ticker.quotes.usd.market_cap,
        )
        for symbol, ticker in asked.found(said if isinstance(said, list) else [said], "id", _Ticker)
    ]


# 20,000 requests a month for an address: https://coinpaprika.com/api/pricing/
MEMBER = Member(
    "coinpaprika",
    ("https://api.coinpaprika.com",),
    origin="coinpaprika",
    weight=0.2,
    limits=Limits(weight=1, windows=(Window(20_000, per=MONTH),), backoff=Backoff(steps=(60, 300, 900))),
    endpoints=(
        Endpoint(
            Quotes,
            quotes_request,
            parse_quotes,
            Terms(ttl=300, fan_out=VOICES, batch=MANY),
            currencies=frozenset({"USD"}),
        ),
    ),
    listing=ListingSource(Request("/v1/tickers", {"quotes": "USD"}), parse_listing),
    errors=(Failure(Unauthorized, status=402),),
    health=Request("/v1/global"),
)
