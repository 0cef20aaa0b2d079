"""A quota window: a strict sliding count, safe whether the upstream counts in fixed or in sliding windows.

A unit occupies its window from taking until `per` after its attempt ended, since nobody knows when in between the
upstream counted it.
"""

from __future__ import annotations

import math
from collections import deque

from msgspec import Struct

from feedmux.limits import Counts, Window

SOON = 0.1
"""Seconds in which a share surely is renewed that lacks what the window has."""
GRAIN = 1000
"""Ends within `per` / GRAIN of each other are kept as one, at the later time: memory stays bounded, never unsafe."""


class WindowState(Struct, frozen=True):
    """What of a window is occupied: (until, units), on the wall clock in Unix seconds. Fit to be stored."""

    limit: int
    per: float
    counts: Counts
    occupied: tuple[tuple[float, int], ...]


class SlidingWindow:
    """The units of one window that this process may occupy. Times are monotonic seconds, given by the caller."""

    __slots__ = (
        "_ends",
        "_free",
        "_held",
        "_upstream",
        "ceiling",
        "counts",
        "elsewhere",
        "limit",
        "per",
        "share",
        "spare",
        "wants",
    )

    def __init__(self, window: Window, share: int | None = None) -> None:
        self.limit = window.limit
        self.per = window.per
        self.counts = window.counts
        self.share = window.limit if share is None else share
        self.ceiling = self.share
        """What the share could grow to when it was last renewed: the window without the others' shares."""
        self.elsewhere = 0
        """Units that others have surely sent."""
        self.wants = 0
        """The most that was asked for and that the share lacked, since it was last renewed."""
        self.spare = self.limit
        """The most that may be free: what is freed beyond that is given up, for others who wait for it."""
        self._free = self.share
        self._held = 0
        self._ends: deque[list[float]] = deque()  # [until, units, first until], oldest first
        self._upstream: tuple[float, int] | None = None  # when the upstream last said how much it counted

    def free(self, now: float) -> int:
        """Units that may be taken now."""
        ends = self._ends
        while ends and ends[0][0] <= now:
            self._free += int(ends.popleft()[1])
        if self._free > self.spare:
            self.share -= self._free - self.spare
            self._free = self.spare
        return self._free

    @property
    def known_free(self) -> int:
        """Units free when last looked at: at least these are free now."""
        return self._free

    def resize(self, share: int) -> None:
        """From now on this many units may be occupied."""
        self._free += share - self.share
        self.share = share

    def occupied(self, now: float, wall: float) -> tuple[tuple[float, int], ...]:
        """What has ended and counts, as a holder tells the others: (until, units), on the wall clock."""
        self.free(now)
        return tuple((round(until + wall - now, 2), int(units)) for until, units, _ in self._ends)

    @property
    def under_way(self) -> int:
        """Units whose attempts have not ended."""
        return self._held

    def room(self, now: float) -> int:
        """Units that could be had now, the share grown as far as it can."""
        return self.ceiling - self.share + self.free(now)

    def take(self, units: int) -> None:
        """Occupy units that `free` has just shown."""
        self._free -= units
        self._held += units

    def release(self, units: int, now: float) -> None:
        """Their attempt ended: they are free again `per` from now."""
        self._held -= units
        self._occupy(units, now + self.per)

    def refund(self, units: int) -> None:
        """Surely nothing was sent: they are free at once."""
        self._held -= units
        self._free += units

    def correct(self, used: int, now: float) -> None:
        """The upstream counts `used` units in its window: where that is more than we know of, believe it."""
        self._upstream = (now, used)
        excess = used - self.elsewhere - (self.share - self.free(now))
        if excess > 0:
            self._free -= excess
            self._occupy(excess, now + self.per)

    def _occupy(self, units: int, until: float) -> None:
        last = self._ends[-1] if self._ends else None
        if last is not None and until < last[0]:
            until = last[0]
        if last is not None and until - last[2] < self.per / GRAIN:
            last[0], last[1] = until, last[1] + units
        else:
            self._ends.append([until, units, until])

    def opens(self, units: int, now: float) -> float:
        """When so many units will be free, attempts still running taken to end now."""
        missing = units - self.free(now)
        if missing <= 0:
            return now
        self.wants = max(self.wants, units)
        if units <= self.room(now):
            return now + SOON
        for until, ending, _ in self._ends:
            missing -= int(ending)
            if missing <= 0:
                return until
        return now + self.per if units <= max(self.share, self.ceiling, self.elsewhere) else math.inf

    def resets(self, now: float) -> float | None:
        """Seconds until all of it is free again, were nothing more sent; None where it is unused."""
        if self.free(now) >= self.share:
            return None
        return (self._ends[-1][0] - now) if self._ends and not self._held else self.per

    def left(self, now: float) -> float:
        """The share of the window that is free, 0 to 1."""
        whole = max(self.share, self.ceiling)
        return max(0.0, self.room(now) / whole) if whole else 0.0

    def used_upstream(self, now: float) -> int | None:
        """What the upstream said it had counted, while that is still news."""
        if self._upstream is None or now - self._upstream[0] > self.per:
            return None
        return self._upstream[1]

    def state(self, now: float, wall: float) -> WindowState:
        """A snapshot to store; attempts still running count as ending now."""
        self.free(now)
        shift = wall - now
        occupied = [(until + shift, int(units)) for until, units, _ in self._ends]
        if self._held:
            occupied.append((wall + self.per, self._held))
        return WindowState(self.limit, self.per, self.counts, tuple(occupied))

    def inherit(self, before: SlidingWindow, now: float) -> None:
        """Occupy what was sent while the window was declared otherwise; what is still under way as if it just ended."""
        for until, units, _ in before._ends:
            if (freed := until - before.per + self.per) > now:
                self._free -= int(units)
                self._occupy(int(units), freed)
        if before._held:
            self._free -= before._held
            self._occupy(before._held, now + self.per)

    def restore(self, state: WindowState, now: float, wall: float) -> None:
        """Occupy what a stored snapshot says is still occupied, never for longer than `per` from now."""
        shift = now - wall
        for until, units in sorted(state.occupied):
            if until > wall:
                self._free -= units
                self._occupy(units, min(until + shift, now + self.per))
