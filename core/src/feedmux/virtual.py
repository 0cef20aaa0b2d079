"""A virtual-time event loop: asyncio code runs unchanged, and waiting costs nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from feedmux.clock import LoopClock

T = TypeVar("T")
START = datetime(2026, 1, 1, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: the loop would wait for ever."""


class _Jump(selectors.SelectSelector):
    """Moves the loop's time instead of waiting."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        if timeout > 0:
            self._loop.virtual_now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` jumps to the next timer whenever nothing is ready."""

    def __init__(self) -> None:
        self.virtual_now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.virtual_now


def virtual_clock(start: datetime = START) -> LoopClock:
    """A clock on the running loop's time whose wall clock reads `start` at its zero."""
    return LoopClock(start)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time, from 0 seconds."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
