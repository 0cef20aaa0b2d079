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
LOWERED = 0.8
"""Share of what was used when it refused that an upstream is believed to allow from then on."""
GUESSED = 3600.0
"""Seconds of the longest window that is believed to be smaller on a refusal's word: a day's would be lost by a guess."""
FLOOR = 0.1
"""Share of a window of cost units below which it is never believed to be: what costs more would never go."""
QUIET = 10
"""Windows without such a refusal after which more is believed; twice as many each time that proves too much."""
LONGEST_QUIET = 320
GROWTH = 4
"""It is believed to allow a quarter more then, one unit at least."""
PACED = 7 * 86_400.0
"""Seconds from which on a window is paced: used up in its first days, it would be missed for weeks."""
DAY, HASTE = 86_400.0, 2.0
"""A day may take so many times what an even pace would of what is left."""
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
        "_quiet",
        "_raised",
        "_raises_at",
        "_upstream",
        "believed",
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
        self.believed = window.limit
        """What the upstream is believed to allow: the limit, or less since it refused at less."""
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
        self._quiet = QUIET
        self._raised = False
        self._raises_at = 0.0

    def free(self, now: float) -> int:
        """Units that may be taken now."""
        self._expire(now)
        return self._free if self.believed >= self.limit else min(self._free, self._believed_free)

    def _expire(self, now: float) -> None:
        ends = self._ends
        while ends and ends[0][0] <= now:
            self._free += int(ends.popleft()[1])
        if self._free > self.spare:
            self.share -= self._free - self.spare
            self._free = self.spare

    @property
    def _believed_free(self) -> int:
        """Units free of what the upstream is believed to allow; below 0 where more is in use."""
        return self.believed - self.elsewhere - (self.share - self._free)

    @property
    def known_free(self) -> int:
        """Units free when last looked at: at least these are free now."""
        return self._free if self.believed >= self.limit else min(self._free, self._believed_free)

    def used(self, now: float) -> int:
        """Units in use of this process's share."""
        self._expire(now)
        return self.share - self._free

    def explains(self, units: int, now: float) -> bool:
        """Whether a refusal of so many units is no surprise: without them all of it was in use, here or as was said."""
        if (self.used_upstream(now) or 0) >= self.limit:
            return True
        return self.used(now) + self.elsewhere - units >= self.believed

    def lower(self, units: int, now: float) -> bool:
        """The upstream refused so many units though there was room: it allows less than what is in use.

        False where that says nothing of this window: nothing else is in use, or it is too long for a guess.
        """
        before = self.used(now) + self.elsewhere - units
        least = max(units, int(self.limit * FLOOR)) if self.counts is Counts.COST else 1
        believed = max(least, int(before * LOWERED))
        if before < 1 or self.per > GUESSED or believed >= self.believed:
            return False
        if self.believed >= self.limit and now >= self._raises_at:
            self._quiet = QUIET
        elif self._raised:
            self._quiet = min(2 * self._quiet, LONGEST_QUIET)
        self.believed, self._raised, self._raises_at = believed, False, now + self._quiet * self.per
        return True

    def raised(self, now: float) -> bool:
        """Believe a bit more where it has been quiet for long enough; False where it has not, or nothing is lowered."""
        if self.believed >= self.limit or now < self._raises_at:
            return False
        self.believed = min(self.limit, self.believed + max(1, self.believed // GROWTH))
        self._raised, self._raises_at = True, now + self._quiet * self.per
        return True

    def resize(self, share: int) -> None:
        """From now on this many units may be occupied."""
        self._free += share - self.share
        self.share = share

    def occupied(self, now: float, wall: float) -> tuple[tuple[float, int], ...]:
        """What has ended and counts, as a holder tells the others: (until, units), on the wall clock."""
        self._expire(now)
        return tuple((round(until + wall - now, 2), int(units)) for until, units, _ in self._ends)

    @property
    def under_way(self) -> int:
        """Units whose attempts have not ended."""
        return self._held

    def room(self, now: float) -> int:
        """Units that could be had now, the share grown as far as it can."""
        self._expire(now)
        room = self.ceiling - self.share + self._free
        return room if self.believed >= self.limit else min(room, self._believed_free)

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
        excess = used - self.elsewhere - self.used(now)
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
        if self._free < units:
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
        if self.used(now) <= 0:
            return None
        return (self._ends[-1][0] - now) if self._ends and not self._held else self.per

    def left(self, now: float) -> float:
        """The share of the window that is free, 0 to 1."""
        whole = min(max(self.share, self.ceiling), self.believed)
        return max(0.0, self.room(now) / whole) if whole else 0.0

    def today(self, now: float) -> tuple[float, float] | None:
        """Units that a day may take, and of these what is left today; None where the window is not paced.

        A part of what is left, so that less is taken the more is gone: it never runs out at that pace.
        """
        if self.per < PACED:
            return None
        room, since, taken = self.room(now), now + self.per - DAY, self._held
        for until, units, _ in reversed(self._ends):
            if until <= since:
                break
            taken += int(units)
        may = max(1.0, (room + taken) * HASTE * DAY / self.per)
        return may, max(0.0, min(may - taken, room))

    def used_upstream(self, now: float) -> int | None:
        """What the upstream said it had counted, while that is still news."""
        if self._upstream is None or now - self._upstream[0] > self.per:
            return None
        return self._upstream[1]

    def state(self, now: float, wall: float) -> WindowState:
        """A snapshot to store; attempts still running count as ending now."""
        self._expire(now)
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
