"""What this server has that the page can show: read from the routes that are registered, so that the page asks for no other."""

from __future__ import annotations

from litestar import Litestar

from feedmux_server.question import COMMON

PATHS = {
    "stream": "/v1/stream",
    "indicators": "/api/indicators/comprehensive",
    "metrics": "/metrics",
    "admin": "/v1/admin/cache/clear",
}


def offers(app: Litestar) -> list[str]:
    """The names of what is there."""
    paths = {route.path_format for route in app.routes}
    found = [name for name, path in PATHS.items() if path in paths]
    return [*found, *(name for name in ("cross_check",) if name in COMMON)]
