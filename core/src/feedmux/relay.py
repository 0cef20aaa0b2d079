"""The relay: what one process learns reaches the others at once, and one of them leads on each thing that is streamed.

Nothing is kept here: who does not listen misses it, and reads it from the store. Leads end by themselves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from feedmux.clock import Clock

WAITING = 10_000
"""Messages kept for a process that is slow; the oldest gives way, and no publisher ever waits for it."""


class Relay(Protocol):
    """Between the processes of one deployment. Any method may raise anything where the relay is out of reach."""

    async def publish(self, message: bytes) -> None:
        """Have everybody who listens hear it, whoever says it included."""
        ...

    def listening(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """What is published from the moment the block begins; its iterator raises where the relay is lost."""
        ...

    async def lead(self, names: Collection[str], holder: str, seconds: float) -> frozenset[str]:
        """Take or renew, for so many seconds from now, the lead on each of these on which nobody else has it; gives
        back those on which the holder has it. A lead that is not renewed ends by itself.
        """
        ...

    async def resign(self, names: Collection[str], holder: str) -> None:
        """End the holder's leads on these at once."""
        ...


class MemoryRelay:
    """Between engines on one event loop and one clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ears: set[_Ear] = set()
        self._leads: dict[str, tuple[str, float]] = {}

    async def publish(self, message: bytes) -> None:
        for ear in self._ears:
            ear.put(message)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        ear = _Ear()
        self._ears.add(ear)
        try:
            yield ear.messages()
        finally:
            self._ears.discard(ear)

    async def lead(self, names: Collection[str], holder: str, seconds: float) -> frozenset[str]:
        now = self._clock.monotonic()
        for name in names:
            leader, until = self._leads.get(name, (holder, now))
            if leader == holder or until <= now:
                self._leads[name] = holder, now + seconds
        return frozenset(name for name in names if self._leads[name][0] == holder)

    async def resign(self, names: Collection[str], holder: str) -> None:
        for name in names:
            if self._leads.get(name, ("", 0.0))[0] == holder:
                del self._leads[name]


class _Ear:
    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._arrived = asyncio.Event()

    def put(self, message: bytes) -> None:
        self._waiting.append(message)
        self._arrived.set()

    async def messages(self) -> AsyncIterator[bytes]:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                yield self._waiting.popleft()
