"""The routes of the indicators."""

from __future__ import annotations

from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from feedmux import Answer, Candles
from feedmux.symbol import canonical
from feedmux_server import parameters
from feedmux_server.answers import encode, texts_of
from feedmux_server.compat.indicators.body import Service, Services
from feedmux_server.compat.indicators.catalogue import INDICATORS, PREFIX, Indicator
from feedmux_server.compat.indicators.reading import Said
from feedmux_server.desk import Desk
from feedmux_server.indicators import Series
from feedmux_server.operation import ASKING, Operation, route
from feedmux_server.question import Question
from feedmux_server.reply import Reply


class IndicatorRoute:
    """One indicator of one engine. The candles are the engine's, cached and coalesced; the rest is computed anew."""

    def __init__(self, desk: Desk, indicator: Indicator[Any]) -> None:
        self._desk = desk
        self._indicator = indicator

    async def serve(self, scope: Scope) -> ASGIApp:
        """The indicator at the newest candle."""
        asked = parameters.decoded(self._indicator.asked, texts_of(scope))
        candles = Candles(canonical(asked.symbol), asked.timeframe, self._indicator.candles(asked))
        answer = await self._desk.ask(Question(candles))
        now = self._desk.mux.clock.now()
        said = self._said(answer, asked.timeframe, now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        body = self._indicator.body(asked, Series.of(answer.items), said)
        return Reply(answer, encode(body)).aged(now)

    def _said(self, answer: Answer[Any], timeframe: str, timestamp: str) -> Said:
        newest = answer.items[-1]
        return {
            "success": True,
            "symbol": newest.symbol,
            "timeframe": timeframe,
            "indicator": self._indicator.id.replace("-", "_"),
            "data_points": len(answer.items),
            "description": self._indicator.description,
            "timestamp": timestamp,
            "source": newest.provider,
            "stale": answer.stale,
            "sandbox": answer.sandbox,
        }


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
            timestamp=self._desk.mux.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


def routes(desk: Desk) -> list[HTTPRouteHandler]:
    """Every indicator, and the list of them."""
    made = [route(one.path, _operation(one), IndicatorRoute(desk, one).serve) for one in INDICATORS]
    listed = Operation(tag="compatibility", summary="The indicators there are", gives=Services)
    return [*made, route(f"{PREFIX}/services", listed, ServicesRoute(desk).serve)]


def _operation(one: Indicator[Any]) -> Operation:
    return Operation(
        tag="compatibility",
        summary=one.name,
        description=one.description,
        parameters=parameters.described(one.asked),
        gives=one.gives,
        answers=True,
        errors=ASKING,
    )


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
