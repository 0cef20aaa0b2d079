"""The paths, fields and types of an older service, so that its clients switch by changing a base URL.

Only translates. Where the engine has nothing a field is null or empty: no number is invented.
"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from feedmux_server.compat import health, indicators, market, system
from feedmux_server.desk import Desk
from feedmux_server.traffic import Traffic


def routes(desk: Desk, traffic: Traffic) -> list[HTTPRouteHandler]:
    """Every route of the older service."""
    return [
        *market.routes(desk),
        *indicators.routes(desk),
        health.route_of(desk.mux),
        system.route_of(desk.mux, traffic),
    ]
