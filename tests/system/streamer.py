"""A WebSocket server on loopback that speaks Binance's combined streams, misbehaves as told, and counts what it hears.

Frames have the shapes that Binance documents; every figure in them is made.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from feedmux.clock import Clock

from .clock import real_now

PRICE = 60_300.0


class Streamer:
    """Accepts connections, acknowledges subscriptions, and sends what a test has it send."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.port = 0
        self.dialled = 0
        """Connections that were attempted, refused ones too."""
        self.connections: list[ServerConnection] = []
        self.heard: list[tuple[float, str, list[str]]] = []
        """Each message: real seconds, method, channels."""
        self.closed_with: list[int | None] = []
        self.refusal: Response | None = None
        self._subscribed: dict[ServerConnection, set[str]] = {}
        self._server: Server | None = None

    async def start(self) -> None:
        """Listen, on the same port where it has listened before."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut every connection and refuse further ones."""
        if self._server is not None:
            self.cut()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def refuses(self, status: int, **headers: str) -> None:
        """From now on an upgrade is answered so."""
        named = Headers([(name.replace("_", "-"), text) for name, text in headers.items()])
        self.refusal = Response(status, "Reason", named, b'{"code":-1003,"msg":"Too many requests."}')

    def listens_to(self, symbol: str) -> int:
        """On how many connections a symbol's ticker is subscribed to."""
        return sum(f"{symbol.lower()}usdt@ticker" in channels for channels in self._subscribed.values())

    async def tick(self, symbol: str = "BTC", price: float = PRICE, **said: Any) -> None:
        """Push a ticker to whoever subscribed; `said` replaces its fields, `at` its event time."""
        await self.say(frame(symbol, price, said.pop("at", self.clock.now()), **said))

    async def say(self, message: str | bytes) -> None:
        """Send a message on every connection that is subscribed to anything."""
        for connection in [one for one, channels in self._subscribed.items() if channels]:
            await connection.send(message)

    async def close(self, code: int) -> None:
        """Close every connection with that code; 1006 means without a word."""
        if code == 1006:
            self.cut()
            return
        for connection in tuple(self.connections):
            await connection.close(code)

    def cut(self, *, after: bytes = b"") -> None:
        """Break every connection, after these raw bytes."""
        for connection in tuple(self.connections):
            if after:
                connection.transport.write(after)
                connection.transport.close()
            else:
                connection.transport.abort()

    def reads(self, again: bool) -> None:
        """Read nothing more from the connections there are, so that no ping of ours is answered; or read again."""
        for connection in self.connections:
            transport: Any = connection.transport
            (transport.resume_reading if again else transport.pause_reading)()

    def busiest(self, seconds: float = 1.0) -> int:
        """The most messages that came within so many seconds."""
        times = [at for at, _, _ in self.heard]
        return max((sum(at <= other < at + seconds for other in times) for at in times), default=0)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.dialled += 1
        return self.refusal

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        channels = self._subscribed[connection] = set()
        try:
            async for message in connection:
                told = json.loads(message)
                self.heard.append((real_now(), told["method"], told["params"]))
                (channels.update if told["method"] == "SUBSCRIBE" else channels.difference_update)(
                    told["params"]
                )
                await connection.send(json.dumps({"result": None, "id": told["id"]}))
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            del self._subscribed[connection]
            self.closed_with.append(connection.close_code)


def frame(symbol: str, price: float, at: datetime, **said: Any) -> str:
    """A combined frame of a ticker, its event time being `at`."""
    event = int(at.timestamp() * 1000)
    data = {
        "e": "24hrTicker",
        "E": event,
        "s": f"{symbol}USDT",
        "p": "0.0015",
        "P": "0.250",
        "w": "0.0018",
        "x": "0.0009",
        "c": f"{price:.8f}",
        "Q": "10",
        "b": f"{price:.8f}",
        "B": "10",
        "a": f"{price:.8f}",
        "A": "100",
        "o": f"{price:.8f}",
        "h": f"{price:.8f}",
        "l": f"{price:.8f}",
        "v": "10000",
        "q": "18",
        "O": event - 86_400_000,
        "C": event,
        "F": 0,
        "L": 18150,
        "n": 18151,
        **said,
    }
    return json.dumps({"stream": f"{symbol.lower()}usdt@ticker", "data": data}, separators=(",", ":"))


def ahead(clock: Clock, seconds: float) -> datetime:
    """An event time so many seconds from now."""
    return clock.now() + timedelta(seconds=seconds)


async def hastened(clock: Any, condition: Any, step: float = 0.1, seconds: float = 5.0) -> None:
    """Let time pass on the clock, in small steps, until the condition holds."""
    due = real_now() + seconds
    while not condition():
        if real_now() > due:
            raise AssertionError("it did not come to hold")
        clock.advance(step)
        await asyncio.wait([asyncio.ensure_future(clock.sleep(0.01))])
