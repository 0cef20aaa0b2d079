"""The paths, fields and types of an older service, so that its clients switch by changing a base URL.

Only translates. Where the engine has nothing a field is null or empty: no number is invented.
"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from feedmux_server.compat import (
    candles,
    coins,
    direct,
    health,
    indicators,
    market,
    monitoring,
    mood,
    news,
    prices,
    resources,
    sentiment,
    sources,
    system,
)
from feedmux_server.desk import Desk
from feedmux_server.traffic import Traffic


def routes(desk: Desk, traffic: Traffic) -> list[HTTPRouteHandler]:
    """Every route of the older service."""
    return [
        *market.routes(desk),
        *indicators.routes(desk),
        *coins.routes(desk),
        prices.route_of(desk),
        *candles.routes(desk),
        *mood.routes(desk),
        news.route_of(desk),
        *monitoring.routes(desk.mux),
        *sentiment.routes(desk),
        *direct.routes(desk),
        *resources.routes(desk),
        *sources.routes(desk.mux),
        health.route_of(desk.mux),
        system.route_of(desk.mux, traffic),
    ]
