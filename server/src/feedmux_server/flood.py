"""A flood of equal warnings is a few of them and one line that says how many more there were."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

import structlog
from msgspec import Struct
from structlog.typing import EventDict

from feedmux.clock import Clock

MOST = 10
"""Times that one message is written within a window."""
WINDOW = 60.0
KEYS = 1000
"""Messages that are counted at once."""
NAMES = ("plugin", "provider", "member", "observer", "hook", "client", "task", "reason", "error")
"""Beside its words, what makes a message another one; an exception's class does, too."""
MORE = "said more often"
LIMITED = ("warning", "error", "critical", "exception")
_LONGEST = 120
Key = tuple[str, ...]


class Count(Struct):
    """How often a message was said, since `began` in monotonic seconds."""

    began: float
    times: int = 0


class Flood:
    """Counts warnings and errors. What is logged of each request is no flood: that a client's limit bounds."""

    def __init__(self, clock: Clock, tell: Callable[[str, int], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._counts: dict[Key, Count] = {}

    def admits(self, key: Key) -> bool:
        """Whether the message is to be written now."""
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = Count(self._clock.monotonic())
        count.times += 1
        return count.times <= MOST

    def look(self) -> None:
        """Tell what was held back in windows that are over; the oldest counts give way to new ones."""
        now = self._clock.monotonic()
        while (oldest := self._oldest()) is not None:
            key, count = oldest
            if now < count.began + WINDOW and len(self._counts) <= KEYS:
                return
            self._told(key)

    def end(self) -> None:
        """Tell of every message that was held back."""
        for key in [*self._counts]:
            self._told(key)

    def _oldest(self) -> tuple[Key, Count] | None:
        """None where there is none, or another thread counts at this very moment: a later look finds it."""
        with suppress(RuntimeError):
            return next(iter(self._counts.items()), None)
        return None

    def _told(self, key: Key) -> None:
        count = self._counts.pop(key, None)
        if count is not None and count.times > MOST:
            self._tell(": ".join(filter(None, key[1:])), count.times - MOST)

    # as a processor of structlog, and as a filter of logging

    def __call__(self, _: object, method: str, event: EventDict) -> EventDict:
        """Pass an entry on, or raise DropEvent."""
        if event.get("event") != MORE:
            self.look()
            if method in LIMITED and not self.admits(_key(method, event)):
                raise structlog.DropEvent
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether what a library logs is written; one message is one template."""
        self.look()
        return record.levelno < logging.WARNING or self.admits(
            (record.levelname, record.name, str(record.msg)[:_LONGEST])
        )


def _key(method: str, event: EventDict) -> Key:
    error = event.get("exc_info")
    named = [str(event[name])[:_LONGEST] for name in NAMES if name in event]
    return (method, str(event.get("event"))[:_LONGEST], *named, type(error).__name__ if error else "")
