"""What a stream's hook is handed: its member's client, and an ear for the frames that the upstream pushes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from feedmux.clock import Clock
from feedmux.errors import BadPayload, described
from feedmux.http import Http
from feedmux.items import Item
from feedmux.lines import Lines
from feedmux.push import Stream
from feedmux.quota import Full, Permit
from feedmux.request import Asked
from feedmux.standing import Standing

WAITING = 256
"""Frames of one channel kept for a listener that is busy; older ones are dropped."""


class Listener(Http):
    """Requests sent with it spend permits of their own. `asked` is the question with the ids its listing gave."""

    def __init__(
        self,
        standing: Standing,
        asked: Asked[Any],
        clock: Clock,
        another: Callable[[], Permit | Full],
        lines: Lines | None,
        lost: Callable[[str], None],
        unreadable: Callable[[str], None],
    ) -> None:
        super().__init__(standing.member, standing.wire, clock, None, another, lambda headers: None)
        self.asked = asked
        self.silent = False
        """Nothing new has come for too long."""
        self._lines = lines
        self._lost = lost
        self._unreadable = unreadable
        self._frames: deque[bytes] = deque(maxlen=WAITING)
        self._arrived = asyncio.Event()

    async def pushed(self, stream: Stream) -> AsyncIterator[Item]:
        """The items that come over the provider's declared stream, until it is closed; what breaks is mended below.

        A frame that cannot be read is reported and passed over.
        """
        if self._lines is None:
            raise BadPayload("declares no push")
        leave = self._lines.listen(stream.channel(self.asked), self)
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._frames:
                    for item in self._read(stream, self._frames.popleft()):
                        yield item
        finally:
            leave()

    def _read(self, stream: Stream, frame: bytes) -> list[Item]:
        try:
            return list(stream.parse(frame, msgspec.structs.replace(self.asked, at=self._clock.now())))
        except Exception as error:  # noqa: BLE001 - the plugin boundary: one bad frame ends no stream
            self._unreadable(described(error, self._wire.redacted))
            return []

    def hear(self, frame: bytes) -> None:
        """A frame of the channel came."""
        self._frames.append(frame)
        self._arrived.set()

    def lose(self, reason: str) -> None:
        """The connection is gone; frames come again once there is another."""
        self._lost(reason)
