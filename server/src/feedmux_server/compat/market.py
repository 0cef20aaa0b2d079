"""Prices and candles in the older service's words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, Candle, Candles, Quote, Quotes
from feedmux.items import Interval
from feedmux.symbol import canonical
from feedmux_server import parameters
from feedmux_server.answers import AnswerRoute, Texts, encode
from feedmux_server.desk import Desk
from feedmux_server.operation import ASKING, Operation
from feedmux_server.question import Question

CANDLES = 100
Symbol = Annotated[str, Meta(description="such as BTC")]


class PriceParameters(Struct, frozen=True):
    """Whose price."""

    symbol: Symbol = "BTC"


class OhlcParameters(Struct, frozen=True):
    """Whose candles, and how long each is."""

    symbol: Symbol = "BTC"
    timeframe: Annotated[Interval, Meta(description="the length of one candle")] = "1h"


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`timestamp` is when the upstream observed the price, in Unix seconds; `stale` and `sandbox` only where true."""

    symbol: str
    price: float
    source: str
    timestamp: int
    stale: bool = False
    sandbox: bool = False


class Bar(Struct, frozen=True, kw_only=True):
    """One candle; `timestamp` is when it began, in Unix milliseconds."""

    open: float
    high: float
    low: float
    close: float
    volume: float | None
    timestamp: int


class Ohlc(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last candles, oldest first, the running one included."""

    symbol: str
    timeframe: str
    ohlc: list[Bar]
    source: str
    stale: bool = False
    sandbox: bool = False


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/market/price` and `/api/market/ohlc`."""
    price = Operation(
        tag="compatibility",
        summary="The price of one symbol, in US dollars",
        parameters=parameters.described(PriceParameters),
        gives=Price,
        answers=True,
        errors=ASKING,
    )
    ohlc = Operation(
        tag="compatibility",
        summary=f"The last {CANDLES} candles of one symbol",
        parameters=parameters.described(OhlcParameters),
        gives=Ohlc,
        answers=True,
        errors=ASKING,
    )
    return [
        AnswerRoute(desk, price_question, price_body).route("/api/market/price", price),
        AnswerRoute(desk, ohlc_question, ohlc_body).route("/api/market/ohlc", ohlc),
    ]


def price_question(texts: Texts) -> Question:
    """Other parameters are ignored, as they were."""
    asked = parameters.decoded(PriceParameters, texts)
    return Question(Quotes((canonical(asked.symbol),)))


def price_body(answer: Answer[Any]) -> bytes:
    quote: Quote = answer.items[0]
    return encode(
        Price(
            symbol=quote.symbol,
            price=quote.price,
            source=quote.provider,
            timestamp=int((_stamped(quote)).timestamp()),
            stale=answer.stale,
            sandbox=answer.sandbox,
        )
    )


def ohlc_question(texts: Texts) -> Question:
    """Other parameters are ignored, as they were."""
    asked = parameters.decoded(OhlcParameters, texts)
    return Question(Candles(canonical(asked.symbol), asked.timeframe, CANDLES))


def ohlc_body(answer: Answer[Any]) -> bytes:
    newest: Candle = answer.items[-1]
    return encode(
        Ohlc(
            symbol=newest.symbol,
            timeframe=newest.interval,
            ohlc=[_bar(candle) for candle in answer.items],
            source=newest.provider,
            stale=answer.stale,
            sandbox=answer.sandbox,
        )
    )


def _stamped(quote: Quote) -> datetime:
    """When it was observed; the engine stamps every item."""
    if quote.observed_at is None:
        raise ValueError("an item without its stamps")
    return quote.observed_at


def _bar(candle: Candle) -> Bar:
    return Bar(
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        timestamp=int(candle.opened_at.timestamp() * 1000),
    )
