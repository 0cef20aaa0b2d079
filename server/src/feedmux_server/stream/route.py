"""WebSockets as Litestar and granian have them: who may connect, and what they carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler

from feedmux import InvalidQuery
from feedmux.settings import ServerSettings
from feedmux_server import parameters
from feedmux_server.stream.connection import Close, Connection, Dialogue, Gone
from feedmux_server.stream.hub import Hub
from feedmux_server.stream.native import PATH, Native, Options
from feedmux_server.stream.origin import welcome

_log = structlog.get_logger("feedmux.access")


class Wire:
    """A Litestar WebSocket as a connection takes it."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket

    async def accept(self) -> None:
        await self._socket.accept()

    async def receive(self) -> str | None:
        try:
            message: Any = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return None
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return (message.get("bytes") or b"").decode(errors="replace") if text is None else text

    async def send(self, text: str) -> None:
        await self._sent({"type": "websocket.send", "text": text, "bytes": None})

    async def close(self, code: int, reason: str) -> None:
        await self._sent({"type": "websocket.close", "code": code, "reason": reason})

    async def _sent(self, message: Any) -> None:
        """granian says RuntimeError where the client is gone."""
        try:
            await self._socket.send(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error


def route(
    path: str, hub: Hub, server: ServerSettings, speak: Callable[[WebSocket[Any, Any, Any]], Dialogue]
) -> WebsocketRouteHandler:
    """A WebSocket at a path; `speak` begins what is spoken on it, or raises InvalidQuery."""

    async def talk(socket: WebSocket[Any, Any, Any]) -> None:
        if not welcome(socket.scope["headers"], server.cors_origins):
            await socket.close(1008, "not a page of this server")
            return
        try:
            dialogue = speak(socket)
        except InvalidQuery:
            await socket.close(1008, "the parameters are not valid")
            return
        began = hub.mux.clock.monotonic()
        connection = Connection(Wire(socket), hub, dialogue, server.stream_messages)
        _told(path, await connection.serve(), hub.mux.clock.monotonic() - began)

    return websocket(path)(talk)


def native(hub: Hub, server: ServerSettings) -> WebsocketRouteHandler:
    """`/v1/stream`."""

    def speak(socket: WebSocket[Any, Any, Any]) -> Native:
        given = parameters.given(socket.scope["query_string"])
        parameters.refuse_unknown(given, Options.__struct_fields__)
        options = parameters.decoded(Options, given)
        return Native(hub, server.stream_symbols, server.stream_messages, options)

    return route(PATH, hub, server, speak)


def _told(path: str, how: Close | None, seconds: float) -> None:
    code, reason = (how.code, how.reason) if how is not None else (None, "the client left")
    _log.info("stream closed", route=path, code=code, reason=reason, seconds=round(seconds, 1))
