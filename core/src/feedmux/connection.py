"""One open connection of a stream: it says which channels are wanted, hands on what comes, and notices its own end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from itertools import count
from typing import Any

from feedmux.clock import Clock
from feedmux.errors import FeedmuxError, UpstreamTimeout, described
from feedmux.pace import Pace
from feedmux.push import Push
from feedmux.transport import Socket

QUIET = 20.0
"""Seconds in which not even a ping came, after which we send one; as many more, and the connection is held to be dead."""


class Connection:
    """Runs from the moment it is made. `wanted` is what it shall be subscribed to, looked at on every `update`."""

    def __init__(
        self,
        socket: Socket,
        push: Push,
        clock: Clock,
        wanted: Collection[str],
        heard: Callable[[str, bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._push = push
        self._clock = clock
        self._wanted = wanted
        self._heard = heard
        self._changed = changed
        # One message is kept for the pong that the upstream may ask for.
        self._pace = Pace(push.messages.limit - 1, push.messages.per, clock)
        self._ids = count(1)
        self._subscribed: set[str] = set()
        self._stir = asyncio.Event()
        self.opened_at = self._alive_at = clock.monotonic()
        self.news = asyncio.Event()
        """Set once a frame of a wanted channel has come."""
        self.ending = False
        """The upstream has announced that it will close."""
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.task.add_done_callback(lambda _: changed())
        self.update()

    def update(self) -> None:
        """What is wanted has changed."""
        self._stir.set()

    def close(self) -> None:
        """End it; asked for twice, it is still closed in peace."""
        if not self.task.cancelling():
            self.task.cancel()

    @property
    def reason(self) -> str:
        """Why it is over, empty while it is not."""
        if not self.task.done():
            return ""
        return "closed by us" if self.task.cancelled() else _why(self.task) or self.task.result()

    async def _run(self) -> str:
        """Until it is over; gives back why."""
        loop = asyncio.get_running_loop()
        work = [loop.create_task(step) for step in (self._listen(), self._speak(), self._see_to_life())]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            return next(_why(task) for task in work if task.done()) or "the connection ended"
        finally:
            for task in work:
                task.cancel()
            await self._socket.aclose()
            await asyncio.gather(*work, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            frame = await self._socket.receive()
            self._alive_at = self._clock.monotonic()
            if frame is not None:
                self._take(frame)
            await self._clock.sleep(0)  # a flood of frames must not keep the event loop

    def _take(self, frame: bytes) -> None:
        try:
            channel = self._push.channel_of(frame)
            ending = channel is None and self._push.ends is not None and self._push.ends(frame)
        except Exception:  # noqa: BLE001 - the plugin boundary: what it cannot read is noise
            return
        if channel is not None and channel in self._wanted:
            self.news.set()
            self._heard(channel, frame)
        elif ending:
            self.ending = True
            self._changed()

    async def _speak(self) -> None:
        """Bring what the upstream sends in line with what is wanted, as fast as it lets us speak."""
        while True:
            await self._stir.wait()
            self._stir.clear()
            while self._next_batch() is not None:
                await self._pace.turn()
                if (batch := self._next_batch()) is not None:
                    await self._socket.send(self._told(*batch))

    def _next_batch(self) -> tuple[list[str], bool] | None:
        """The channels of the next message, and whether they are wanted or not any more."""
        missing = [channel for channel in self._wanted if channel not in self._subscribed]
        if missing:
            return missing[: self._push.batch], True
        left = [channel for channel in self._subscribed if channel not in self._wanted]
        return (left[: self._push.batch], False) if left else None

    def _told(self, channels: list[str], wanted: bool) -> bytes:
        if wanted:
            self._subscribed.update(channels)
            return self._push.subscribe(channels, next(self._ids))
        self._subscribed.difference_update(channels)
        return self._push.unsubscribe(channels, next(self._ids))

    async def _see_to_life(self) -> None:
        while True:
            await self._clock.sleep(max(0.1, self._alive_at + QUIET - self._clock.monotonic()))
            if self._clock.monotonic() - self._alive_at < QUIET:
                continue
            await self._pace.turn()
            await self._socket.ping()
            asked_at = self._clock.monotonic()
            await self._clock.sleep(QUIET)
            if self._alive_at < asked_at:
                raise UpstreamTimeout(f"answered no ping for {QUIET:g} s")


def _why(ended: asyncio.Task[Any]) -> str:
    error = ended.exception()
    if isinstance(error, FeedmuxError):
        return error.detail
    return described(error) if error is not None else ""
