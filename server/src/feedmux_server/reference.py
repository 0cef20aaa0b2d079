"""The API's reference: its description as JSON, and the same as a page for people."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from feedmux_server import openapi
from feedmux_server.operation import Operation, route
from feedmux_server.template import render

HTML = "text/html"


async def description(request: Request[Any, Any, State]) -> Response[bytes]:
    """OpenAPI 3.1."""
    return Response(msgspec.json.encode(openapi.document(request.app)), media_type="application/json")


async def reference(request: Request[Any, Any, State]) -> Response[bytes]:
    """Every route with its parameters, by group."""
    return Response(render("reference.html", groups=_groups(request.app)).encode(), media_type=HTML)


def routes() -> list[HTTPRouteHandler]:
    """`/docs` and `/docs/openapi.json`."""
    page = Operation(tag="pages", summary="This API, for people", media_type=HTML)
    document = Operation(tag="pages", summary="This API, as OpenAPI 3.1", gives=dict[str, Any])
    return [route("/docs", page, reference), route("/docs/openapi.json", document, description)]


def _groups(app: Litestar) -> list[tuple[str, list[tuple[str, Operation]]]]:
    ordered = sorted(openapi.operations(app).items(), key=lambda item: item[1].tag)
    return [(tag, list(found)) for tag, found in groupby(ordered, key=lambda item: item[1].tag)]
