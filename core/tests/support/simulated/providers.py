"""Providers as small as they get: they speak to a simulated upstream."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec import Struct, json

from feedmux import (
    Asked,
    Candle,
    Candles,
    Endpoint,
    FearGreed,
    Gas,
    GasPrice,
    Limits,
    Listed,
    ListingSource,
    Provider,
    Quote,
    Quotes,
    Request,
    SentimentIndex,
    Terms,
    Trending,
    TrendingCoin,
)
from feedmux.clock import from_unix


class _Prices(Struct):
    prices: dict[str, float]
    at: float | None = None


class _Names(Struct):
    names: list[str]


def quotes_request(asked: Asked[Quotes]) -> Request:
    return Request("/quotes", {"symbols": ",".join(asked.id(symbol) for symbol in asked.query.symbols)})


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    found = json.decode(body, type=_Prices)
    at = from_unix(found.at) if found.at is not None else None
    ids = {asked.id(symbol): symbol for symbol in asked.query.symbols}
    return [
        Quote(symbol=ids.get(name, name), price=price, vs=asked.query.vs, observed_at=at)
        for name, price in found.prices.items()
    ]


def gas_request(asked: Asked[Gas]) -> Request:
    return Request("/gas", {"chain": asked.query.chain})


def parse_gas(body: bytes, asked: Asked[Gas]) -> list[GasPrice]:
    json.decode(body, type=_Prices)
    return [GasPrice(chain=asked.query.chain, slow=1.0, standard=2.0, fast=3.0)]


def trending_request(asked: Asked[Trending]) -> Request:
    return Request("/trending")


def parse_trending(body: bytes, asked: Asked[Trending]) -> list[TrendingCoin]:
    return [TrendingCoin(symbol=f"T{n}", name=f"T{n}", position=n) for n in range(1, 31)]


def fear_greed_request(asked: Asked[FearGreed]) -> Request:
    return Request("/mood", {"limit": asked.query.limit})


def parse_fear_greed(body: bytes, asked: Asked[FearGreed]) -> list[SentimentIndex]:
    today = asked.at.replace(hour=0, minute=0, second=0, microsecond=0)
    return [SentimentIndex(value=40, classification="fear", observed_at=today)]


def candles_request(asked: Asked[Candles]) -> Request:
    return Request("/candles", {"symbols": asked.id(asked.query.symbol)})


def parse_candles(body: bytes, asked: Asked[Candles]) -> list[Candle]:
    hour = asked.at.replace(minute=0, second=0, microsecond=0)
    return [
        Candle(
            symbol=asked.query.symbol,
            interval=asked.query.interval,
            opened_at=hour - timedelta(hours=back),
            open=100.0,
            high=102.0,
            low=99.0,
            close=101.0,
            closed=back > 0,
        )
        for back in range(asked.query.limit)
    ]


def parse_listing(body: bytes) -> list[Listed]:
    return [Listed(name, id=f"id-{name.lower()}") for name in json.decode(body, type=_Names).names]


LISTING = ListingSource(Request("/listing"), parse_listing)
SPEAKS: dict[Any, tuple[Callable[[Asked[Any]], Request], Callable[[bytes, Asked[Any]], list[Any]]]] = {
    Quotes: (quotes_request, parse_quotes),
    Gas: (gas_request, parse_gas),
    Trending: (trending_request, parse_trending),
    FearGreed: (fear_greed_request, parse_fear_greed),
    Candles: (candles_request, parse_candles),
}


def provider(
    *serves: Endpoint,
    weight: float = 10,
    ttl: float = 1.0,
    batch: int = 1,
    hosts: tuple[str, ...] = ("https://api.example",),
    limits: dict[str, Any] | None = None,
    **declared: Any,
) -> Provider:
    """A provider that serves quotes, unless told what; `limits` and `declared` go into the declaration."""
    return Provider(
        hosts=hosts,
        limits=Limits(weight=weight, **(limits or {})),
        endpoints=serves or (endpoint(Quotes, Terms(ttl=ttl, batch=batch)),),
        health=Request("/health"),
        **declared,
    )


def endpoint(query: Any, terms: Terms, *, listed: bool = True) -> Endpoint:
    """How the upstreams here serve that question."""
    request, parse = SPEAKS[query]
    return Endpoint(query, request, parse, terms, listed=listed)
