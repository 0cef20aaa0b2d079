"""Lists of coins in the older service's words: the largest, those that moved most, those that people look for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, Coin, Markets, Trending, TrendingCoin
from feedmux_server.compat.coin import WORDS, PriceRow, price_row
from feedmux_server.compat.translation import Marked, named, one_question, pinned, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question

TRENDS = "coingecko"
"""Whose list of trending coins it is."""
AMONG = 100
"""Gainers and losers are looked for among so many of the largest coins."""


class MarketParameters(Struct, frozen=True):
    """How much of the table."""

    limit: Annotated[int, Meta(ge=1, le=250, description="how many coins at most")] = 100


class MoverParameters(Struct, frozen=True):
    """How many of those that moved most."""

    limit: Annotated[int, Meta(ge=1, le=AMONG, description="how many coins at most")] = 10


class TrendingParameters(Struct, frozen=True):
    """How much of the list; it is no longer than its provider makes it."""

    limit: Annotated[int, Meta(ge=1, le=100, description="how many coins at most")] = 10


class Coins(Marked, frozen=True, kw_only=True):
    """`data` and `coins` are the same rows, since clients read either; `timestamp` is when they were fetched."""

    success: bool
    coins: list[PriceRow]
    data: list[PriceRow]
    count: int
    source: str
    timestamp: datetime


class TrendRow(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=WORDS):
    """`rank` 1 is looked for most. What nobody said is left out."""

    symbol: str
    name: str
    rank: int
    source: str
    id: str | None = None
    price: float | None = None
    change_percent_24h: float | None = None
    market_cap_rank: int | None = None


class Trends(Marked, frozen=True, kw_only=True):
    """`data` and `coins` are the same rows, since clients read either; `timestamp` is when they were fetched."""

    success: bool
    coins: list[TrendRow]
    data: list[TrendRow]
    count: int
    source: str
    timestamp: datetime


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/market` with its gainers and losers, and the trending coins at three paths."""
    market = one_question(desk, lambda asked: Question(Markets(asked.limit)), _market)
    trending = one_question(desk, lambda asked: pinned(desk.mux, Trending(asked.limit), TRENDS), _trending)
    return [
        telling(
            desk, "/api/market", MarketParameters, market, Coins, "The coins with the largest market cap"
        ),
        _movers(desk, "gainers", "rose", _gainers),
        _movers(desk, "losers", "fell", _losers),
        *(
            telling(desk, path, TrendingParameters, trending, Trends, "The coins people look for most")
            for path in ("/api/direct/trending", "/api/trending", "/api/v1/coingecko/trending")
        ),
    ]


def _movers(
    desk: Desk, name: str, moved: str, picked: Callable[[Sequence[Coin]], list[Coin]]
) -> HTTPRouteHandler:
    def body(answer: Answer[Any], asked: MoverParameters, at: datetime) -> Coins:
        return _coins(answer, picked(answer.items)[: asked.limit], at)

    tell = one_question(desk, lambda _: Question(Markets(AMONG)), body)
    summary = f"Which of the {AMONG} largest coins {moved} most in 24 hours"
    return telling(desk, f"/api/market/{name}", MoverParameters, tell, Coins, summary)


def _gainers(coins: Sequence[Coin]) -> list[Coin]:
    """Those that rose, the one that rose most first; a coin whose change nobody said is neither."""
    return sorted((one for one in coins if (one.change_pct_24h or 0) > 0), key=_change, reverse=True)


def _losers(coins: Sequence[Coin]) -> list[Coin]:
    """Those that fell, the one that fell most first."""
    return sorted((one for one in coins if (one.change_pct_24h or 0) < 0), key=_change)


def _change(coin: Coin) -> float:
    return coin.change_pct_24h or 0.0


def _market(answer: Answer[Any], _: MarketParameters, at: datetime) -> Coins:
    return _coins(answer, answer.items, at)


def _coins(answer: Answer[Any], coins: Sequence[Coin], at: datetime) -> Coins:
    rows = [price_row(coin) for coin in coins]
    return Coins(
        success=True,
        coins=rows,
        data=rows,
        count=len(rows),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _trending(answer: Answer[Any], _: TrendingParameters, at: datetime) -> Trends:
    rows = [_trend(coin) for coin in answer.items]
    return Trends(
        success=True,
        coins=rows,
        data=rows,
        count=len(rows),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _trend(coin: TrendingCoin) -> TrendRow:
    return TrendRow(
        symbol=coin.symbol,
        name=coin.name,
        rank=coin.position,
        source=coin.provider,
        id=coin.id,
        price=coin.price,
        change_percent_24h=coin.change_pct_24h,
        market_cap_rank=coin.rank,
    )
