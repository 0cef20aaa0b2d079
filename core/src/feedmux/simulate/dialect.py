"""How modelled providers and their upstreams speak: one small JSON for each question that can be simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct, json

from feedmux.items import INTERVALS, Candle, GasPrice, GlobalStats, Quote, SentimentIndex, TrendingCoin
from feedmux.query import Candles, FearGreed, Gas, GlobalMarket, Query, Quotes, Trending
from feedmux.request import Asked, Request


class Prices(Struct):
    """The one body there is."""

    prices: dict[str, float]


class Speech(Struct, frozen=True):
    """One kind of question: how it is sent, whose prices it asks for, and how the body is read."""

    query: type[Query]
    ask: Callable[[Asked[Any]], Request]
    read: Callable[[bytes, Asked[Any]], list[Any]]


def _quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    return [Quote(symbol=symbol, price=price, vs=asked.query.vs) for symbol, price in _prices(body).items()]


def _candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    price, step = _prices(body)[asked.query.symbol], INTERVALS[asked.query.interval]
    began = asked.at - timedelta(seconds=asked.at.timestamp() % step.total_seconds())
    return [
        Candle(
            symbol=asked.query.symbol,
            interval=asked.query.interval,
            opened_at=began - back * step,
            open=price,
            high=price,
            low=price,
            close=price,
            closed=back > 0,
        )
        for back in reversed(range(asked.query.limit))
    ]


def _trending(body: bytes, asked: Asked[Trending]) -> list[TrendingCoin]:
    return [TrendingCoin(symbol=s, name=s, position=n) for n, s in enumerate(_prices(body), start=1)]


def _global(body: bytes, asked: Asked[GlobalMarket]) -> list[GlobalStats]:
    return [GlobalStats(market_cap=sum(_prices(body).values()))]


def _fear_greed(body: bytes, asked: Asked[FearGreed]) -> list[SentimentIndex]:
    today = asked.at.replace(hour=0, minute=0, second=0, microsecond=0)
    _prices(body)
    return [SentimentIndex(value=50, classification="neutral", observed_at=today)]


def _gas(body: bytes, asked: Asked[Gas]) -> list[GasPrice]:
    price = _prices(body)["GAS"]
    return [GasPrice(chain=asked.query.chain, slow=price, standard=price, fast=price)]


def _prices(body: bytes) -> dict[str, float]:
    return json.decode(body, type=Prices).prices


def _of(symbols: Callable[[Any], str], path: str) -> Callable[[Asked[Any]], Request]:
    return lambda asked: Request(f"/{path}", {"symbols": symbols(asked.query)})


SPOKEN: Mapping[str, Speech] = {
    speech.query.capability: speech
    for speech in (
        Speech(Quotes, _of(lambda q: ",".join(q.symbols), "quotes"), _quotes),
        Speech(Candles, _of(lambda q: q.symbol, "candles"), _candles),
        Speech(Trending, _of(lambda q: "BTC,ETH,SOL", "trending"), _trending),
        Speech(GlobalMarket, _of(lambda q: "BTC,ETH", "global_market"), _global),
        Speech(FearGreed, _of(lambda q: "BTC", "fear_greed"), _fear_greed),
        Speech(Gas, _of(lambda q: "GAS", "gas"), _gas),
    )
}
"""By capability."""
