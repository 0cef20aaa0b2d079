"""Who may change the running server: whoever shows its admin token. Everything they do is a line in the log."""

from __future__ import annotations

from typing import Any

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from feedmux import Mux
from feedmux_server.client import UNKNOWN, Clients

SCHEME = "bearer"
Connection = ASGIConnection[Any, Any, Any, Any]
_log = structlog.get_logger("feedmux.admin")


async def admin(connection: Connection, _: BaseRouteHandler) -> None:
    """A Litestar guard, `guards=[admin]`: lets `Authorization: Bearer TOKEN` with the configured token through.

    Anyone else gets a 401 problem with `WWW-Authenticate: Bearer`, also where no token is configured: then the
    route is closed. Tokens are compared in constant time; the one that counts is that of the settings now in force.
    Who was let through, from where and to what is logged, and so is who was not.
    """
    mux: Mux = connection.app.state.mux
    token = mux.settings.server.admin_token
    scheme, __, given = connection.headers.get("authorization", "").partition(" ")
    what = {"path": connection.scope["path"][:200], "client": caller(connection)}
    if token is None or scheme.lower() != SCHEME or not token.matches(given.strip()):
        _log.warning("admin refused", **what)
        raise NotAuthorizedException
    _log.info("admin", **what)


def caller(connection: Connection) -> str:
    """The address of who calls."""
    clients: Clients | None = connection.app.state.get("clients")
    return UNKNOWN if clients is None else clients.address(connection.scope)
