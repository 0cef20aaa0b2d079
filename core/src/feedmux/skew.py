"""Skew: how far this machine's clock is off, as the Date headers of several upstreams have it, and a clock without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from statistics import median_low

import structlog

from feedmux.clock import Clock
from feedmux.reset import sent_at

EVERY = 60.0
"""Seconds between two looks at one upstream's Date: reading one costs more than all else in a reply's headers."""
NEWS = 3600.0
"""Seconds for which what an upstream said of the time is believed."""
AGREED = 30.0
"""Seconds within which the clocks of upstreams agree; a Date is whole seconds, and some of them run behind."""
LEAST, MOST = 30.0, 86_400.0
"""A clock is corrected from so many seconds on; what is said to be off by more than a day is no one's word."""
JUMPED = 5.0
"""Seconds of difference from when on the machine's wall clock was set meanwhile, or the machine slept."""
_log = structlog.get_logger("feedmux.skew")


class CorrectedClock:
    """The machine's clocks, the wall clock without its skew. What is measured or waited for never changes.

    Two upstreams at least have to say the same, and more than half of all that were heard: one alone is never
    believed, and no one that lies moves what the others say by more than they differ among themselves.
    """

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        """Uncorrected: for instants that are kept, or told to other processes of the same machine."""
        self.monotonic: Callable[[], float] = machine.monotonic
        self.sleep = machine.sleep
        self.offset = 0.0
        """Seconds that are added to the machine's wall clock; 0 where that is about right."""
        self._said: dict[str, tuple[float, float]] = {}
        """By upstream: seconds to add, and when it said so (monotonic)."""
        self._due: dict[str, float] = {}
        self._ahead = 0.0
        """Wall clock less monotonic, when the offset was worked out."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        wall = self.machine.now()
        if not self.offset:
            return wall
        if abs(wall.timestamp() - self.monotonic() - self._ahead) > JUMPED:
            self._forget()
            return wall
        return wall + timedelta(seconds=self.offset)

    def heard(self, origin: str, headers: Mapping[str, str], now: float) -> None:
        """A reply came at `now` (monotonic): its Date is looked at, each upstream's once a minute."""
        if now < self._due.get(origin, 0.0):
            return
        self._due[origin] = now + EVERY
        wall = self.machine.now()
        said = sent_at(headers, wall)
        if said is wall:
            return
        offset = (said - wall).total_seconds() + _cached_for(headers.get("age", ""))
        if abs(offset) <= MOST:
            self._said[origin] = (offset, now)
            self._believe(now, wall.timestamp() - now)

    def _believe(self, now: float, ahead: float) -> None:
        """Work the offset out from what was said lately, before the wall clock was set if it was."""
        if self.offset and abs(ahead - self._ahead) > JUMPED:
            self._forget()
            return
        said = [offset for offset, at in self._said.values() if now - at < NEWS]
        middle = median_low(said)
        agreeing = sum(abs(offset - middle) <= AGREED for offset in said)
        believed = agreeing >= 2 and agreeing * 2 > len(said) and abs(middle) >= LEAST
        before, self.offset, self._ahead = self.offset, middle if believed else 0.0, ahead
        if believed and not before:
            seconds = round(-middle)
            _log.warning("this machine's clock is off", seconds=seconds, said_by=len(said))

    def _forget(self) -> None:
        self.offset = 0.0
        self._said.clear()
        self._due.clear()


def _cached_for(age: str) -> float:
    """Seconds for which a reply was kept on its way: its Date is when it was made."""
    return float(age) if age.isascii() and age.isdecimal() and len(age) < 9 else 0.0
