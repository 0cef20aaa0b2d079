"""The first page: prices and providers as they are now. It works without JavaScript; with it, it shows more and stays current."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler

import feedmux
from feedmux import Answer, FeedmuxError, Quotes
from feedmux.breaker import State
from feedmux.items import INTERVALS
from feedmux_server import badge, pulse
from feedmux_server.asset import CHART_LIBRARY, Assets
from feedmux_server.desk import Desk
from feedmux_server.offers import offers
from feedmux_server.operation import Operation, route
from feedmux_server.parameters import Parameter
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
SECTIONS = {
    "providers": "All Providers",
    "models": "AI Models",
    "infrastructure": "Infrastructure",
    "resources": "Resource Breakdown",
    "errors": "Recent Errors",
    "performance": "Performance",
}
"""The drawer's, in their order."""


class Page:
    """The page of one engine."""

    def __init__(self, desk: Desk, assets: Assets) -> None:
        self._desk = desk
        self._chart = CHART_LIBRARY in assets

    async def serve(self, request: Request[Any, Any, Any]) -> Response[bytes]:
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
            chart=self._chart,
            sections=SECTIONS,
            offers=offers(request.app),
            capabilities=[kind.capability for kind in mux.queries.values()],
            intervals=list(INTERVALS),
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
    """`/` and what it needs."""
    assets = Assets()
    first = Operation(tag="pages", summary="Prices and providers, for people", media_type=HTML)
    name = Parameter(
        name="name", where="path", required=True, schema={"type": "string"}, description="the file's name"
    )
    file = Operation(
        tag="pages",
        summary="A script or a style that the page needs",
        parameters=(name,),
        media_type="text/javascript",
        errors=(404,),
    )
    return [
        route("/", first, Page(desk, assets).serve),
        route("/static/{name:str}", file, assets.serve),
        pulse.route_of(desk.mux),
        badge.route_of(desk.mux),
    ]
