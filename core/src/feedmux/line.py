"""A line: the connection to an upstream that pushes, kept alive for whoever listens on its channels.

It is opened for the first listener, opened anew with growing pauses after it broke, replaced before its lifetime ends
(the new connection is heard before the old one is closed), and closed a while after the last listener left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from feedmux.clock import Clock, Random
from feedmux.connection import Connection
from feedmux.errors import FeedmuxError
from feedmux.pace import pause
from feedmux.push import Push
from feedmux.transport import Socket

IDLE = 10.0
"""Seconds for which a connection that nobody listens on is kept."""
STEADY = 60.0
"""Seconds after which a connection counts as one that held: what breaks then is opened anew without a long pause."""
HANDOVER = 10.0
"""Seconds for which the old connection is kept where the new one brings nothing."""
LOOK = 5.0
"""Seconds between two looks at whether the member may still be used."""
MUTE = "brings nothing new on any channel"


class Ear(Protocol):
    """Listens on one channel."""

    silent: bool
    """It has heard nothing new for too long."""

    def hear(self, frame: bytes) -> None: ...

    def lose(self, reason: str) -> None: ...


class Access(Protocol):
    """How a member's upstream is reached, as it stands."""

    @property
    def barred(self) -> str:
        """Why no connection may be kept, empty where one may."""
        ...

    @property
    def hindrance(self) -> str:
        """Why none may be opened now, empty where one may."""
        ...

    async def dial(self) -> Socket:
        """A new connection; raises FeedmuxError."""
        ...


class Line:
    """At most one connection (two while one replaces the other) and the ears on it, by channel."""

    def __init__(self, access: Access, push: Push, clock: Clock, chance: Random) -> None:
        self._access = access
        self._push = push
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._alive: list[Connection] = []
        """Open connections, the newest last."""
        self._stir = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[str]] = set()
        self.ears: dict[str, set[Ear]] = {}

    def listen(self, channel: str, ear: Ear) -> Callable[[], None]:
        """Hear a channel from now on; gives back what ends it."""
        self.ears.setdefault(channel, set()).add(ear)
        self._update()
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

        def end() -> None:
            ears = self.ears.get(channel, set())
            ears.discard(ear)
            if not ears:
                self.ears.pop(channel, None)
            self._update()

        return end

    def look(self) -> None:
        """Something about an ear has changed."""
        self._stir.set()

    def _update(self) -> None:
        self._stir.set()
        for connection in self._alive:
            connection.update()

    async def _keep(self) -> None:
        """Open, serve, open anew, until nobody listens."""
        try:
            while self.ears:
                if await self._opened():
                    await self._served(self._alive[-1])
        finally:
            for connection in self._alive:
                connection.close()

    async def _opened(self) -> bool:
        """Open one more connection, unless that fails: then what is due is a pause."""
        if why := self._access.hindrance:
            self._lost(why)
            await self._clock.sleep(LOOK)
            return False
        try:
            socket = await self._access.dial()
        except FeedmuxError as error:
            self._lost(error.detail)
            await self._pause()
            return False
        connection = Connection(socket, self._push, self._clock, self.ears, self._hear, self._stir.set)
        for old in self._alive:
            self._retire(old, connection)
        self._alive.append(connection)
        connection.task.add_done_callback(lambda _: self._over(connection))
        return True

    async def _served(self, connection: Connection) -> None:
        """Until the connection is over, is to be replaced, or nobody listens on it any more."""
        replaced_at = connection.opened_at + self._push.lifetime - self._earlier()
        left_at = self._clock.monotonic()
        while True:
            self._stir.clear()
            now = self._clock.monotonic()
            if self.ears:
                left_at = now
            if connection.task.done():
                await self._pause()
                return
            if connection.ending:
                await self._pause()
                return
            if now >= replaced_at:
                return
            if now >= left_at + IDLE:
                self._close(connection, "nobody listens")
                return
            if why := self._access.barred or self._mute(connection, now):
                self._close(connection, why)
                await self._pause()
                return
            await self._stirred(min(replaced_at, left_at + IDLE if not self.ears else now + LOOK) - now)

    def _earlier(self) -> float:
        """How long before its lifetime ends a connection is replaced: not all at once."""
        return self._push.lifetime * self._chance.uniform(0.01, 0.03)

    def _mute(self, connection: Connection, now: float) -> str:
        ears = [ear for listening in self.ears.values() for ear in listening]
        mute = ears and all(ear.silent for ear in ears)
        return MUTE if mute and now - connection.opened_at >= self._push.silent_after else ""

    def _retire(self, old: Connection, new: Connection) -> None:
        async def retire() -> None:
            await first(new.news.wait(), self._clock.sleep(HANDOVER))
            old.close()

        task = asyncio.get_running_loop().create_task(retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _close(self, connection: Connection, why: str) -> None:
        self._alive.remove(connection)
        connection.close()
        self._closing.add(connection.task)
        connection.task.add_done_callback(self._closing.discard)
        self._lost(why)

    def _over(self, connection: Connection) -> None:
        if connection in self._alive:
            self._alive.remove(connection)
            self._lost(connection.reason)
        if self._clock.monotonic() - connection.opened_at >= STEADY:
            self._failures = 0

    def _lost(self, reason: str) -> None:
        """Tell everyone, unless another connection still brings what they hear."""
        if not self._alive:
            for ear in [ear for listening in self.ears.values() for ear in listening]:
                ear.lose(reason)

    def _hear(self, channel: str, frame: bytes) -> None:
        for ear in tuple(self.ears.get(channel, ())):
            ear.hear(frame)

    async def _pause(self) -> None:
        """Longer after each failure in a row: an upstream counts connections as well."""
        failures, self._failures = self._failures, self._failures + 1
        await self._clock.sleep(pause(failures, self._chance))

    async def _stirred(self, seconds: float) -> None:
        await first(self._stir.wait(), self._clock.sleep(max(0.0, seconds)))

    async def aclose(self) -> None:
        """Close every connection; nothing is left."""
        open_now = tuple(self._alive)
        for connection in open_now:
            connection.close()
        work = [*self._retiring, *([self._keeper] if self._keeper is not None else ())]
        for task in work:
            task.cancel()
        closing = [*self._closing, *(connection.task for connection in open_now)]
        await asyncio.gather(*work, *closing, return_exceptions=True)


async def first(*waits: Awaitable[object]) -> None:
    """Until one of them is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
