"""A pool's quota: every window, the minimum interval and the concurrency, taken all at once or not at all."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from feedmux.limits import Counts, Limits, Window
from feedmux.window import SlidingWindow, WindowState

LATER = 600.0
"""Seconds after which background work looks again at a window whose day's part is taken."""
RESERVE = 0.2
"""Background work takes nothing that would leave less than this share of a window."""


class Ending(enum.Enum):
    """How a permit ended."""

    OK = "ok"
    FAULT = "fault"
    NEUTRAL = "neutral"


class Full(Struct, frozen=True):
    """Why no permit is to be had, and from when on one may be (monotonic seconds)."""

    reason: str
    until: float
    momentary: bool
    """True where only requests in flight or the minimum interval stand in the way, not a quota that is used up."""


class Permit:
    """Leave to send one request. Ends exactly once.

    `places` is 1 where it holds a place among the requests in flight and the minimum interval, 0 where another
    permit of the same try holds it.
    """

    __slots__ = ("_cost", "_places", "_quota", "ended")

    def __init__(self, quota: Quota, cost: int, places: int = 1) -> None:
        self._quota = quota
        self._cost = cost
        self._places = places
        self.ended: Ending | None = None

    def end(self, ending: Ending, now: float) -> None:
        """The attempt is over: its units stay occupied for their windows from now on."""
        self._close(ending)
        self._quota._release(self._cost, self._places, now)

    def refund(self, now: float) -> None:
        """Surely nothing was sent: as if it had never been taken."""
        self._close(Ending.NEUTRAL)
        self._quota._refund(self._cost, self._places)

    def _close(self, ending: Ending) -> None:
        if self.ended is not None:
            raise RuntimeError("a permit ends once")
        self.ended = ending


class Quota:
    """What a pool may still send. `shares` are the leased units of each window, the whole of it by default."""

    __slots__ = (
        "_interval",
        "concurrency",
        "in_flight",
        "min_interval",
        "name",
        "slack",
        "waiting",
        "windows",
        "writing",
    )

    def __init__(self, name: str, limits: Limits, shares: Sequence[int] | None = None) -> None:
        self.name = name
        granted: Sequence[int | None] = shares if shares is not None else [None] * len(limits.windows)
        self.windows = [
            SlidingWindow(window, share) for window, share in zip(limits.windows, granted, strict=True)
        ]
        self._interval = SlidingWindow(Window(1, limits.min_interval)) if limits.min_interval else None
        self.min_interval = limits.min_interval
        self.concurrency = limits.concurrency
        self.in_flight = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        """Who waits for a request in flight to end, first come first served: see `admit`."""
        self.writing = asyncio.Lock()
        """Held while its state is written to the store."""
        self.slack = 0
        """Requests of cost 1 that surely may go now: a lower bound that needs no clock to read."""
        self._measure()

    def room(self, cost: int, now: float) -> Full | None:
        """What stands in the way of a request of that cost, or None."""
        if self.in_flight >= self.concurrency:
            return Full(f"{self.in_flight} requests in flight", now, momentary=True)
        if self._interval is not None and self._interval.free(now) < 1:
            return Full("minimum interval", self._interval.opens(1, now), momentary=True)
        return self._full_window(cost, now)

    def _full_window(self, cost: int, now: float) -> Full | None:
        """Of the windows without room for that cost the last to open."""
        full: Full | None = None
        for window in self.windows:
            units = _units(window, cost)
            if window.free(now) < units and not (window.raised(now) and window.free(now) >= units):
                until = window.opens(units, now)
                if full is None or until > full.until:
                    full = Full(_described(window), until, momentary=False)
        return full

    def take(self, cost: int, now: float) -> Permit | Full:
        """A permit, or what stands in its way."""
        full = self.room(cost, now)
        return full if full is not None else self._granted(cost)

    def _granted(self, cost: int, places: int = 1) -> Permit:
        self.in_flight += places
        if self._interval is not None:
            self._interval.take(places)
        for window in self.windows:
            window.take(_units(window, cost))
        self._measure()
        return Permit(self, cost, places)

    def take_further(self, cost: int, now: float) -> Permit | Full:
        """A permit for one more request of a try under way.

        The try already holds its place among those in flight and in the minimum interval: it leaves `min_interval`
        between its own requests itself.
        """
        full = self._full_window(cost, now)
        return full if full is not None else self._granted(cost, places=0)

    def take_spare(self, cost: int, now: float) -> Permit | Full:
        """A permit for background work: only while more than a fifth of every window, and of a day's part, is left."""
        for window in self.windows:
            if window.left(now) <= RESERVE:
                return Full("kept for questions", window.opens(int(window.share * RESERVE) + 1, now), False)
        if self.paced(now) <= RESERVE:
            return Full("kept for the days to come", now + LATER, False)
        return self.take(cost, now)

    def _release(self, cost: int, places: int, now: float) -> None:
        self.in_flight -= places
        if self._interval is not None and places:
            self._interval.release(places, now)
        for window in self.windows:
            window.release(_units(window, cost), now)
        self._measure()
        self.admit()

    def _refund(self, cost: int, places: int) -> None:
        self.in_flight -= places
        if self._interval is not None:
            self._interval.refund(places)
        for window in self.windows:
            window.refund(_units(window, cost))
        self._measure()
        self.admit()

    def admit(self) -> None:
        """Wake the first who waits, where one more request may be in flight; who is woken passes it on."""
        while self.waiting and self.in_flight < self.concurrency:
            first = self.waiting.popleft()
            if not first.done():
                first.set_result(None)
                return

    def refused(self, cost: int, wait: float, now: float) -> str:
        """The upstream refused a request of that cost for so many seconds, 0 where it did not say for how long.

        Where our own count says that there was room, a window is believed to be smaller: the shortest that could
        last so long, of those in which others went before. Says which, empty where none is.
        """
        if any(window.explains(_units(window, cost), now) for window in self.windows):
            return ""
        for window in sorted(self.windows, key=lambda one: (one.per < wait, abs(one.per - wait))):
            if window.lower(_units(window, cost), now):
                self._measure()
                return _described(window)
        return ""

    def correct(self, per: float, counts: Counts, used: int, now: float) -> None:
        """The upstream said how much it has counted in the window of that length."""
        for window in self.windows:
            if window.per == per and window.counts is counts:
                window.correct(used, now)
        self._measure()

    def state(self, now: float, wall: float) -> tuple[WindowState, ...]:
        """What is occupied of the windows and of the minimum interval, to be stored."""
        return tuple(window.state(now, wall) for window in self._counted())

    def restore(self, states: Sequence[WindowState], now: float, wall: float) -> None:
        """Occupy what was stored, of the windows that are still declared as they were."""
        stored = {(state.limit, state.per, state.counts): state for state in states}
        for window in self._counted():
            if state := stored.get((window.limit, window.per, window.counts)):
                window.restore(state, now, wall)
        self._measure()

    def declared_by(self, limits: Limits) -> bool:
        """Whether these limits are what it counts by."""
        mine = [(window.limit, window.per, window.counts) for window in self.windows]
        return (mine, self.min_interval, self.concurrency) == (
            [(window.limit, window.per, window.counts) for window in limits.windows],
            limits.min_interval,
            limits.concurrency,
        )

    def inherit(self, before: Quota, now: float) -> None:
        """Occupy what the same pool sent while it was declared otherwise: no quota starts over.

        Each window goes by the shortest one that remembers as far back as itself, of those that count alike where
        there are any. What is older than all of them remember is not known any more.
        """
        for window in self.windows:
            alike = [one for one in before.windows if one.counts is window.counts] or before.windows
            remembers = [one for one in alike if one.per >= window.per]
            if alike:
                shortest = min(remembers, key=lambda one: one.per) if remembers else None
                window.inherit(shortest or max(alike, key=lambda one: one.per), now)
        if self._interval is not None:
            self._interval.take(1)
            self._interval.release(1, now)
        self._measure()

    def shared(self) -> dict[str, SlidingWindow]:
        """The windows that are shared with other processes, by what they count: every one and the minimum interval."""
        named = {f"{one.limit}/{one.per:g}/{one.counts.value}": one for one in self.windows}
        if self._interval is not None:
            named[f"interval/{self.min_interval:g}"] = self._interval
        return named

    def share_out(self) -> None:
        """Its windows' shares have changed."""
        self._measure()

    def _counted(self) -> list[SlidingWindow]:
        return self.windows if self._interval is None else [*self.windows, self._interval]

    def _measure(self) -> None:
        slack = self.concurrency - self.in_flight
        if self._interval is not None:
            slack = min(slack, self._interval.known_free)
        for window in self.windows:
            slack = min(slack, window.known_free)
        self.slack = slack

    def left(self, now: float) -> float:
        """The smallest share left of any window, 0 to 1; 1 where there is none."""
        return min((window.left(now) for window in self.windows), default=1.0)

    def paced(self, now: float) -> float:
        """As `left`, a month's budget spread over its days: of a long window a day's part counts as well."""
        share = self.left(now)
        for window in self.windows:
            if (today := window.today(now)) is not None:
                may, left = today
                share = min(share, left / may)
        return share


def _units(window: SlidingWindow, cost: int) -> int:
    return cost if window.counts is Counts.COST else 1


def _described(window: SlidingWindow) -> str:
    what = "cost units" if window.counts is Counts.COST else "requests"
    if window.believed < window.limit:
        return (
            f"{window.believed} {what} in {window.per:g} s used, of {window.limit} declared: "
            "it refused at fewer than that"
        )
    return f"{window.limit} {what} in {window.per:g} s used"
