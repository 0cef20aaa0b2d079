"""The API's description (OpenAPI 3.1), written from the routes that are registered: it cannot name another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

import feedmux
from feedmux_server.operation import Operation, operation_of
from feedmux_server.parameters import Parameter
from feedmux_server.problem import MEDIA_TYPE, Problem

REF = "#/components/schemas/{name}"
ERRORS = {
    400: "The question is not valid; `field` names the parameter",
    401: "The server's admin token is missing or wrong",
    404: "Nobody knows what was asked for",
    409: "It cannot be done as things stand",
    413: "The body is larger than 64 kB",
    414: "The URL is longer than 8 kB",
    422: "The configuration is not valid, and nothing has changed",
    429: "The caller is over its own limit, where the server has one",
    500: "Something went wrong here",
    502: "The providers answered with garbage",
    503: "No provider can answer now, or too much is asked at once",
    504: "The deadline passed",
}
ALWAYS = (414, 429, 500)
"""How any request may fail."""
HEADERS = {
    "Age": ("integer", "seconds since the oldest item was fetched"),
    "X-Feedmux-Cache": ("string", "hit, miss or stale"),
    "X-Feedmux-Source": ("string", "the providers that answered"),
    "X-Feedmux-Trace": ("string", "how the answer came about, in short"),
    "X-Feedmux-Sandbox": ("string", "true where the answer is simulated"),
}
RETRY_AFTER = {"Retry-After": {"description": "whole seconds", "schema": {"type": "integer", "minimum": 1}}}
INTRODUCTION = "Crypto market data, each question routed across many providers, within every quota."


def document(app: Litestar) -> dict[str, Any]:
    """The whole description."""
    described = operations(app)
    named = (kind for one in described.values() for kind in (one.gives, one.takes) if kind is not None)
    types = list(dict.fromkeys(named))
    bodies, components = msgspec.json.schema_components([*types, Problem], ref_template=REF)
    schema_of = dict(zip(types, bodies, strict=False))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Feedmux", "version": feedmux.__version__, "description": INTRODUCTION},
        "paths": {path: {one.method.lower(): _operation(one, schema_of)} for path, one in described.items()},
        "components": {"schemas": components},
    }


def operations(app: Litestar) -> dict[str, Operation]:
    """Every route by its path, in order of registration."""
    found: dict[str, Operation] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and (one := operation_of(handler)) is not None:
                found[route.path_format] = one
    return found


def _operation(one: Operation, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    body = {"schema": schema_of[one.gives]} if one.gives is not None else {"schema": {"type": "string"}}
    answered: dict[str, Any] = {"description": one.summary, "content": {one.media_type: body}}
    if one.answers:
        answered["headers"] = {
            name: {"description": what, "schema": {"type": kind}} for name, (kind, what) in HEADERS.items()
        }
    taken = {"required": True, "content": {"application/json": {"schema": schema_of.get(one.takes)}}}
    return {
        "tags": [one.tag],
        "summary": one.summary,
        **({"description": one.description} if one.description else {}),
        "parameters": [_parameter(parameter) for parameter in one.parameters],
        **({"requestBody": taken} if one.takes is not None else {}),
        "responses": {
            "200": answered,
            **{str(status): _problem(status) for status in (*one.errors, *ALWAYS)},
        },
    }


def _parameter(one: Parameter) -> dict[str, Any]:
    described = {
        "name": one.name,
        "in": one.where,
        "required": one.required,
        "schema": one.schema,
        **({"description": one.description} if one.description else {}),
    }
    if one.schema.get("type") == "array":
        described |= {"style": "form", "explode": False}
    return described


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": ERRORS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name=Problem.__name__)}}},
    }
    return {**described, "headers": RETRY_AFTER} if status in (429, 503) else described
