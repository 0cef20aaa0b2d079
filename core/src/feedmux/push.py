"""How an upstream pushes: what a provider declares of its stream. The engine owns the connection."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from feedmux.items import Item
from feedmux.limits import DAY, Window
from feedmux.query import Query
from feedmux.request import Asked

SILENT_AFTER = 60.0
"""Seconds without anything new after which a stream that declares nothing is given up."""


class Stream(Struct, frozen=True):
    """How one kind of question is streamed: both are pure functions of their arguments.

    `channel` names what to subscribe to for a question about one element, empty where it cannot be streamed; equal
    channels are subscribed to once. `parse` reads one frame of that channel: the items, none where the frame holds
    none, ValueError where it is not what it should be. An item's `observed_at` is the upstream's own event time.
    """

    query: type[Query]
    channel: Callable[[Asked[Any]], str]
    parse: Callable[[bytes, Asked[Any]], Sequence[Item]]

    def __post_init__(self) -> None:
        if self.query.series:
            raise ValueError(f"streams[{self.query.__name__}]: a series cannot be streamed")


class Push(Struct, frozen=True, kw_only=True):
    """Where and how an upstream pushes: WebSocket hosts (`wss://…`) in order, and the language spoken there.

    `subscribe` and `unsubscribe` are given channels and the message's number on its connection, and give the message;
    `channel_of` says whose frame it is, None for a reply or noise; `ends`, of a frame without a channel, whether it
    announces that the upstream will soon close: the connection is then replaced before. All four are pure.

    `per_connection` is how many channels one connection takes, `batch` how many one message. `messages` limits what
    we send on one connection (pongs count), `connections` how often one is opened. A connection is replaced shortly
    before it is `lifetime` seconds old. A channel that brings nothing newer for `silent_after` seconds is given up.
    """

    hosts: tuple[str, ...]
    path: str
    subscribe: Callable[[Sequence[str], int], bytes]
    unsubscribe: Callable[[Sequence[str], int], bytes]
    channel_of: Callable[[bytes], str | None]
    ends: Callable[[bytes], bool] | None = None
    per_connection: int = 1024
    batch: int = 200
    messages: Window = Window(5, per=1)
    connections: Window = Window(300, per=300)
    lifetime: float = DAY
    silent_after: float = SILENT_AFTER

    def __post_init__(self) -> None:
        for host in self.hosts:
            if not host.startswith("wss://"):
                raise ValueError(f"push.hosts: each begins with wss://, got {host[:80]!a}")
        if not self.hosts or not self.path.startswith("/"):
            raise ValueError("push: at least one host, and a path that begins with /")
        if self.per_connection < 1 or self.batch < 1:
            raise ValueError("push.per_connection, push.batch: 1 or more")
        for window in (self.messages, self.connections):
            if window.limit < 1 or not _positive(window.per):
                raise ValueError(f"push: at least 1 in a positive number of seconds, got {window}")
        if not (_positive(self.lifetime) and _positive(self.silent_after)):
            raise ValueError("push.lifetime, push.silent_after: a positive number of seconds")


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
