"""One client's connection: one task reads, one task sends, and both end with it."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from msgspec import Struct

from feedmux_server.stream.allowance import Allowance
from feedmux_server.stream.hub import Hub
from feedmux_server.stream.mailbox import Full, Mailbox

LONGEST = 64 * 1024
"""Bytes in a client's message."""
PATIENCE = 10.0
"""Seconds that one message may take to be sent: a client that takes longer does not read."""
PARTING = 0.5
"""Seconds that the last words may take."""
_log = structlog.get_logger("feedmux.stream")


class Close(Struct, frozen=True):
    """How a connection is closed: a code of RFC 6455, or of its registry, and a reason for a person."""

    code: int
    reason: str


GOING_AWAY = Close(1001, "the server is stopping")
TOO_LONG = Close(1009, f"a message is at most {LONGEST // 1024} KiB")
BROKEN = Close(1011, "something went wrong here")
UNREAD = Close(1013, "messages are not read")
CROWDED = Close(1013, "too many clients are connected")


class Gone(Exception):
    """The client is gone: nothing can be sent."""


class Socket(Protocol):
    """A WebSocket that carries text."""

    async def accept(self) -> None: ...

    async def receive(self) -> str | None:
        """The client's next message, or None where it is gone."""
        ...

    async def send(self, text: str) -> None:
        """Send, as soon as the client takes it; raises Gone."""
        ...

    async def close(self, code: int, reason: str) -> None: ...


class Dialogue(Protocol):
    """What is spoken on a connection."""

    mailbox: Mailbox

    def opened(self) -> None:
        """Greet."""
        ...

    def heard(self, text: str) -> None:
        """Understand a client's message; raises Full."""
        ...

    def refused(self, status: int, detail: str) -> None:
        """Say why the connection is about to be closed; `status` is HTTP's word for it."""
        ...

    def next(self, now: float) -> str | None:
        """What is sent next, or None where nothing is due."""
        ...

    def heartbeat_at(self, heard: float, sent: float) -> float:
        """When a heartbeat is due, given when something was last heard and sent; all monotonic seconds."""
        ...

    def heartbeat(self) -> str: ...

    def closed(self) -> None:
        """Leave every topic."""
        ...


class Connection:
    """A guest of the hub from `serve`'s beginning to its end."""

    def __init__(self, socket: Socket, hub: Hub, dialogue: Dialogue, rate: int) -> None:
        self._socket = socket
        self._hub = hub
        self._clock = hub.mux.clock
        self._dialogue = dialogue
        self._rate = rate
        self._heard_at = self._sent_at = self._clock.monotonic()
        self._leaving: asyncio.Future[Close] = asyncio.get_running_loop().create_future()

    async def serve(self) -> Close | None:
        """Talk until either side ends it; gives back how it was closed, None where the client was gone."""
        await self._socket.accept()
        if not self._hub.admit(self):
            return await self._closed(CROWDED)
        try:
            self._dialogue.opened()
            await self._talk()
        finally:
            self._dialogue.closed()
            try:
                if self._leaving.done():
                    await self._closed(self._leaving.result())
            finally:
                self._hub.leave(self)
        return self._leaving.result() if self._leaving.done() else None

    def dismiss(self) -> None:
        """The server stops."""
        self._leave(GOING_AWAY)

    def _leave(self, how: Close) -> None:
        if not self._leaving.done():
            self._leaving.set_result(how)
            self._dialogue.mailbox.close()

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = loop.create_task(self._read()), loop.create_task(self._write())
        try:
            await asyncio.wait((reader, writer, self._leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._leaving.done():
                await asyncio.wait((writer,), timeout=PARTING)
        finally:
            for task in (reader, writer):
                task.cancel()
            await asyncio.wait((reader, writer), timeout=PARTING)
            for task in (reader, writer):
                if task.done() and not task.cancelled():
                    self._judge(task.exception())

    def _judge(self, error: BaseException | None) -> None:
        if isinstance(error, Full):
            self._leave(UNREAD)
        elif error is not None and not isinstance(error, Gone):
            _log.error("a stream failed", exc_info=error)
            self._leave(BROKEN)

    async def _read(self) -> None:
        allowance = Allowance(self._clock, self._rate)
        while (text := await self._socket.receive()) is not None:
            self._heard_at = self._clock.monotonic()
            if len(text) > LONGEST or len(text.encode()) > LONGEST:
                self._refuse(413, TOO_LONG)
            elif not allowance.take():
                self._refuse(429, Close(1008, f"at most {self._rate} messages a second"))
            else:
                self._dialogue.heard(text)
                continue
            return

    def _refuse(self, status: int, how: Close) -> None:
        self._dialogue.refused(status, how.reason)
        self._leave(how)

    async def _write(self) -> None:
        """Send what is due, one after the other; once the connection is to be closed, what is left, and no more."""
        mailbox, taken = self._dialogue.mailbox, True
        while taken:
            beat = self._dialogue.heartbeat_at(self._heard_at, self._sent_at)
            await mailbox.due(beat)
            now = self._clock.monotonic()
            text = self._dialogue.next(now)
            if text is None and mailbox.closing:
                return
            if text is None and now >= beat:
                text = self._dialogue.heartbeat()
            if text is not None:
                taken = await self._sent(text)
        self._leave(UNREAD)

    async def _sent(self, text: str) -> bool:
        """Whether the client took it in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._socket.send(text)
        except TimeoutError:
            return False
        self._sent_at = self._clock.monotonic()
        return True

    async def _closed(self, how: Close) -> Close:
        """Close, where the client still takes it."""
        try:
            async with asyncio.timeout(PARTING):
                await self._socket.close(how.code, how.reason)
        except (TimeoutError, Gone):
            pass
        return how
