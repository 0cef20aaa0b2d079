"""A pace: how fast we speak where nobody else counts. Requests have quotas; the messages of a stream have this."""

from __future__ import annotations

from collections import deque

from feedmux.breaker import FIRST_PAUSE, LONGEST_PAUSE
from feedmux.clock import Clock, Random

DOUBLINGS = 10
"""Failures in a row after which a pause grows no more."""
SAFETY = 1.1
"""The span is taken this much longer: what left us evenly may arrive bunched."""


class Pace:
    """At most `limit` in any `per` seconds; who comes too early waits for a turn."""

    def __init__(self, limit: int, per: float, clock: Clock) -> None:
        self._clock = clock
        self._span = per * SAFETY
        self._taken: deque[float] = deque(maxlen=max(1, limit))

    async def turn(self) -> None:
        """Wait until one more may go, and count it."""
        while (wait := self._wait()) > 0:
            await self._clock.sleep(wait)
        self._taken.append(self._clock.monotonic())

    def _wait(self) -> float:
        if len(self._taken) < (self._taken.maxlen or 1):
            return 0.0
        return self._taken[0] + self._span - self._clock.monotonic()


def pause(failures: int, chance: Random) -> float:
    """Seconds to wait after so many failures in a row beyond the first: full jitter, twice as long each time."""
    return chance.uniform(0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, DOUBLINGS)))
