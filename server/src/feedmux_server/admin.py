"""Who may change the running server: whoever shows its admin token. Everything they do is a line in the log."""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from feedmux import FeedmuxError, Mux
from feedmux_server.client import UNKNOWN, Clients
from feedmux_server.client_limit import ClientLimit

SCHEME = "bearer"
GUESSES = 10
"""Wrong tokens in a minute after which a client is not heard for the rest of it, whatever it shows then."""
Connection = ASGIConnection[Any, Any, Any, Any]
_log = structlog.get_logger("feedmux.admin")


class TooManyGuesses(FeedmuxError):
    """A client has shown too many wrong tokens to be heard now."""

    status: ClassVar[int] = 429
    slug: ClassVar[str] = "too-many-requests"
    title: ClassVar[str] = "Too many wrong tokens"


async def admin(connection: Connection, _: BaseRouteHandler) -> None:
    """A Litestar guard, `guards=[admin]`: lets `Authorization: Bearer TOKEN` with the configured token through.

    Anyone else gets a 401 problem with `WWW-Authenticate: Bearer`, also where no token is configured: then the
    route is closed. Tokens are compared in constant time; the one that counts is that of the settings now in force.
    A client that has shown too many wrong ones is not heard for a while: 429, also for the right one.
    Who was let through, from where and to what is logged, and so is who was not.
    """
    mux: Mux = connection.app.state.mux
    token = mux.settings.server.admin_token
    scheme, __, given = connection.headers.get("authorization", "").partition(" ")
    client: str = caller(connection)
    guesses: ClientLimit = connection.app.state.guesses
    what = {"path": connection.scope["path"][:200], "client": client}
    if wait := guesses.wait(client):
        raise TooManyGuesses(f"{GUESSES} wrong tokens a minute are taken from one client", retry_after=wait)
    if token is None or scheme.lower() != SCHEME or not token.matches(given.strip()):
        if token is not None and given:
            guesses.ask(client)
        _log.warning("admin refused", **what)
        raise NotAuthorizedException
    _log.info("admin", **what)


def caller(connection: Connection) -> str:
    """The address of who calls."""
    clients: Clients | None = connection.app.state.get("clients")
    return UNKNOWN if clients is None else clients.address(connection.scope)
