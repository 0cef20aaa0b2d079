"""The rows of `/coins/markets`: quotes by symbol or id, and the market table.

Fields and parameters: https://docs.coingecko.com/v3.0.1/reference/coins-markets
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, convert, json
from msgspec.structs import replace

from feedmux.items import Coin, Quote
from feedmux.listing import Listed, largest
from feedmux.query import Markets, Quotes
from feedmux.request import Asked, Request

LARGEST_FIRST: dict[str, str | int] = {"order": "market_cap_desc", "per_page": 250}
FIRST_PAGE = Request("/coins/markets", {"vs_currency": "usd", **LARGEST_FIRST})
"""As long as CoinGecko makes one: 250 coins."""


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


def quotes_request(asked: Asked[Quotes]) -> Request:
    """Every coin that carries one of these symbols, or the exact coins."""
    ids = ",".join(asked.id(symbol) for symbol in asked.query.symbols)
    coins = {"ids": ids} if asked.exact else {"symbols": ids.lower(), "include_tokens": "all"}
    return Request("/coins/markets", {"vs_currency": asked.query.vs.lower(), **coins, **LARGEST_FIRST})


def markets_request(asked: Asked[Markets]) -> Request:
    """The first page, whatever was asked for."""
    return FIRST_PAGE


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


def parse_listing(body: bytes) -> list[Listed]:
    """The coins of the first page, so that of those that share a symbol the one with the largest market cap stands."""
    return [
        Listed(row.symbol, row.id, rank=place)
        for place, row in enumerate(json.decode(body, type=list[_Row]), 1)
    ]
