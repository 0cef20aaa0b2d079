"""How late the event loop is: measured by waking up at set times, for as long as the server runs."""

from __future__ import annotations

from feedmux.clock import Clock
from feedmux_server.histogram import Histogram

EVERY = 0.5
"""Seconds between two measurements."""


class Lag:
    """By how much a wake-up came after its time, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.histogram = Histogram()

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            due = self._clock.monotonic() + EVERY
            await self._clock.sleep(EVERY)
            self.histogram.add(max(0.0, self._clock.monotonic() - due))
