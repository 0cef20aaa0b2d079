"""A route that answers one kind of question: from the shelf where the same answer stands, else from the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from feedmux import Answer
from feedmux_server import parameters
from feedmux_server.desk import Desk
from feedmux_server.operation import Operation, route
from feedmux_server.question import Question
from feedmux_server.reply import Render, Reply
from feedmux_server.shelf import Place, Shelf, Url

Texts = Mapping[str, Sequence[str]]


class AnswerRoute:
    """`read` makes the question of a URL's parameters, `render` the body of its answer; both are pure.

    A URL is read once and an answer is encoded once: what is served again are the same bytes.
    """

    def __init__(self, desk: Desk, read: Callable[[Texts], Question], render: Render) -> None:
        self._desk = desk
        self._read = read
        self._render = render
        self._shelf = Shelf()

    def route(self, paths: str | Sequence[str], operation: Operation) -> HTTPRouteHandler:
        """The route: what is at hand is served before anything is made of the request."""
        return route(paths, operation, self.serve, middleware=[self._in_front])

    async def serve(self, scope: Scope) -> ASGIApp:
        """The answer as a finished response; raises what asking raises."""
        url = (scope["path"], scope["query_string"])
        place = self._shelf.find(url) or self._shelf.put(url, self._read(texts_of(scope)))
        return self._served(url, place, await self._desk.ask(place.question))

    def _in_front(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await (self._at_hand(scope) or app)(scope, receive, send)

        return serve

    def _at_hand(self, scope: Scope) -> ASGIApp | None:
        """The answer where this URL was asked before and nobody need be asked now."""
        url = (scope["path"], scope["query_string"])
        place = self._shelf.find(url)
        answer = None if place is None else self._desk.at_hand(place.question)
        return None if place is None or answer is None else self._served(url, place, answer)

    def _served(self, url: Url, place: Place, answer: Answer[Any]) -> ASGIApp:
        reply = place.reply
        if reply is None or reply.answer is not answer:
            reply = Reply(answer, self._render(answer))
            self._shelf.keep(url, reply)
        return reply.aged(self._desk.mux.clock.now())


def texts_of(scope: Scope) -> dict[str, list[str]]:
    """The parameters of a request: those in its path, then those in its query string."""
    texts = {name: [str(value)] for name, value in scope["path_params"].items()}
    for name, found in parameters.given(scope["query_string"]).items():
        texts[name] = texts.get(name, []) + found
    return texts


def encode(document: object) -> bytes:
    """JSON. A type that JSON does not know raises TypeError: no answer holds one."""
    return msgspec.json.encode(document)
