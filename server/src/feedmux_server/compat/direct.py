"""What one named provider says, and nobody in its place; its limits and the cache hold here as everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct, field

from feedmux import Answer, Candles, Markets, Quotes
from feedmux.items import Interval
from feedmux.symbol import canonical
from feedmux_server.compat.coin import CandleRow, PriceRow, candle_row, price_row
from feedmux_server.compat.translation import Marked, named, one_question, pinned, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question

COINS, EXCHANGE = "coingecko", "binance_dt"
DOLLAR = "USDT"
"""What the exchange's own names of its markets end in: BTCUSDT is BTC in it."""
MARKET = Meta(description="such as BTC, or BTCUSDT")


class CoinsParameters(Struct, frozen=True):
    """Whose prices."""

    symbols: Annotated[
        tuple[str, ...],
        Meta(description="BTC, ETH …, separated by commas; the largest coins where none is named"),
    ] = ()
    limit: Annotated[int, Meta(ge=1, le=250, description="how many coins at most")] = 100


class KlinesParameters(Struct, frozen=True):
    """Whose candles, how long each is, how many."""

    symbol: Annotated[str, MARKET]
    timeframe: Annotated[Interval, Meta(description="the length of one candle")] = "1h"
    limit: Annotated[int, Meta(ge=1, le=1000, description="how many candles at most")] = 1000


class TickerParameters(Struct, frozen=True):
    """Whose ticker."""

    symbol: Annotated[str, MARKET]


class CoinPrices(Marked, frozen=True, kw_only=True, omit_defaults=True):
    """`timestamp` is when they were fetched; `missing` says of which coins nothing is known, and why."""

    success: bool
    data: list[PriceRow]
    source: str
    timestamp: datetime
    missing: dict[str, str] = field(default_factory=dict)


class Klines(Marked, frozen=True, kw_only=True):
    """Oldest first, the running one included; `symbol` is as it was asked for."""

    success: bool
    data: list[CandleRow]
    source: str
    symbol: str
    timeframe: str
    count: int
    timestamp: datetime


class Ticker(Marked, frozen=True, kw_only=True):
    """The last 24 hours of one market."""

    success: bool
    data: PriceRow
    source: str
    timestamp: datetime


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/v1/coingecko/price`, `/api/v1/binance/klines` and `/api/v1/binance/ticker`."""

    def coins(asked: CoinsParameters) -> Question:
        symbols = asked.symbols[: asked.limit]
        return pinned(desk.mux, Quotes(symbols) if symbols else Markets(asked.limit), COINS)

    def klines(asked: KlinesParameters) -> Question:
        symbol, vs = market(asked.symbol)
        return pinned(desk.mux, Candles(symbol, asked.timeframe, asked.limit, vs), EXCHANGE)

    def ticker(asked: TickerParameters) -> Question:
        symbol, vs = market(asked.symbol)
        return pinned(desk.mux, Quotes((symbol,), vs), EXCHANGE)

    price = one_question(desk, coins, _coins)
    series = one_question(desk, klines, _klines)
    day = one_question(desk, ticker, _ticker)
    alone = "of one provider, nobody in its place"
    return [
        telling(desk, "/api/v1/coingecko/price", CoinsParameters, price, CoinPrices, f"The prices {alone}"),
        telling(desk, "/api/v1/binance/klines", KlinesParameters, series, Klines, f"The candles {alone}"),
        telling(desk, "/api/v1/binance/ticker", TickerParameters, day, Ticker, f"The ticker {alone}"),
    ]


def market(text: str) -> tuple[str, str]:
    """The symbol and the currency that a symbol or an exchange's name of a market stands for."""
    symbol = canonical(text)
    if symbol.endswith(DOLLAR) and ":" not in symbol and symbol != DOLLAR:
        return symbol.removesuffix(DOLLAR), DOLLAR
    return symbol, "USD"


def _coins(answer: Answer[Any], _: CoinsParameters, at: datetime) -> CoinPrices:
    return CoinPrices(
        success=True,
        data=[price_row(item) for item in answer.items],
        source=named(answer),
        timestamp=at,
        missing={symbol: why.detail for symbol, why in answer.missing.items()},
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _klines(answer: Answer[Any], asked: KlinesParameters, at: datetime) -> Klines:
    rows = [candle_row(candle) for candle in answer.items]
    return Klines(
        success=True,
        data=rows,
        source=named(answer),
        symbol=canonical(asked.symbol),
        timeframe=asked.timeframe,
        count=len(rows),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _ticker(answer: Answer[Any], _: TickerParameters, at: datetime) -> Ticker:
    return Ticker(
        success=True,
        data=price_row(answer.items[0]),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )
