"""Writes down every exchange with an upstream, one JSON line each, without a key: FEEDMUX_RECORDER_FILE says where."""

from __future__ import annotations

import os
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

from msgspec import Struct, json

from feedmux import hookimpl
from feedmux.clock import Clock
from feedmux.transport import Incoming, Network, Outgoing, Transport


class Exchange(Struct, frozen=True):
    """One line. `url` holds no key, and of the headers only what describes the body is kept."""

    at: datetime
    provider: str
    url: str
    status: int
    content_type: str
    content_encoding: str
    body: bytes


class Recording:
    """Another transport, with everything that goes over it written down."""

    def __init__(self, transport: Transport, provider: str, file: Path, clock: Clock) -> None:
        self.simulated = transport.simulated
        self._transport = transport
        self._provider = provider
        self._file = file
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Incoming:
        incoming = await self._transport.send(outgoing)
        exchange = Exchange(
            at=self._clock.now(),
            provider=self._provider,
            url=outgoing.url,
            status=incoming.status,
            content_type=incoming.headers.get("content-type", ""),
            content_encoding=incoming.headers.get("content-encoding", ""),
            body=incoming.body,
        )
        with self._file.open("ab") as lines:
            lines.write(json.encode(exchange) + b"\n")
        return incoming

    async def aclose(self) -> None:
        await self._transport.aclose()


class Recorder:
    """Wraps whatever carries a provider's requests: the network, or the sandbox."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @hookimpl(wrapper=True)
    def feedmux_transport(
        self, provider: str, clock: Clock
    ) -> Generator[None, Transport | None, Transport | None]:
        transport = yield
        if self._file is None or not provider:  # no provider: the engine asks whether a sandbox is there
            return transport
        return Recording(transport or Network(), provider, self._file, clock)


_chosen = os.environ.get("FEEDMUX_RECORDER_FILE")
extension = Recorder(Path(_chosen) if _chosen else None)
