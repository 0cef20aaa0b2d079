"""An upstream on loopback that counts its own windows and refuses now and then, and the distribution that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feedmux.clock import Random, SystemClock

from .distributions import installed

NAME = "metered"
WINDOWS: Mapping[float, int] = {3.0: 120, 86_400.0: 100_000}
BACKOFF = 2.0
IN_FLIGHT = 0.15
"""Seconds within which a request may have been sent before a refusal was read."""


def source(windows: Mapping[float, int]) -> str:
    """The distribution's module, whose provider declares these windows."""
    return f"""
from feedmux import Asked, Backoff, Endpoint, Limits, Provider, Quote, Quotes, Request, Terms, Window

def request(asked):
    return Request("/price", {{"symbol": asked.query.symbols[0]}})

def parse(body, asked):
    return [Quote(symbol=asked.query.symbols[0], price=float(body))]

provider = Provider(
    hosts=("https://metered.invalid",),
    limits=Limits(
        weight=1,
        windows=tuple(Window(limit, per=per) for per, limit in {dict(windows)!r}.items()),
        concurrency=8,
        backoff=Backoff(steps=({BACKOFF},)),
    ),
    endpoints=(Endpoint(Quotes, request, parse, Terms(ttl=600, max_stale=3600, batch=1)),),
    health=Request("/price"),
)
"""


@dataclass
class Metered:
    """Answers each request with a price of its own; `refuses` is the share that it answers 429."""

    chance: Random
    refuses: float = 0.0
    windows: Mapping[float, int] = field(default_factory=lambda: WINDOWS)
    port: int = 0
    arrivals: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    """Requests that came inside a backoff, each by the seconds since the refusal."""

    async def start(self) -> None:
        self._clock = SystemClock()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self) -> bytes:
        now = self._clock.monotonic()
        self.arrivals.append(now)
        since = now - self.refused_at[-1] if self.refused_at else BACKOFF
        if IN_FLIGHT < since < BACKOFF:
            self.inside.append(since)
        if self.chance.random() < self.refuses:
            self.refused_at.append(now)
            return b"HTTP/1.1 429 No\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n"
        body = b"%d" % len(self.arrivals)
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def above(self) -> int:
        """Requests that a window, read as sliding, had no room for."""
        over = 0
        for per, limit in self.windows.items():
            first = 0
            for last, at in enumerate(self.arrivals):
                while self.arrivals[first] <= at - per:
                    first += 1
                over += last - first + 1 > limit
        return over


def prepared(directory: Path, upstream: Metered) -> Path:
    """The distribution put there, and the configuration that leads it to the upstream."""
    installed(directory, NAME, source(upstream.windows))
    configuration = directory / "feedmux.toml"
    configuration.write_text(
        f'[providers.{NAME}]\nbase_url = "http://127.0.0.1:{upstream.port}"\n[server]\nclient_limit = 0\n'
    )
    return configuration
