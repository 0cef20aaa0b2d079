"""A mailbox: what one client is to be sent. It never queues: of what changed only the newest waits."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Hashable
from typing import Protocol

from feedmux.clock import Clock

MOST_REPLIES = 256


class Full(Exception):
    """The client asks and does not read what it is answered."""


class Message(Protocol):
    """Something to be sent."""

    def text(self, now: float) -> str:
        """Its words as they are sent at `now`, in monotonic seconds."""
        ...


class Fixed:
    """A message that is the same whenever it is sent."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, now: float) -> str:
        return self._text


class Mailbox:
    """Replies in their order, then the newest message under each key.

    `pace` is the least number of seconds between two messages under one key; one that is kept is sent again `repeat`
    seconds after it was sent last.
    """

    def __init__(self, clock: Clock, *, pace: float = 0.0, repeat: float = math.inf) -> None:
        self._clock = clock
        self._pace = pace
        self._repeat = repeat
        self._replies: deque[str] = deque()
        self._waiting: dict[Hashable, Message] = {}
        self._sent: dict[Hashable, float] = {}
        self._kept: dict[Hashable, Message] = {}
        self._bell = asyncio.Event()
        self.closing = False
        """Nothing more will come: who waits is woken."""

    def reply(self, text: str) -> None:
        """Send this, after the replies before it; raises Full."""
        if len(self._replies) >= MOST_REPLIES:
            raise Full
        self._replies.append(text)
        self._bell.set()

    def put(self, key: Hashable, message: Message, *, keep: bool = False) -> bool:
        """Send this instead of what waits under the key; says whether anything did."""
        overtaken = self._waiting.pop(key, None) is not None
        self._waiting[key] = message
        if keep and self._repeat < math.inf:
            self._kept[key] = message
        self._bell.set()
        return overtaken

    def waiting(self, key: Hashable) -> Message | None:
        """What waits under the key."""
        return self._waiting.get(key)

    def forget(self, key: Hashable) -> None:
        """Send nothing more under the key."""
        for messages in (self._waiting, self._sent, self._kept):
            messages.pop(key, None)

    def close(self) -> None:
        """Wake whoever waits; what is in here is still to be sent."""
        self.closing = True
        self._bell.set()

    async def due(self, until: float) -> None:
        """Wait until something is to be sent, or until that monotonic time."""
        while (left := min(self._next(), until) - self._clock.monotonic()) > 0:
            self._bell.clear()
            try:
                async with asyncio.timeout(None if left == math.inf else left):
                    await self._bell.wait()
            except TimeoutError:
                pass

    def take(self, now: float) -> str | None:
        """The next thing to send, or None where nothing is due."""
        if self._replies:
            return self._replies.popleft()
        for key in self._waiting:
            if self._ready(key) <= now:
                return self._taken(key, self._waiting.pop(key), now)
        for key, message in self._kept.items():
            if self._sent.get(key, now) + self._repeat <= now:
                return self._taken(key, message, now)
        return None

    def _taken(self, key: Hashable, message: Message, now: float) -> str:
        if self._pace or key in self._kept:
            self._sent[key] = now
        return message.text(now)

    def _ready(self, key: Hashable) -> float:
        return self._sent.get(key, -math.inf) + self._pace

    def _next(self) -> float:
        """When something is due, in monotonic seconds."""
        if self._replies or self.closing:
            return -math.inf
        if self._waiting and not self._pace:
            return -math.inf
        times = [self._ready(key) for key in self._waiting]
        times += [self._sent.get(key, -math.inf) + self._repeat for key in self._kept if key in self._sent]
        return min(times, default=math.inf)
