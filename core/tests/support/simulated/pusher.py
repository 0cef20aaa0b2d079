"""A simulated upstream that pushes: sockets without a network, their other ends in the hands of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, json

from feedmux import Asked, Push, Quote, Quotes, Stream
from feedmux.clock import from_unix
from feedmux.errors import FeedmuxError, UpstreamDown
from feedmux.transport import Incoming, Outgoing
from simulated.remote import Remote


class _Told(Struct):
    channel: str = ""
    price: float = 0.0
    at: float | None = None
    bye: bool = False


def subscribe(channels: Sequence[str], number: int) -> bytes:
    return json.encode({"on": channels, "id": number})


def unsubscribe(channels: Sequence[str], number: int) -> bytes:
    return json.encode({"off": channels, "id": number})


def channel_of(frame: bytes) -> str | None:
    return json.decode(frame, type=_Told).channel or None


def ends(frame: bytes) -> bool:
    return json.decode(frame, type=_Told).bye


def channel(asked: Asked[Quotes]) -> str:
    return "" if asked.query.symbols == ("MUTE",) else f"price:{asked.id(asked.query.symbols[0])}"


def parse(frame: bytes, asked: Asked[Quotes]) -> list[Quote]:
    told = json.decode(frame, type=_Told)
    at = from_unix(told.at) if told.at is not None else None
    return [Quote(symbol=asked.query.symbols[0], price=told.price, vs=asked.query.vs, observed_at=at)]


QUOTES = Stream(Quotes, channel, parse)


def push(**declared: Any) -> Push:
    """A declaration in which nothing is limited but what a test limits."""
    return Push(
        **{
            "hosts": ("wss://stream.example",),
            "path": "/live",
            "subscribe": subscribe,
            "unsubscribe": unsubscribe,
            "channel_of": channel_of,
            "ends": ends,
            **declared,
        }
    )


class Wire:
    """One open socket, and what reached its other end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.channels: set[str] = set()
        self.messages: list[Any] = []
        self.pings = 0
        self.answers_pings = True
        self.closed = False
        self._coming: asyncio.Queue[bytes | FeedmuxError | None] = asyncio.Queue()

    async def send(self, message: bytes) -> None:
        told = json.decode(message)
        self.messages.append(told)
        self.channels |= set(told.get("on", ()))
        self.channels -= set(told.get("off", ()))

    async def ping(self) -> None:
        self.pings += 1
        if self.answers_pings:
            self._coming.put_nowait(None)

    async def receive(self) -> bytes | None:
        came = await self._coming.get()
        if isinstance(came, FeedmuxError):
            raise came
        return came

    async def aclose(self) -> None:
        self.closed = True

    def say(self, **told: Any) -> None:
        """Push a frame with these fields."""
        self._coming.put_nowait(json.encode(told))

    def cut(self) -> None:
        """Break it."""
        self._coming.put_nowait(UpstreamDown("cut the stream"))


class Pusher(Remote):
    """A remote that can be dialled. `refusals` answer instead, one after the other."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.wires: list[Wire] = []
        self.dialled: list[float] = []
        self.refusals_to_open: list[Incoming | FeedmuxError] = []

    async def dial(self, outgoing: Outgoing) -> Wire | Incoming:
        self.dialled.append(self.clock.monotonic())
        if self.refusals_to_open:
            refusal = self.refusals_to_open.pop(0)
            if isinstance(refusal, FeedmuxError):
                raise refusal
            return refusal
        self.wires.append(Wire(outgoing.url))
        return self.wires[-1]

    def say(self, name: str, price: float, **told: Any) -> None:
        """Push a price on every open wire that is subscribed to it."""
        for wire in self.wires:
            if f"price:{name}" in wire.channels and not wire.closed:
                wire.say(channel=f"price:{name}", price=price, **told)
