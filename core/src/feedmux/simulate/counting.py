"""How a modelled upstream counts what it is sent: its own clock, its own windows. Apart from the engine's, to judge it."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from feedmux.limits import Counts, Window


class Rule(Protocol):
    """One window as the upstream counts it."""

    window: Window
    used: int
    """Units counted so far, those of refused requests too."""

    def allows(self, at: float, cost: int) -> bool:
        """Count a request that arrives at that time; False where it is one too many."""
        ...


class Fixed:
    """At most so many in each window; the windows begin at `phase`, not when we think."""

    def __init__(self, window: Window, phase: float) -> None:
        self.window = window
        self._phase = phase
        self._current = -1
        self._inside = 0
        self.used = 0

    def allows(self, at: float, cost: int) -> bool:
        current = int((at - self._phase) // self.window.per)
        if current != self._current:
            self._current, self._inside = current, 0
        units = _units(self.window, cost)
        self._inside += units
        self.used += units
        return self._inside <= self.window.limit


class Sliding:
    """At most so many in any stretch of its length."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._seen: deque[tuple[float, int]] = deque()
        self._inside = 0
        self.used = 0

    def allows(self, at: float, cost: int) -> bool:
        while self._seen and self._seen[0][0] <= at - self.window.per:
            self._inside -= self._seen.popleft()[1]
        units = _units(self.window, cost)
        self._seen.append((at, units))
        self._inside += units
        self.used += units
        return self._inside <= self.window.limit


def _units(window: Window, cost: int) -> int:
    return cost if window.counts is Counts.COST else 1
