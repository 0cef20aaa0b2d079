"""How an upstream counts what it is sent. Written apart from the engine's own counting, to judge it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from feedmux.limits import Counts, Window
from feedmux.simulate import counting


class Counting(Protocol):
    """One rule of an upstream. `capacity` is the most it would let through in so many seconds."""

    per: float
    used: int

    def allows(self, at: float, cost: int) -> bool:
        """Count a request that arrives now; False where it goes beyond what is allowed."""
        ...

    def capacity(self, seconds: float) -> float: ...


class _Capacity:
    window: Window

    @property
    def per(self) -> float:
        return self.window.per

    def capacity(self, seconds: float) -> float:
        return self.window.limit * seconds / self.window.per


class Fixed(_Capacity, counting.Fixed):
    """At most `limit` in each window of `per` seconds; the windows begin at `phase`, not when we think."""

    def __init__(self, limit: int, per: float, *, phase: float = 0.0, by_cost: bool = False) -> None:
        super().__init__(_window(limit, per, by_cost), phase)


class Sliding(_Capacity, counting.Sliding):
    """At most `limit` in any `per` seconds."""

    def __init__(self, limit: int, per: float, *, by_cost: bool = False) -> None:
        super().__init__(_window(limit, per, by_cost))


def _window(limit: int, per: float, by_cost: bool) -> Window:
    return Window(limit, per, Counts.COST if by_cost else Counts.REQUESTS)


class Spacing:
    """At least `per` seconds between two requests."""

    def __init__(self, per: float) -> None:
        self.per = per
        self._last = float("-inf")
        self.used = 0

    def allows(self, at: float, cost: int) -> bool:
        since, self._last = at - self._last, at
        self.used += 1
        return since >= self.per

    def capacity(self, seconds: float) -> float:
        return seconds / self.per


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
