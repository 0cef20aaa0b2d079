"""alternative.me: the Fear & Greed index, and every coin it knows in one request. No key.

Fields and parameters: https://alternative.me/crypto/fear-and-greed-index/#api and https://alternative.me/crypto/api/
Times are Unix seconds, changes are in percent, and a supply or rank of 0 means unknown.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, convert, json
from msgspec.structs import replace

from feedmux.clock import from_unix
from feedmux.endpoint import Endpoint
from feedmux.errors import BadPayload
from feedmux.failure import Failure
from feedmux.items import Classification, Coin, Quote, SentimentIndex
from feedmux.limits import Backoff, Limits, Terms, Window
from feedmux.listing import largest
from feedmux.provider import Provider
from feedmux.query import MANY, FearGreed, Markets, Quotes
from feedmux.request import Asked, Request

EVERY_COIN: dict[str, str | int] = {"limit": 0, "structure": "array"}
DAYS = (30, 365)
"""How many days are asked for, beyond that all: questions of similar length share one request."""

CURRENCIES = frozenset(
    ["USD", "EUR", "GBP", "RUB", "JPY", "CAD", "KRW", "PLN", "BTC", "ETH", "XRP", "LTC", "BCH"]
)
_Words = Literal["Extreme Fear", "Fear", "Neutral", "Greed", "Extreme Greed"]
CLASSIFICATIONS: dict[_Words, Classification] = {
    "Extreme Fear": "extreme_fear",
    "Fear": "fear",
    "Neutral": "neutral",
    "Greed": "greed",
    "Extreme Greed": "extreme_greed",
}


class _Day(Struct):
    value: int
    value_classification: _Words
    timestamp: int


class _Index(Struct):
    data: list[_Day]


class _Money(Struct):
    price: float | None = None
    volume_24h: float | None = None
    market_cap: float | None = None
    percentage_change_24h: float | None = None


class _Row(Struct):
    id: int
    name: str
    symbol: str
    quotes: dict[str, _Money]
    last_updated: int | None = None
    rank: int | None = None
    circulating_supply: float | None = None


class _Ticker(Struct):
    data: list[_Row] | dict[str, _Row]


def fear_greed_request(asked: Asked[FearGreed]) -> Request:
    """The latest days; a limit of 0 is the whole history."""
    return Request("/fng/", {"limit": next((days for days in DAYS if days >= asked.query.limit), 0)})


def quotes_request(asked: Asked[Quotes]) -> Request:
    """Every coin, in US dollars and in the currency asked for."""
    vs = asked.query.vs
    return Request("/v2/ticker/", EVERY_COIN if vs == "USD" else {**EVERY_COIN, "convert": vs})


def markets_request(asked: Asked[Markets]) -> Request:
    """Every coin: the same request as for quotes in US dollars."""
    return Request("/v2/ticker/", EVERY_COIN)


def parse_fear_greed(body: bytes, asked: Asked[FearGreed]) -> list[SentimentIndex]:
    """Oldest first; days are missing in the history. Its bounds between the classes are its own."""
    days = json.decode(body, type=_Index, strict=False).data
    return [
        SentimentIndex(
            value=day.value,
            classification=CLASSIFICATIONS[day.value_classification],
            observed_at=from_unix(day.timestamp),
        )
        for day in sorted(days, key=lambda day: day.timestamp)
    ]


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """For each symbol the coin with the largest market cap, `ambiguous` where others share the symbol."""
    vs, asked_as = asked.query.vs, {asked.id(symbol): symbol for symbol in asked.query.symbols}
    coins = [_coin(row, vs) for row in _largest_first(body, vs)]
    found = largest(
        coins,
        list(asked_as),
        symbol=lambda c: str(c.id) if asked.exact else c.symbol,
        size=lambda c: c.market_cap,
    )
    return [
        replace(convert(coin, Quote, from_attributes=True), symbol=asked_as[name], ambiguous=shared)
        for name, coin, shared in found
    ]


def parse_markets(body: bytes, asked: Asked[Markets]) -> list[Coin]:
    """Largest market cap first."""
    return [_coin(row, "USD") for row in _largest_first(body, "USD")[:MANY]]


def _largest_first(body: bytes, vs: str) -> list[_Row]:
    """The coins with a price, by market cap. Rows go stale one by one: one that does not say its time is left out."""
    data = json.decode(body, type=_Ticker).data
    rows = data.values() if isinstance(data, dict) else data
    known = [row for row in rows if row.last_updated and vs in row.quotes and row.quotes[vs].price]
    return sorted(known, key=lambda row: row.quotes[vs].market_cap or 0, reverse=True)


def _coin(row: _Row, vs: str) -> Coin:
    money = row.quotes[vs]
    return Coin(
        symbol=row.symbol.upper(),
        name=row.name,
        price=money.price or 0,
        vs=vs,
        id=str(row.id),
        rank=row.rank or None,
        market_cap=money.market_cap or None,
        volume_24h=money.volume_24h,
        change_pct_24h=money.percentage_change_24h,
        circulating_supply=row.circulating_supply or None,
        observed_at=from_unix(row.last_updated or 0),
    )


provider = Provider(
    hosts=("https://api.alternative.me",),
    limits=Limits(
        weight=10,
        windows=(Window(60, per=60), Window(600, per=600)),
        backoff=Backoff(steps=(60, 300, 900)),
    ),
    endpoints=(
        Endpoint(FearGreed, fear_greed_request, parse_fear_greed, Terms(ttl=300)),
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=300, batch=MANY), currencies=CURRENCIES),
        Endpoint(Markets, markets_request, parse_markets, Terms(ttl=300)),
    ),
    health=Request("/fng/", {"limit": 1}),
    errors=(Failure(BadPayload, status=200, path="metadata.error"),),
    attribution="alternative.me",
    docs="https://alternative.me/crypto/api/",
)
