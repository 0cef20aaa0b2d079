"""An upstream that gives back what it was sent, key and all, in every way that an upstream can; and a collector of traces."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import cycle

from tests.system.upstream import Exchange, response

Reply = Callable[[str], bytes]


def _json(status: int, **more: str) -> Reply:
    """An error as a document that quotes the request."""

    def reply(said: str) -> bytes:
        body = json.dumps({"status": "0", "message": f"bad request {said}", "result": said, "error": said})
        return response(
            status, body.encode(), [(name.replace("_", "-"), text) for name, text in more.items()]
        )

    return reply


def _headers(status: int) -> Reply:
    """A refusal whose headers quote it."""

    def reply(said: str) -> bytes:
        headers = [
            ("retry-after", said),
            ("x-your-key", said),
            ("set-cookie", f"key={said}"),
            ("server", said),
        ]
        return response(status, b"{}", headers)

    return reply


def _moved(said: str) -> bytes:
    return response(302, said.encode(), [("location", f"http://127.0.0.1:9/{said}")])


def _packed(said: str) -> bytes:
    return response(200, gzip.compress(f'{{"price": "{said}"}}'.encode()), [("content-encoding", "gzip")])


def _edge(said: str) -> bytes:
    return response(500, b"<" * 380 + said.encode())


def _raw(said: str) -> bytes:
    return f"HTTP/9.9 {said}\r\nx: {said}\r\n\r\n{said}".encode()


def _coin(said: str) -> bytes:
    """An answer as CoinGecko gives one, with two coins of that name."""
    coins = [
        {"id": symbol, "symbol": symbol, "name": said, "current_price": 2500.0, "market_cap": 1e11}
        for symbol in ("btc", "eth")
    ]
    return response(200, json.dumps(coins).encode())


REPLIES: tuple[Reply, ...] = (
    _coin,
    _json(200),
    _json(500),
    _json(400),
    _json(401),
    _headers(429),
    _headers(403),
    _moved,
    _packed,
    _edge,
    _raw,
    lambda said: response(200, f"<html>{said}</html>".encode()),
    lambda said: response(503, said.encode(), [("content-encoding", said)]),
)


class Parrot:
    """Answers every request to an upstream with the next of the replies; `heard` is all that it was sent."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._replies: defaultdict[str, Iterator[Reply]] = defaultdict(lambda: cycle(REPLIES))

    async def __call__(self, exchange: Exchange) -> bool:
        arrival = exchange.arrival
        said = " ".join([*arrival.params.values(), *arrival.headers.values(), arrival.path])
        self.heard.append(said)
        await exchange.say(next(self._replies[arrival.provider])(said))
        return False


class Collector:
    """Takes whatever is posted to it; `got` is the bodies, inflated."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def __aenter__(self) -> Collector:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/traces"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.got += [head, gzip.decompress(body) if b"content-encoding: gzip" in head else body]
        writer.write(
            response(200, b"", [("content-type", "application/x-protobuf"), ("connection", "close")])
        )
        await writer.drain()
        writer.close()
