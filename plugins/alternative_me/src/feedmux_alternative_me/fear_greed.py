"""The Fear & Greed index: https://alternative.me/crypto/fear-and-greed-index/#api"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, json

from feedmux.clock import from_unix
from feedmux.items import Classification, SentimentIndex
from feedmux.query import FearGreed
from feedmux.request import Asked, Request

DAYS = (30, 365)
"""How many days are asked for, beyond that all: questions of similar length share one request."""

_Words = Literal["Extreme Fear", "Fear", "Neutral", "Greed", "Extreme Greed"]
CLASSIFICATIONS: dict[_Words, Classification] = {
    "Extreme Fear": "extreme_fear",
    "Fear": "fear",
    "Neutral": "neutral",
    "Greed": "greed",
    "Extreme Greed": "extreme_greed",
}


class _Day(Struct):
    value: int
    value_classification: _Words
    timestamp: int


class _Index(Struct):
    data: list[_Day]


def fear_greed_request(asked: Asked[FearGreed]) -> Request:
    """The latest days; a limit of 0 is the whole history."""
    return Request("/fng/", {"limit": next((days for days in DAYS if days >= asked.query.limit), 0)})


def parse_fear_greed(body: bytes, asked: Asked[FearGreed]) -> list[SentimentIndex]:
    """Oldest first; days are missing in the history. Its bounds between the classes are its own."""
    days = json.decode(body, type=_Index, strict=False).data
    return [
        SentimentIndex(
            value=day.value,
            classification=CLASSIFICATIONS[day.value_classification],
            observed_at=from_unix(day.timestamp),
        )
        for day in sorted(days, key=lambda day: day.timestamp)
    ]
