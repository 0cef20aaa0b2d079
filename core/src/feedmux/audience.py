"""The audience: extensions that observe events, told beside the questions and never in their way."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from feedmux.event import Event
from feedmux.registry import Registry

WAITING = 10_000
"""Events kept for observers that are slow; older ones are dropped."""
_log = structlog.get_logger("feedmux.audience")


class Audience:
    """Hands events to observers. What one raises is logged, once for each kind, and silences nobody."""

    def __init__(self, registry: Registry) -> None:
        self._observers = registry.observers()
        self._waiting: deque[Event] = deque(maxlen=WAITING)
        self._told = asyncio.Event()
        self._raised: set[tuple[str, type]] = set()

    @property
    def listens(self) -> bool:
        """Whether anybody does."""
        return bool(self._observers)

    def hear(self, event: Event) -> None:
        """Keep an event for the observers; costs the caller next to nothing."""
        if self._observers:
            self._waiting.append(event)
            self._told.set()

    async def attend(self) -> None:
        """Tell the observers, for as long as the engine runs."""
        while True:
            await self._told.wait()
            self._told.clear()
            while self._waiting:
                self._tell(self._waiting.popleft())

    def _tell(self, event: Event) -> None:
        for name, tell in self._observers:
            try:
                tell(event=event)
            except Exception as error:  # noqa: BLE001 - the plugin boundary
                if (name, type(error)) not in self._raised:
                    self._raised.add((name, type(error)))
                    _log.warning("an observer raised", observer=name, exc_info=error)
