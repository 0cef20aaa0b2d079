"""The routes of the indicators."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from feedmux import Answer, Candles
from feedmux.symbol import canonical
from feedmux_server import parameters
from feedmux_server.compat.indicators.body import Service, Services
from feedmux_server.compat.indicators.catalogue import INDICATORS, PREFIX, Indicator
from feedmux_server.compat.indicators.reading import Said
from feedmux_server.compat.market import OhlcParameters
from feedmux_server.compat.translation import TAG, one_question, telling
from feedmux_server.desk import Desk
from feedmux_server.indicators import Series
from feedmux_server.operation import Operation, route
from feedmux_server.question import Question


class ServicesRoute:
    """The list of all indicators."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self) -> Services:
        """Asks nobody."""
        return Services(
            success=True,
            services=[_service(one) for one in INDICATORS],
            categories=list(dict.fromkeys(one.category for one in INDICATORS)),
            timestamp=_iso(self._desk.mux.clock.now()),
        )


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Every indicator, and the list of them."""
    listed = Operation(tag=TAG, summary="The indicators there are", gives=Services)
    return [
        *(_route(desk, one) for one in INDICATORS),
        route(f"{PREFIX}/services", listed, ServicesRoute(desk).serve),
    ]


def _route(desk: Desk, one: Indicator[Any]) -> HTTPRouteHandler:
    """One indicator. The candles are the engine's, cached and coalesced; the rest is computed anew."""

    def ask(asked: OhlcParameters) -> Question:
        return Question(Candles(canonical(asked.symbol), asked.timeframe, one.candles(asked)))

    def body(answer: Answer[Any], asked: OhlcParameters, _: datetime) -> Struct:
        said = _said(one, answer, asked.timeframe, desk.mux.clock.now())
        return one.body(asked, Series.of(answer.items), said)

    tell = one_question(desk, ask, body)
    return telling(desk, one.path, one.asked, tell, one.gives, one.name, one.description)


def _said(one: Indicator[Any], answer: Answer[Any], timeframe: str, now: datetime) -> Said:
    newest = answer.items[-1]
    return {
        "success": True,
        "symbol": newest.symbol,
        "timeframe": timeframe,
        "indicator": one.id.replace("-", "_"),
        "data_points": len(answer.items),
        "description": one.description,
        "timestamp": _iso(now),
        "source": newest.provider,
        "stale": answer.stale,
        "sandbox": answer.sandbox,
    }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _service(one: Indicator[Any]) -> Service:
    return Service(
        id=one.id,
        name=one.name,
        description=one.description,
        endpoint=one.path,
        parameters=[parameter.name for parameter in parameters.described(one.asked)],
        icon=one.icon,
        category=one.category,
    )
