"""Time and chance: the one place where either comes from."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

Random = random.Random
"""A seeded generator, as `Chance` hands it out."""


class Clock(Protocol):
    """Two clocks and a wait. Intervals are measured on `monotonic`, instants are read from `now`."""

    def monotonic(self) -> float:
        """Seconds on a clock that only goes forward, from an arbitrary zero."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the same clock that `monotonic` reads."""
        ...


class SystemClock:
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LoopClock:
    """The running event loop's time, with a wall clock that starts at `start` when the loop reads 0."""

    def __init__(self, start: datetime) -> None:
        self._start = start

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Chance:
    """Seeded generators by name, so that one more draw in one place moves nothing elsewhere."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = random.SystemRandom().getrandbits(64) if seed is None else seed

    def generator(self, name: str) -> random.Random:
        """The generator of that name: the same seed and name give the same draws."""
        return random.Random(f"{self.seed}/{name}")


def from_unix(seconds: float | str) -> datetime:
    """Aware UTC from Unix seconds; raises ValueError for what no upstream can mean."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"not a Unix time in seconds: {str(seconds)[:40]}") from error


def from_unix_ms(milliseconds: int) -> datetime:
    """Aware UTC from Unix milliseconds; raises ValueError for what no upstream can mean."""
    return from_unix(milliseconds / 1000)
