"""How an upstream counts what it is sent. Written apart from the engine's own counting, to judge it."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Protocol


class Counting(Protocol):
    """One rule of an upstream. `capacity` is the most it would let through in so many seconds."""

    per: float

    def count(self, at: float, cost: int) -> bool:
        """Count a request that arrives now; False where it goes beyond what is allowed."""
        ...

    def capacity(self, seconds: float) -> float: ...

    def used(self) -> int: ...


class Fixed:
    """At most `limit` in each window of `per` seconds; the windows begin at `phase`, not when we think."""

    def __init__(self, limit: int, per: float, *, phase: float = 0.0, by_cost: bool = False) -> None:
        self.limit, self.per, self.phase, self.by_cost = limit, per, phase, by_cost
        self._window = -1
        self._in_window = 0
        self._used = 0

    def count(self, at: float, cost: int) -> bool:
        window = int((at - self.phase) // self.per)
        if window != self._window:
            self._window, self._in_window = window, 0
        units = cost if self.by_cost else 1
        self._in_window += units
        self._used += units
        return self._in_window <= self.limit

    def capacity(self, seconds: float) -> float:
        return self.limit * seconds / self.per

    def used(self) -> int:
        return self._used


class Sliding:
    """At most `limit` in any `per` seconds."""

    def __init__(self, limit: int, per: float, *, by_cost: bool = False) -> None:
        self.limit, self.per, self.by_cost = limit, per, by_cost
        self._seen: deque[tuple[float, int]] = deque()
        self._inside = 0
        self._used = 0

    def count(self, at: float, cost: int) -> bool:
        while self._seen and self._seen[0][0] <= at - self.per:
            self._inside -= self._seen.popleft()[1]
        units = cost if self.by_cost else 1
        self._seen.append((at, units))
        self._inside += units
        self._used += units
        return self._inside <= self.limit

    def capacity(self, seconds: float) -> float:
        return self.limit * seconds / self.per

    def used(self) -> int:
        return self._used


class Spacing:
    """At least `per` seconds between two requests."""

    def __init__(self, per: float) -> None:
        self.per = per
        self._last = float("-inf")
        self._used = 0

    def count(self, at: float, cost: int) -> bool:
        since, self._last = at - self._last, at
        self._used += 1
        return since >= self.per

    def capacity(self, seconds: float) -> float:
        return seconds / self.per

    def used(self) -> int:
        return self._used


def most_within(counted: Sequence[tuple[float, int]], per: float) -> int:
    """The most units that any window [t, t + per) holds, whatever its phase: brute force over its possible begins.

    A fixed window of any phase and a sliding one are both such a window, and the fullest can begin at a request.
    """
    ordered = sorted(counted)
    times = [at for at, _ in ordered]
    sums = [0]
    for _, units in ordered:
        sums.append(sums[-1] + units)
    most = 0
    for first, at in enumerate(times):
        last = bisect_right(times, at + per)
        while last > first and times[last - 1] >= at + per:
            last -= 1
        most = max(most, sums[last] - sums[first])
    return most
