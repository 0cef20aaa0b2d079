"""How a route of the older service is answered: its parameters, the questions they ask, and a body made of what came."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope
from msgspec import Struct

from feedmux import Answer, Mux, NoProvider, Query
from feedmux_server import parameters
from feedmux_server.answers import encode, texts_of
from feedmux_server.desk import Desk
from feedmux_server.operation import ASKING, Operation, route
from feedmux_server.question import How, Question
from feedmux_server.reply import Reply

P = TypeVar("P", bound=Struct)
Told: TypeAlias = tuple[Answer[Any], Struct]
"""The answer that a body was made of, whose headers go with it, and the body."""
TAG = "compatibility"


class Marked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is added to the older service's fields, only where it is true."""

    stale: bool = False
    sandbox: bool = False


def telling(
    desk: Desk,
    path: str,
    kind: type[P],
    tell: Callable[[P], Awaitable[Told]],
    gives: type[Struct],
    summary: str,
    description: str = "",
) -> HTTPRouteHandler:
    """The route whose parameters are those of `kind`, others ignored as they were; `tell` answers them."""

    async def serve(scope: Scope) -> ASGIApp:
        answer, body = await tell(parameters.decoded(kind, texts_of(scope)))
        return Reply(answer, encode(body)).aged(desk.mux.clock.now())

    operation = Operation(
        tag=TAG,
        summary=summary,
        description=description,
        parameters=parameters.described(kind, path),
        gives=gives,
        answers=True,
        errors=ASKING,
    )
    return route(re.sub(r"\{(\w+)\}", r"{\1:str}", path), operation, serve)


def one_question(
    desk: Desk, ask: Callable[[P], Question], body: Callable[[Answer[Any], P, datetime], Struct]
) -> Callable[[P], Awaitable[Told]]:
    """What `telling` needs where one question is enough; `body` is given the time that goes with the answer."""

    async def tell(asked: P) -> Told:
        answer = await desk.ask(ask(asked))
        return answer, body(answer, asked, fetched(answer, desk.mux))

    return tell


def fetched(answer: Answer[Any], mux: Mux) -> datetime:
    """When its oldest item was fetched: a body never says that it is younger. Now, where it has no items."""
    return answer.fetched_at or mux.clock.now()


def pinned(mux: Mux, query: Query, provider: str) -> Question:
    """The question for that provider alone. Raises NoProvider where it is not there: its caller cannot know."""
    if provider not in mux.serving().get(query.capability, ()):
        raise NoProvider(f"{provider} is not here: install feedmux-{provider.replace('_', '-')}")
    return Question(query, How(only=(provider,)))


def named(answer: Answer[Any]) -> str:
    """Who answered; several are separated by commas."""
    return ",".join(answer.providers)


def unix_ms(at: datetime) -> int:
    """Unix milliseconds."""
    return int(at.timestamp() * 1000)
