"""The Fear & Greed index in the older service's words: 0 is extreme fear, 100 extreme greed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, FearGreed, SentimentIndex
from feedmux.items import Classification
from feedmux_server.compat.translation import Marked, named, one_question, pinned, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question
from feedmux_server.reply import cache_state

INDEX = "alternative_me"


class TodayParameters(Struct, frozen=True):
    """The index of today: there is nothing to choose."""


class HistoryParameters(Struct, frozen=True):
    """How many days back."""

    limit: Annotated[int, Meta(ge=1, le=10_000, description="how many days at most")] = 30


class DaysParameters(Struct, frozen=True):
    """How many days back."""

    limit: Annotated[int, Meta(ge=1, le=10_000, description="how many days at most")] = 1


class Value(Struct, frozen=True):
    """`timestamp` is when the index was made, in Unix seconds."""

    value: int
    classification: Classification
    timestamp: int


class Day(Struct, frozen=True, kw_only=True):
    """`classification` and `value_classification` are the same; `timestamp` is its day's, in Unix seconds."""

    value: int
    classification: Classification
    value_classification: Classification
    timestamp: int
    source: str


class Today(Marked, frozen=True, kw_only=True):
    """`timestamp` is when it was fetched."""

    success: bool
    data: Value
    source: str
    cached: bool
    timestamp: datetime


class FearGreedIndex(Marked, frozen=True, kw_only=True):
    """Today's value, and in `data` the history, newest first. `timestamp` is when it was fetched."""

    success: bool
    value: int
    classification: Classification
    data: list[Day]
    source: str
    timestamp: datetime


class Days(Marked, frozen=True, kw_only=True):
    """The history, newest first. `timestamp` is when it was fetched."""

    success: bool
    data: list[Day]
    source: str
    timestamp: datetime


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/multi-source/sentiment`, `/api/fear-greed` and `/api/v1/alternative/fng`."""
    today = one_question(desk, lambda _: Question(FearGreed(1)), _today)
    history = one_question(desk, lambda asked: Question(FearGreed(asked.limit)), _index)
    days = one_question(desk, lambda asked: pinned(desk.mux, FearGreed(asked.limit), INDEX), _days)
    named_one = "The Fear & Greed index of one provider, nobody in its place"
    return [
        telling(
            desk,
            "/api/multi-source/sentiment",
            TodayParameters,
            today,
            Today,
            "The Fear & Greed index of today",
        ),
        telling(
            desk, "/api/fear-greed", HistoryParameters, history, FearGreedIndex, "The index and its history"
        ),
        telling(desk, "/api/v1/alternative/fng", DaysParameters, days, Days, named_one),
    ]


def _today(answer: Answer[Any], _: TodayParameters, at: datetime) -> Today:
    newest: SentimentIndex = answer.items[-1]
    return Today(
        success=True,
        data=Value(newest.value, newest.classification, _seconds(newest)),
        source=named(answer),
        cached=cache_state(answer) != "miss",
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _index(answer: Answer[Any], _: HistoryParameters, at: datetime) -> FearGreedIndex:
    newest: SentimentIndex = answer.items[-1]
    return FearGreedIndex(
        success=True,
        value=newest.value,
        classification=newest.classification,
        data=_newest_first(answer),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _days(answer: Answer[Any], _: DaysParameters, at: datetime) -> Days:
    return Days(
        success=True,
        data=_newest_first(answer),
        source=named(answer),
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _newest_first(answer: Answer[Any]) -> list[Day]:
    return [
        Day(
            value=day.value,
            classification=day.classification,
            value_classification=day.classification,
            timestamp=_seconds(day),
            source=day.provider,
        )
        for day in reversed(answer.items)
    ]


def _seconds(day: SentimentIndex) -> int:
    if day.observed_at is None:
        raise ValueError("an item without its stamps")
    return int(day.observed_at.timestamp())
