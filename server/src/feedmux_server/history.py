"""The last day of each provider, half an hour at a time: how many of its calls ended well, and how many badly."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from feedmux.clock import Clock
from feedmux.event import Event, Result, Tried

STEP = 1800.0
"""Seconds in one period."""
STEPS = 48
"""Periods that are kept."""
WELL = frozenset((Result.ANSWERED, Result.PARTIAL))
BADLY = frozenset((Result.REFUSED, Result.UNAUTHORIZED, Result.DOWN, Result.TIMEOUT, Result.GARBAGE))
"""What the provider answers for; anything else (our own mistake, a caller who left) counts as neither."""


class Period(Struct, frozen=True):
    """Half an hour from `at` on in which a provider was called."""

    at: datetime
    well: int
    badly: int


class History:
    """Counts by provider and period, from events alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[str, dict[int, tuple[int, int]]] = {}

    def observe(self, event: Event) -> None:
        """Count a call: in the way of every question, so as little as can be."""
        if not isinstance(event, Tried) or event.result not in WELL | BADLY:
            return
        periods, number = self._counts.setdefault(event.provider, {}), int(event.at // STEP)
        well, badly = periods.get(number, (0, 0))
        good = event.result in WELL
        periods[number] = (well + good, badly + (not good))
        if len(periods) > STEPS:
            del periods[min(periods)]

    def periods(self) -> dict[str, list[Period]]:
        """Those of the last day, oldest first; a provider that was not called has none."""
        now, wall = self._clock.monotonic(), self._clock.now()
        oldest = int(now // STEP) - STEPS
        return {
            provider: [
                Period(wall - timedelta(seconds=now - number * STEP), well, badly)
                for number, (well, badly) in sorted(periods.items())
                if number > oldest
            ]
            for provider, periods in self._counts.items()
        }
