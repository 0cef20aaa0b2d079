"""Trending coins: https://docs.coingecko.com/v3.0.1/reference/trending-search"""

from __future__ import annotations

import re

from msgspec import Struct, json

from feedmux.items import TrendingCoin
from feedmux.query import Trending
from feedmux.request import Asked, Request


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


def trending_request(asked: Asked[Trending]) -> Request:
    """All there are, 15 without a paid plan."""
    return Request("/search/trending")


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
