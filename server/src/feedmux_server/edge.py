"""What holds for every request before a route is looked for, and for every response: checks, headers, one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from itertools import count
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPScope, Message, Receive, Scope, Send

from feedmux.clock import Chance, Clock, SystemClock
from feedmux_server.client import Clients
from feedmux_server.client_limit import EXEMPT, ClientLimit
from feedmux_server.cors import Cors
from feedmux_server.hosts import Hosts
from feedmux_server.problem import Problem, of_status, over_limit, send_problem
from feedmux_server.traffic import Traffic

BODY_LIMIT = 64 * 1024
URL_LIMIT = 8 * 1024
NOT_ROUTED = "-"
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY = [
    (b"content-security-policy", CONTENT_SECURITY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that the running task answers."""
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger("feedmux.access")


class Edge:
    """Wraps the whole application. Adds next to nothing to the time of a request."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        traffic: Traffic,
        clock: Clock | None = None,
        seed: int | None = None,
        *,
        clients: Clients | None = None,
        limit: ClientLimit | None = None,
        cors: Cors | None = None,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._traffic = traffic
        self._clock = clock or SystemClock()
        self._ids = _ids(seed)
        self._clients = clients or Clients()
        self._limit = limit
        self._cors = cors if cors is not None and cors.active else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            if not self._addressed([value for name, value in scope["headers"] if name == b"host"]):
                await send({"type": "websocket.close", "code": 1008, "reason": "not a name of this server"})
            elif self._limit is not None and self._limit.ask(self._clients.address(scope)).wait:
                await send({"type": "websocket.close", "code": 1013, "reason": "too many requests"})
            else:
                self._traffic.websockets += 1
                try:
                    await self._app(scope, receive, send)
                finally:
                    self._traffic.websockets -= 1

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began = self._clock.monotonic()
        method = scope["method"]
        named = origin = b""
        hosts = []
        length = b""
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"x-request-id":
                named = value
            elif name == b"content-length":
                length = value
            elif name == b"origin":
                origin = value
        own_id = named.decode() if named and _SANE_ID.fullmatch(named) else next(self._ids)
        request_id.set(own_id)
        status = 0
        more = [] if self._cors is None else self._cors.headers(origin)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                found = _with_head(message["headers"]) if method == "OPTIONS" else message["headers"]
                headers = [*found, *SECURITY, (b"x-request-id", own_id.encode()), *more]
                message = {"type": "http.response.start", "status": status, "headers": headers}
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = _without_body(message)
            await send(message)

        self._traffic.under_way += 1
        try:
            if (problem := self._refused(scope, hosts, length)) is not None:
                await send_problem(problem, sent)
            elif method == "OPTIONS" and self._cors is not None and _asks_first(scope):
                more = self._cors.preflight(origin)
                await send_nothing(sent)
            elif self._limit is not None and (problem := self._over_limit(scope, self._limit, more)):
                await send_problem(problem, sent)
            else:
                if method == "HEAD":
                    scope["method"] = "GET"
                await self._app(scope, receive, sent)
        finally:
            self._traffic.under_way -= 1
            seconds = self._clock.monotonic() - began
            route = scope.get("path_template", NOT_ROUTED)
            self._traffic.count(route, status, seconds)
            _log.info(
                "request", method=method, route=route, status=status, ms=round(seconds * 1000, 2), id=own_id
            )

    def _refused(self, scope: HTTPScope, hosts: list[bytes], length: bytes) -> Problem | None:
        """Why the request goes no further, or None."""
        path = scope["path"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > URL_LIMIT:
            return of_status(414, path[:100])
        if not self._addressed(hosts):
            return of_status(400, path, "the Host header names no host that this server answers to")
        if length and (not length.isdigit() or int(length[:20]) > BODY_LIMIT):
            return of_status(413, path)
        return None

    def _over_limit(
        self, scope: HTTPScope, limit: ClientLimit, more: list[tuple[bytes, bytes]]
    ) -> Problem | None:
        """Why the client must wait, or None; what is left to it goes into `more`, the headers of its answer."""
        if scope["path"] in EXEMPT:
            return None
        verdict = limit.ask(self._clients.address(scope))
        more += [(name.encode(), text.encode()) for name, text in verdict.headers().items()]
        return over_limit(scope["path"], verdict.limit, verdict.wait) if verdict.wait else None

    def _addressed(self, hosts: list[bytes]) -> bool:
        return len(hosts) == 1 and self._hosts.allows(hosts[0])


def _asks_first(scope: HTTPScope) -> bool:
    """Whether a browser asks if it may ask."""
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names


async def send_nothing(send: Send) -> None:
    """204."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _with_head(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer to OPTIONS: what takes GET takes HEAD, which the routes do not know of."""
    return [
        (name, value.replace(b"GET", b"GET, HEAD") if name == b"allow" else value) for name, value in headers
    ]


def _without_body(message: Any) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}


def _ids(seed: int | None) -> Iterator[str]:
    """Ids that no two requests share."""
    prefix = f"{Chance(seed).generator('request').getrandbits(40):010x}"
    return (f"{prefix}-{number:x}" for number in count(1))
