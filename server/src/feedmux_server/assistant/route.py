"""`/mcp`: the tools over HTTP, where the SDK is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.util import find_spec

from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from feedmux_server.assistant.toolbox import Toolbox
from feedmux_server.desk import Desk
from feedmux_server.problem import of_status, send_problem
from feedmux_server.stream.origin import welcome

PATH = "/mcp"
INSTALL = "pip install 'feedmux-server[mcp]'"


def installed() -> bool:
    """Whether the Model Context Protocol's SDK is."""
    return find_spec("mcp") is not None


@asynccontextmanager
async def opened(desk: Desk, origins: Collection[str]) -> AsyncIterator[list[ASGIRouteHandler]]:
    """The route for as long as the block lasts; none where the SDK is not installed.

    A page of an origin that is not in `origins` is refused: what an assistant may ask, no web page may ask in its place.
    """
    if not installed():
        yield []
        return
    from feedmux_server.assistant import protocol

    manager = protocol.manager(Toolbox(desk))

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1008, "reason": "tools are called over HTTP"})
        elif scope["method"] != "POST":
            await send_problem(of_status(405, PATH, "tools are called with POST"), send)
        elif not welcome(scope["headers"], origins):
            await send_problem(of_status(403, PATH, "pages of another origin may not call tools"), send)
        else:
            await manager.handle_request(scope, receive, send)  # type: ignore[arg-type]

    async with manager.run():
        yield [asgi(PATH, copy_scope=False)(serve)]
