"""The first page: prices and providers as they are now. It works without JavaScript; with it, it stays current."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

import feedmux
from feedmux import Answer, FeedmuxError, Quotes
from feedmux.breaker import State
from feedmux_server.asset import Asset
from feedmux_server.desk import Desk
from feedmux_server.operation import Operation, route
from feedmux_server.question import How, Question
from feedmux_server.template import render

SYMBOLS = ("BTC", "ETH", "SOL", "BNB", "XRP", "DOGE")
HTML = "text/html"
PATIENCE = 2.5
"""Seconds that the page waits for prices before it comes without."""
ICONS = {
    State.OPEN: "●",
    State.THROTTLED: "◐",
    State.EXHAUSTED: "◔",
    State.BLOCKED: "■",
    State.NEEDS_KEY: "◇",
    State.RECOVERING: "◌",
    State.QUARANTINED: "✕",
    State.UNKNOWN: "○",
}
"""One shape for each state, so that no colour is needed to tell them apart."""


class Page:
    """The page of one engine."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self) -> Response[bytes]:
        """Prices where they come in time, and every provider's state."""
        answer, trouble = await self._prices()
        mux = self._desk.mux
        html = render(
            "page.html",
            symbols=SYMBOLS,
            quotes={quote.symbol: quote for quote in answer.items} if answer else {},
            missing=answer.missing if answer else {},
            attribution=answer.attribution if answer else (),
            trouble=trouble,
            providers=mux.providers(),
            icons={state.value: icon for state, icon in ICONS.items()},
            sandbox=mux.sandbox,
            now=mux.clock.now(),
            version=feedmux.__version__,
        )
        return Response(html.encode(), media_type=HTML, headers={"cache-control": "no-store"})

    async def _prices(self) -> tuple[Answer[Any] | None, FeedmuxError | None]:
        question = Question(Quotes(SYMBOLS))
        try:
            answer = self._desk.at_hand(question)
            if answer is None:
                answer = await self._desk.ask(Question(question.query, How(deadline=PATIENCE)))
        except FeedmuxError as error:
            return None, error
        return answer, None


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """`/` and the two files it needs."""
    first = Operation(tag="pages", summary="Prices and providers, for people", media_type=HTML)
    made = [route("/", first, Page(desk).serve)]
    for name, media_type in (("page.js", "text/javascript"), ("page.css", "text/css")):
        operation = Operation(tag="pages", summary=f"What the page needs: {name}", media_type=media_type)
        asset = Asset.of(name, media_type)
        made.append(route(f"/static/{name}", operation, asset.serve))
    return made
