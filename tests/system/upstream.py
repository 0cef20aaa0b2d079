"""All upstreams on one port of loopback: they answer as recorded, fail as scripted, and log what reached them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from feedmux.clock import Clock, SystemClock

from . import bodies

UPSTREAMS: dict[str, bodies.Bodies] = {
    "binance_dt": bodies.binance,
    "alternative_me": bodies.alternative_me,
    "coingecko": bodies.coingecko,
}


@dataclass(frozen=True)
class Arrival:
    """One request as it arrived: `at` is monotonic on the clock of the test, `connection` counts from 1."""

    provider: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    connection: int


@dataclass(frozen=True)
class Exchange:
    """What a fault is given: the request, and the stream to answer it on."""

    arrival: Arrival
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, raw: bytes) -> None:
        """Put bytes on the wire as they are."""
        self.writer.write(raw)
        await self.writer.drain()


Fault = Callable[[Exchange], Awaitable[bool]]
"""Answers a request in its own way; True where the connection stays open."""


def response(status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A response as it goes over the wire, with its length."""
    lines = [f"HTTP/1.1 {status} Reason", f"content-length: {len(body)}", *(f"{n}: {v}" for n, v in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    """This status, body and these headers (`retry_after` is retry-after)."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return saying(response(status, body, named), keep=True)


def saying(*pieces: bytes, keep: bool = False) -> Fault:
    """These bytes as they are, then the connection is closed or kept."""

    async def fault(exchange: Exchange) -> bool:
        for piece in pieces:
            await exchange.say(piece)
        return keep

    return fault


def dripping(head: bytes, byte: bytes, every: float) -> Fault:
    """A head, then one byte every so many seconds, for as long as somebody reads."""

    async def fault(exchange: Exchange) -> bool:
        await exchange.say(head)
        while True:
            await exchange.say(byte)
            await SystemClock().sleep(every)

    return fault


def repeating(head: bytes, chunk: bytes) -> Fault:
    """A head, then a chunk as fast as it is taken, without an end."""

    async def fault(exchange: Exchange) -> bool:
        await exchange.say(head)
        while True:
            await exchange.say(chunk)

    return fault


def hanging(head: bytes = b"") -> Fault:
    """Nothing more after the head, which is nothing by default, until the other side hangs up."""

    async def fault(exchange: Exchange) -> bool:
        if head:
            await exchange.say(head)
        await exchange.reader.read()
        return False

    return fault


dropping: Fault = saying()
"""The connection is closed after the request, before any byte."""


@dataclass
class Upstream:
    """A small HTTP/1.1 server. Below /NAME it is the upstream NAME."""

    clock: Clock
    upstreams: Mapping[str, bodies.Bodies] = field(default_factory=lambda: UPSTREAMS)
    arrivals: list[Arrival] = field(default_factory=list)
    port: int = 0
    connections: int = 0

    def __post_init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._pauses: dict[str, float] = {}
        self._at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._weight: tuple[int, int] = (0, 0)

    async def start(self) -> None:
        """Listen, on the same port where it has listened before."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection: from now on connections are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task, writer in list(self._open.items()):
            task.cancel()
            writer.transport.abort()
        if self._open:
            await asyncio.wait(list(self._open))

    def base_url(self, provider: str) -> str:
        return f"http://127.0.0.1:{self.port}/{provider}"

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    def fails(self, provider: str, fault: Fault) -> None:
        """From now on that upstream answers so."""
        self._faults[provider] = fault

    def takes(self, provider: str, seconds: float) -> None:
        """From now on that upstream takes so long before it says anything."""
        self._pauses[provider] = seconds

    def heals(self, *providers: str) -> None:
        """These upstreams answer as they do."""
        for provider in providers:
            self._faults.pop(provider, None)
            self._pauses.pop(provider, None)

    def reached(self, *providers: str) -> list[Arrival]:
        """What reached these upstreams, or all of them, since the last `forget`."""
        return [arrival for arrival in self.arrivals if not providers or arrival.provider in providers]

    def forget(self) -> None:
        """Begin the log anew."""
        self.arrivals.clear()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        number = self.connections
        try:
            while (arrival := await self._heard(reader, number)) is not None:
                self.arrivals.append(arrival)
                if not await self._answered(Exchange(arrival, reader, writer)):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.pop(task, None)
            writer.close()

    async def _answered(self, exchange: Exchange) -> bool:
        name = exchange.arrival.provider
        self._at_once[name] += 1
        self.most_at_once[name] = max(self.most_at_once[name], self._at_once[name])
        try:
            if name in self._pauses:
                await SystemClock().sleep(self._pauses[name])
            return await self._faults.get(name, self._answer)(exchange)
        finally:
            self._at_once[name] -= 1

    async def _heard(self, reader: asyncio.StreamReader, connection: int) -> Arrival | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        target = urlsplit(first.split(" ")[1])
        _, provider, path = target.path.split("/", 2) if target.path.count("/") > 1 else ("", "", target.path)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        params = dict(parse_qsl(target.query, keep_blank_values=True))
        return Arrival(provider, "/" + unquote(path), params, headers, self.clock.monotonic(), connection)

    async def _answer(self, exchange: Exchange) -> bool:
        arrival = exchange.arrival
        headers = [("content-type", "application/json; charset=utf-8")]
        if arrival.provider == "binance_dt":
            headers.append(("x-mbx-used-weight-1m", str(self._weighed(arrival))))
        if arrival.provider in self.upstreams:
            status, body = self.upstreams[arrival.provider](arrival.path, arrival.params, self.clock.now())
        else:
            status, body = 404, b"no such upstream"
        await exchange.say(response(status, body, headers))
        return True

    def _weighed(self, arrival: Arrival) -> int:
        """The weight used in this minute, the request included."""
        minute = int(self.clock.now().timestamp() // 60)
        before = self._weight[1] if self._weight[0] == minute else 0
        self._weight = (minute, before + bodies.binance_weight(arrival.path, arrival.params))
        return self._weight[1]
