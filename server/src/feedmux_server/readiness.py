"""Whether the server is alive, and whether it takes questions: for whoever starts, stops and balances it."""

from __future__ import annotations

from litestar import Response
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from feedmux import FeedmuxError
from feedmux_server.operation import Operation, route


class NotReady(FeedmuxError):
    """The engine is not open, or about to be closed."""

    status, slug, title = 503, "not-ready", "The server takes no questions now"


class Condition(Struct, frozen=True):
    """`alive` or `ready`."""

    status: str


class Readiness:
    """True from when the engine is open until the server is told to stop."""

    def __init__(self) -> None:
        self.ready = False


async def alive() -> Response[Condition]:
    """The process answers. Asks nobody."""
    return _current("alive")


async def ready(state: State) -> Response[Condition]:
    """The engine is open and the server is not stopping; says nothing of the providers. Asks nobody."""
    if not state.readiness.ready:
        raise NotReady("the engine is not open", retry_after=1.0)
    return _current("ready")


def routes() -> list[HTTPRouteHandler]:
    """`/livez` and `/readyz`."""
    lives = Operation(tag="operation", summary="Whether the process answers", gives=Condition)
    takes = Operation(
        tag="operation", summary="Whether it takes questions now", gives=Condition, errors=(503,)
    )
    return [route("/livez", lives, alive), route("/readyz", takes, ready)]


def _current(status: str) -> Response[Condition]:
    return Response(Condition(status), headers={"cache-control": "no-store"})
