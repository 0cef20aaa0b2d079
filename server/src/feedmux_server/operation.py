"""What a route is, said once: its handler is registered with it, and the API's description is written from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from feedmux_server.parameters import Parameter

KEY = "operation"
ASKING = (400, 404, 502, 503, 504)
"""How a question may fail."""


class Operation(Struct, frozen=True, kw_only=True):
    """`gives` is the type of the body (None where that is no JSON), `errors` the statuses of problems it may answer.

    `answers` says that the body is an answer of the engine: it comes with the headers of one. `takes` is the type of
    the JSON that a POST brings, None where it brings nothing.
    """

    tag: str
    summary: str
    method: Literal["GET", "POST"] = "GET"
    takes: Any = None
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    gives: Any = None
    media_type: str = "application/json"
    answers: bool = False
    errors: tuple[int, ...] = ()


def route(
    paths: str | Sequence[str], operation: Operation, handler: Callable[..., Any], **how: Any
) -> HTTPRouteHandler:
    """A route that carries its description; a success is 200, whatever the method."""
    found = [paths] if isinstance(paths, str) else list(paths)
    made = get if operation.method == "GET" else post
    return made(found, opt={KEY: operation}, media_type=operation.media_type, status_code=200, **how)(handler)


def operation_of(handler: Any) -> Operation | None:
    """The description that a registered handler carries."""
    operation: Operation | None = handler.opt.get(KEY)
    return operation
