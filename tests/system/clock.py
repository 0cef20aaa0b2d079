"""Real time, and as much more as a test adds to it: sockets stay real while minutes pass at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from feedmux.clock import SystemClock

_REAL = SystemClock()
SLACK = 0.25
"""Real seconds that a busy machine may add to what is measured."""


class ShiftedClock:
    """The machine's clocks plus an offset. Whoever sleeps wakes as soon as the time has come on this clock."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._moved = asyncio.Event()

    def monotonic(self) -> float:
        return _REAL.monotonic() + self._offset

    def now(self) -> datetime:
        return _REAL.now() + timedelta(seconds=self._offset)

    async def sleep(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        await _REAL.sleep(0)
        while (left := due - self.monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._moved.wait()
            except TimeoutError:
                pass

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._offset += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Poll until it holds; raises AssertionError where it does not within so many real seconds."""
    due = _REAL.monotonic() + seconds
    while not condition():
        if _REAL.monotonic() > due:
            raise AssertionError(f"it did not come to hold within {seconds:g} s")
        await _REAL.sleep(0.005)


def elapsed_since(began: float) -> float:
    """Real seconds since `began`."""
    return _REAL.monotonic() - began


def real_now() -> float:
    """The machine's monotonic seconds."""
    return _REAL.monotonic()
