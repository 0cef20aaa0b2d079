"""CoinGecko: quotes of almost any coin, the market table, trending coins; a small quota, so it is a last resort.

Fields and parameters: https://docs.coingecko.com/v3.0.1/reference/coins-markets and .../trending-search
Money is in the currency asked for, changes are in percent.
"""

from __future__ import annotations

import re
from datetime import datetime

from msgspec import Struct, convert, json
from msgspec.structs import replace

from feedmux.endpoint import Endpoint, Key, Plan
from feedmux.errors import InvalidQuery, Unauthorized, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import Coin, Quote, TrendingCoin
from feedmux.limits import MONTH, Backoff, Limits, Terms, Tier, Window
from feedmux.listing import largest
from feedmux.provider import Provider
from feedmux.query import Markets, Quotes, Trending
from feedmux.request import Asked, Request

LARGEST_FIRST: dict[str, str | int] = {"order": "market_cap_desc", "per_page": 250}


class _Row(
    Struct,
    rename={
        "price": "current_price",
        "rank": "market_cap_rank",
        "volume_24h": "total_volume",
        "change_24h": "price_change_24h",
        "change_pct_24h": "price_change_percentage_24h",
        "observed_at": "last_updated",
    },
):
    """A coin in our words; `rename` says CoinGecko's. For a thin coin anything may be null or 0, which is unknown."""

    id: str
    symbol: str
    name: str
    price: float | None = None
    market_cap: float | None = None
    rank: int | None = None
    volume_24h: float | None = None
    high_24h: float | None = None
    low_24h: float | None = None
    change_24h: float | None = None
    change_pct_24h: float | None = None
    circulating_supply: float | None = None
    observed_at: datetime | None = None

    def __post_init__(self) -> None:
        self.symbol = self.symbol.upper()
        for name in ("market_cap", "high_24h", "low_24h", "circulating_supply"):
            setattr(self, name, getattr(self, name) or None)


class _TrendData(Struct, frozen=True):
    price: float | str | None = None
    price_change_percentage_24h: dict[str, float | None] | None = None


class _Trend(Struct):
    id: str
    symbol: str
    name: str
    market_cap_rank: int | None = None
    data: _TrendData = _TrendData()


class _TrendEntry(Struct):
    item: _Trend


class _Trends(Struct):
    coins: list[_TrendEntry]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """Every coin that carries one of these symbols, or the exact coins."""
    ids = ",".join(asked.id(symbol) for symbol in asked.query.symbols)
    coins = {"ids": ids} if asked.exact else {"symbols": ids.lower(), "include_tokens": "all"}
    return Request("/coins/markets", {"vs_currency": asked.query.vs.lower(), **coins, **LARGEST_FIRST})


def markets_request(asked: Asked[Markets]) -> Request:
    """The first page, which is as long as CoinGecko makes one: 250 coins, whatever was asked for."""
    return Request("/coins/markets", {"vs_currency": "usd", **LARGEST_FIRST})


def trending_request(asked: Asked[Trending]) -> Request:
    """All there are, 15 without a paid plan."""
    return Request("/search/trending")


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """For each symbol the coin with the largest market cap, `ambiguous` where others share the symbol."""
    asked_as = {asked.id(symbol): symbol for symbol in asked.query.symbols}
    rows = json.decode(body, type=list[_Row])
    found = largest(
        rows, list(asked_as), symbol=lambda r: r.id if asked.exact else r.symbol, size=lambda r: r.market_cap
    )
    return [
        replace(
            convert(row, Quote, from_attributes=True),
            symbol=asked_as[name],
            vs=asked.query.vs,
            ambiguous=shared,
        )
        for name, row, shared in found
        if row.price
    ]


def parse_markets(body: bytes, asked: Asked[Markets]) -> list[Coin]:
    """Largest market cap first; a coin without a price is left out."""
    rows = json.decode(body, type=list[_Row])
    return [convert(row, Coin, from_attributes=True) for row in rows if row.price]


def parse_trending(body: bytes, asked: Asked[Trending]) -> list[TrendingCoin]:
    """In CoinGecko's own order; it gives no time."""
    return [
        TrendingCoin(
            symbol=coin.symbol.upper(),
            name=coin.name,
            position=position,
            id=coin.id,
            rank=coin.market_cap_rank,
            price=_dollars(coin.data.price),
            change_pct_24h=(coin.data.price_change_percentage_24h or {}).get("usd"),
        )
        for position, coin in enumerate((e.item for e in json.decode(body, type=_Trends).coins), start=1)
    ]


def _dollars(price: float | str | None) -> float | None:
    """Of a number, of "$2,263.87" or of '$0.0<sub title="0.000001216">5</sub>1216'; None for any other text."""
    if isinstance(price, str):
        found = re.search(r'title="([\d.]+)"|^\$([\d.,]+)$', price)
        price = float((found[1] or found[2]).replace(",", "")) if found else None
    return price or None


# No number is promised without a key; 5 a minute is what holds. With a demo key 30 a minute and 10,000 a month:
# https://docs.coingecko.com/docs/common-errors-rate-limit. At most 50 symbols a request, says the reference.
provider = Provider(
    hosts=("https://api.coingecko.com/api/v3",),
    limits=Limits(
        weight=5,
        tier=Tier.LAST_RESORT,
        windows=(Window(5, per=60),),
        min_interval=10,
        backoff=Backoff(steps=(120, 240, 600), blacklist_after=3),
    ),
    endpoints=(
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=300, batch=50)),
        Endpoint(Markets, markets_request, parse_markets, Terms(ttl=300)),
        Endpoint(Trending, trending_request, parse_trending, Terms(ttl=300)),
    ),
    health=Request("/ping"),
    plans={
        "public": Plan(),
        "demo": Plan(
            windows=(Window(30, per=60), Window(10_000, per=MONTH)),
            key=Key(header="x-cg-demo-api-key", required=True),
            min_interval=2,
        ),
    },
    errors=(
        # A key that is missing, wrong or for the other host; then what is beyond the plan, where the key is good.
        Failure(Unauthorized, path="status.error_code", contains="^100(02|10|11)$"),
        Failure(InvalidQuery, path="status.error_code", contains="^100(05|12)$"),
        Failure(InvalidQuery, path="error.status.error_code", contains="^100(05|12)$"),
        Failure(UpstreamDown, status=403),  # Cloudflare's block says nothing about the key
    ),
    attribution="Data provided by CoinGecko (https://www.coingecko.com)",
    docs="https://docs.coingecko.com/v3.0.1/reference/introduction",
)
