"""An extension that stands beside the provider: it carries its requests, times its steps and hears what it raises."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any

from msgspec import Struct

from feedmux.attempt import stepped
from feedmux.clock import SystemClock
from feedmux.event import Event
from feedmux.hooks import hookimpl
from feedmux.request import Asked
from feedmux.transport import Transport

LONGEST_STEP = 0.25
"""Seconds that one step of a provider may keep the event loop; the engine counts against it from twice that on."""


class Ended(Struct):
    """One call of a hook: what it raised, None where it gave something."""

    hook: str
    raised: BaseException | None = None


class Watch:
    """`held` are the steps that kept the loop for too long, in seconds."""

    def __init__(self, transport: Transport) -> None:
        self.begin(transport)

    def begin(self, transport: Transport) -> None:
        """Forget what was seen, and carry requests over this transport from the next engine on."""
        self.events: list[Event] = []
        self.asked: list[Asked[Any]] = []
        self.ended: list[Ended] = []
        self.held: list[float] = []
        self._transport = transport

    @hookimpl
    def feedmux_transport(self) -> Transport:
        return self._transport

    @hookimpl
    def feedmux_event(self, event: Event) -> None:
        self.events.append(event)

    @hookimpl(wrapper=True)
    def feedmux_fetch(self, asked: Asked[Any]) -> Generator[None, Any, Any]:
        self.asked.append(asked)
        return self._heard("feedmux_fetch", (yield))

    @hookimpl(wrapper=True)
    def feedmux_listing(self) -> Generator[None, Any, Any]:
        return self._heard("feedmux_listing", (yield))

    @hookimpl(wrapper=True)
    def feedmux_health(self) -> Generator[None, Any, Any]:
        return self._heard("feedmux_health", (yield))

    async def _heard(self, hook: str, work: Awaitable[Any]) -> Any:
        ended = Ended(hook)
        self.ended.append(ended)
        try:
            return await stepped(work, SystemClock.monotonic, self.held.append, LONGEST_STEP)
        except BaseException as error:
            ended.raised = error
            raise
