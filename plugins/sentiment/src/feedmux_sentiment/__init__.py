"""Sentiment of texts: read by a language model on this machine, without any upstream."""

from __future__ import annotations

import os
from collections.abc import Callable

from feedmux import Asked, Backoff, Limits, Sentiment, Terms, TextSentiment, hookimpl
from feedmux_sentiment import lineup
from feedmux_sentiment.reading import Model
from feedmux_sentiment.shelf import Shelf
from feedmux_sentiment.worker import Worker

__all__ = ["SentimentProvider", "provider"]

LIMITS = Limits(
    weight=10,
    concurrency=2,  # one that is read and one that is ready
    slow_after=2.0,
    backoff=Backoff(steps=(1.0,)),
    serves={Sentiment: Terms(ttl=3600, batch=32)},
)


class SentimentProvider:
    """Answers `Sentiment` from one model, loaded at the first question.

    It has no health hook: a model that works here says nothing about whether upstreams can be reached.
    """

    def __init__(self, load: Callable[[], Model]) -> None:
        self._worker = Worker(load)

    @hookimpl
    def feedmux_limits(self) -> Limits:
        return LIMITS

    @hookimpl
    async def feedmux_fetch(self, asked: Asked[Sentiment]) -> list[TextSentiment]:
        texts = asked.query.texts
        model, readings = await self._worker.read(texts)
        return [
            TextSentiment(
                text=text,
                label=reading.label,
                score=reading.score,
                confidence=reading.confidence,
                model=model,
            )
            for text, reading in zip(texts, readings, strict=True)
        ]


def _load() -> Model:
    return lineup.load(Shelf.of(os.environ))


provider = SentimentProvider(_load)
