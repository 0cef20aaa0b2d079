"""What a model makes of texts that are sent, in the older service's words."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec import Meta, Struct, field

from feedmux import Answer, InvalidQuery, Mux, NoProvider, Sentiment, TextSentiment
from feedmux_server.answers import encode
from feedmux_server.compat.translation import TAG, Marked, Told, fetched
from feedmux_server.desk import Desk
from feedmux_server.operation import ASKING, Operation, route
from feedmux_server.question import Question
from feedmux_server.reply import Reply

B = TypeVar("B", bound=Struct)
Word: TypeAlias = Literal["Bullish", "Bearish", "Neutral"]
Text = Annotated[
    str, Meta(min_length=1, max_length=10_000, pattern=r"\S", description="what is to be judged, not blank")
]
WORDS: dict[str, Word] = {"bullish": "Bullish", "bearish": "Bearish", "neutral": "Neutral"}
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"required field `(?P<field>\w+)`")


class AnalyzeBody(Struct, frozen=True):
    """One text."""

    text: Text


class TextBody(Struct, frozen=True):
    """One text. `model_key` is taken and chooses nothing: the best model at hand judges, and the answer names it."""

    text: Text
    model_key: str | None = None


class TextsBody(Struct, frozen=True):
    """Several texts. `model_key` is taken and chooses nothing."""

    texts: Annotated[list[Text], Meta(min_length=1, max_length=1000)]
    model_key: str | None = None


class Judgement(Marked, frozen=True, kw_only=True):
    """`score` says how bullish, from 0 to 1; `confidence` is the probability of `sentiment`."""

    sentiment: Word
    score: float
    confidence: float
    model: str


class TextJudgement(Struct, frozen=True):
    """`label` is `sentiment` in lower case."""

    text: str
    sentiment: Word
    label: str
    score: float
    confidence: float


class OneJudged(Marked, frozen=True, kw_only=True):
    """`timestamp` is when it was judged."""

    success: bool
    text: str
    sentiment: Word
    label: str
    score: float
    confidence: float
    model: str
    timestamp: datetime


class AllJudged(Marked, frozen=True, kw_only=True, omit_defaults=True):
    """In the order of the texts; `missing` says of which there is no judgement, by their places, and why."""

    success: bool
    count: int
    results: list[TextJudgement]
    model: str
    timestamp: datetime
    missing: dict[str, str] = field(default_factory=dict)


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/api/sentiment/analyze`, `/api/v1/hf/sentiment` and `/api/v1/hf/sentiment/batch`."""

    async def one(body: AnalyzeBody) -> Told:
        answer = await desk.ask(_question(desk.mux, [body.text]))
        return answer, _judgement(answer)

    async def direct(body: TextBody) -> Told:
        answer = await desk.ask(_question(desk.mux, [body.text]))
        return answer, _one(answer, fetched(answer, desk.mux))

    async def many(body: TextsBody) -> Told:
        answer = await desk.ask(_question(desk.mux, body.texts))
        return answer, _all(answer, body.texts, fetched(answer, desk.mux))

    return [
        _taking(desk, "/api/sentiment/analyze", AnalyzeBody, one, Judgement, "What a model makes of a text"),
        _taking(desk, "/api/v1/hf/sentiment", TextBody, direct, OneJudged, "What a model makes of a text"),
        _taking(
            desk,
            "/api/v1/hf/sentiment/batch",
            TextsBody,
            many,
            AllJudged,
            "What a model makes of several texts",
        ),
    ]


def _taking(
    desk: Desk,
    path: str,
    kind: type[B],
    tell: Callable[[B], Awaitable[Told]],
    gives: type[Struct],
    summary: str,
) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> ASGIApp:
        answer, body = await tell(decoded(await request.body(), kind))
        return Reply(answer, encode(body)).aged(desk.mux.clock.now())

    operation = Operation(
        tag=TAG,
        summary=summary,
        method="POST",
        takes=kind,
        gives=gives,
        answers=True,
        errors=(*ASKING, 413),
    )
    return route(path, operation, serve)


def decoded(body: bytes, kind: type[B]) -> B:
    """What the JSON holds; raises InvalidQuery naming the field, where it is one."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        said = str(error)
        told = _PLACE.sub("", said[:1].lower() + said[1:])
        raise InvalidQuery(told, field=_field(said)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidQuery("the body is JSON in UTF-8") from None


def _field(said: str) -> str:
    """The field that a complaint of msgspec's is about, empty where that is the whole."""
    if missing := _MISSING.search(said):
        return missing["field"]
    place = _PLACE.search(said)
    return place["place"] if place else ""


def _question(mux: Mux, texts: list[str]) -> Question:
    if not mux.serving().get(Sentiment.capability):
        raise NoProvider("no model that judges texts is here: install feedmux-sentiment")
    return Question(Sentiment(tuple(texts)))


def _judgement(answer: Answer[Any]) -> Judgement:
    judged: TextSentiment = answer.items[0]
    return Judgement(
        sentiment=WORDS[judged.label],
        score=judged.score,
        confidence=judged.confidence,
        model=judged.model,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _one(answer: Answer[Any], at: datetime) -> OneJudged:
    judged: TextSentiment = answer.items[0]
    return OneJudged(
        success=True,
        text=judged.text,
        sentiment=WORDS[judged.label],
        label=judged.label,
        score=judged.score,
        confidence=judged.confidence,
        model=judged.model,
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _all(answer: Answer[Any], texts: list[str], at: datetime) -> AllJudged:
    by_text: dict[str, TextSentiment] = {one.text: one for one in answer.items}
    results = [_result(by_text[text]) for text in texts if text in by_text]
    return AllJudged(
        success=True,
        count=len(results),
        results=results,
        model=answer.items[0].model,
        timestamp=at,
        missing={
            str(place): answer.missing[text].detail
            for place, text in enumerate(texts)
            if text in answer.missing
        },
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _result(judged: TextSentiment) -> TextJudgement:
    return TextJudgement(judged.text, WORDS[judged.label], judged.label, judged.score, judged.confidence)
