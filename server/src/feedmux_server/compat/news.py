"""News in the older service's words: what several feeds have, newest first, each headline once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from feedmux import Answer, Headline, News
from feedmux_server.compat.translation import Marked, one_question, telling
from feedmux_server.desk import Desk
from feedmux_server.question import Question


class NewsParameters(Struct, frozen=True):
    """What about, and how much."""

    query: Annotated[str, Meta(max_length=200, description="what a headline must contain; empty: all")] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="how many articles at most")] = 50


class Article(Struct, frozen=True):
    """`source` is the site; `published` is null where its feed does not say."""

    title: str
    url: str
    source: str
    published: datetime | None


class Articles(Struct, frozen=True, kw_only=True):
    """`sources_used` is how many sites these are from."""

    articles: list[Article]
    count: int
    sources_used: int
    deduplicated: bool


class Aggregated(Marked, frozen=True, kw_only=True):
    """`timestamp` is when the feeds were fetched."""

    success: bool
    data: Articles
    method: str
    timestamp: datetime


def route_of(desk: Desk) -> HTTPRouteHandler:
    """`/api/multi-source/news`."""
    tell = one_question(desk, lambda asked: Question(News(asked.query, asked.limit)), _aggregated)
    return telling(
        desk, "/api/multi-source/news", NewsParameters, tell, Aggregated, "Headlines, newest first"
    )


def _aggregated(answer: Answer[Any], _: NewsParameters, at: datetime) -> Aggregated:
    articles = [_article(headline) for headline in answer.items]
    return Aggregated(
        success=True,
        data=Articles(
            articles=articles,
            count=len(articles),
            sources_used=len({article.source for article in articles}),
            deduplicated=True,
        ),
        method="aggregated",
        timestamp=at,
        stale=answer.stale,
        sandbox=answer.sandbox,
    )


def _article(headline: Headline) -> Article:
    return Article(headline.title, headline.url, headline.origin, headline.published_at)
