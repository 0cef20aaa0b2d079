"""Candles in the older service's words: one series comes from one provider, oldest first, the running one included."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, Candles
from feedmux.event import Tried
from feedmux.items import Interval
from feedmux.symbol import canonical
from feedmux_server.compat.coin import CandleRow, candle_row
from feedmux_server.compat.translation import Marked, named, one_question, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question
from feedmux_server.reply import cache_state

Symbol = Annotated[str, Meta(description="such as BTC")]
Length = Annotated[Interval, Meta(description="the length of one candle")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="how many candles at most")]


class SeriesParameters(Struct, frozen=True):
    """Whose candles, how long each is, how many."""

    symbol: Symbol
    timeframe: Length = "1h"
    limit: Limit = 1000


class OhlcvParameters(Struct, frozen=True):
    """Whose candles, how long each is, how many."""

    symbol: Symbol
    interval: Length = "1d"
    limit: Limit = 30


class Series(Struct, frozen=True, kw_only=True):
    """Oldest first."""

    symbol: str
    timeframe: str
    candles: list[CandleRow]
    count: int


class SourcedSeries(Marked, frozen=True, kw_only=True):
    """`attempts` is how many providers were asked now (none where `cached`), `total_sources` how many have candles."""

    success: bool
    data: Series
    source: str
    cached: bool
    attempts: int
    total_sources: int
    timestamp: datetime


class Ohlcv(Marked, frozen=True, kw_only=True, omit_defaults=True):
    """`fallback_used` where a provider that was asked before failed."""

    success: bool
    symbol: str
    interval: str
    data: list[CandleRow]
    source: str
    count: int
    timestamp: datetime
    fallback_used: bool = False


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/multi-source/ohlc/{symbol}` and `/api/v1/ohlcv/{symbol}`."""

    def series(answer: Answer[Any], asked: SeriesParameters, at: datetime) -> SourcedSeries:
        return _sourced(answer, at, len(desk.mux.serving().get(Candles.capability, ())))

    sourced = one_question(desk, _series_question, series)
    routed = one_question(desk, _ohlcv_question, _ohlcv)
    summary = "The last candles of one symbol, in US dollars"
    return [
        telling(desk, "/api/multi-source/ohlc/{symbol}", SeriesParameters, sourced, SourcedSeries, summary),
        telling(desk, "/api/v1/ohlcv/{symbol}", OhlcvParameters, routed, Ohlcv, summary),
    ]


def _series_question(asked: SeriesParameters) -> Question:
    return Question(Candles(canonical(asked.symbol), asked.timeframe, asked.limit))


def _ohlcv_question(asked: OhlcvParameters) -> Question:
    return Question(Candles(canonical(asked.symbol), asked.interval, asked.limit))


def _sourced(answer: Answer[Any], at: datetime, sources: int) -> SourcedSeries:
    rows = [candle_row(candle) for candle in answer.items]
    newest = answer.items[-1]
    return SourcedSeries(
        success=True,
        data=Series(symbol=newest.symbol, timeframe=newest.interval, candles=rows, count=len(rows)),
        source=named(answer),
        cached=cache_state(answer) != "miss",
        attempts=len(_tried(answer)),
        total_sources=sources,
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _ohlcv(answer: Answer[Any], asked: OhlcvParameters, at: datetime) -> Ohlcv:
    rows = [candle_row(candle) for candle in answer.items]
    return Ohlcv(
        success=True,
        symbol=answer.items[-1].symbol,
        interval=asked.interval,
        data=rows,
        source=named(answer),
        count=len(rows),
        timestamp=at,
        fallback_used=any(one.provider not in answer.providers for one in _tried(answer)),
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _tried(answer: Answer[Any]) -> list[Tried]:
    return [event for event in answer.trace.events if isinstance(event, Tried)]
