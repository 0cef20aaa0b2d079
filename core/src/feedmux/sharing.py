"""Sharing: keeps this process's shares of all windows renewed, beside the questions, which never wait for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from feedmux.clock import Clock
from feedmux.leases import Claim, reserve
from feedmux.quota import Quota
from feedmux.store import Store
from feedmux.window import SlidingWindow

EVERY = 1.0
"""Seconds between two renewals."""
LOOK = 0.05
"""Seconds between two looks at whether a share runs low and is renewed before its time."""


class _Hunger(Struct, frozen=True):
    """What a share lacks: units, since when (Unix seconds), and when it was last asked for (monotonic)."""

    units: int
    since: float
    last: float


class Sharing:
    """This process's shares. `quotas` gives the quotas as they are now."""

    def __init__(
        self, holder: str, store: Store, clock: Clock, quotas: Callable[[], Mapping[str, Quota]]
    ) -> None:
        self._holder = holder
        self._store = store
        self._clock = clock
        self._quotas = quotas
        self._due = -math.inf
        self._last: dict[str, SlidingWindow] = {}
        self._granted: dict[str, int] = {}
        self._hunger: dict[str, _Hunger] = {}

    async def run(self) -> None:
        """Renew for as long as the engine is open."""
        while True:
            await self._clock.sleep(LOOK)
            if self._clock.monotonic() >= self._due or self._low():
                await self.renew()

    def _low(self) -> bool:
        """Whether a share lacks something, half of its reserve is spent and it could grow, or some of it was given up."""
        now = self._clock.monotonic()
        for name, (_, window) in self._windows().items():
            free = window.free(now)
            if window.wants or name in self._hunger or window.share < self._granted.get(name, 0):
                return True
            if free * 2 < min(window.spare, reserve(window.limit, window.per)) <= window.room(now):
                return True
        return False

    async def renew(self) -> None:
        """Give up what is not needed, then have the rest granted; where that fails everything stays as it is."""
        now, wall = self._clock.monotonic(), self._clock.now().timestamp()
        self._due = now + EVERY
        windows = self._windows()
        for name, (quota, window) in windows.items():
            if self._last.get(name) is not window:
                window.resize(0)
            if window.spare < window.limit:
                window.spare = min(window.spare, reserve(window.limit, window.per))
            window.free(now)
            quota.share_out()
        self._last = {name: window for name, (_, window) in windows.items()}
        claims = [
            self._hungry(_claim(name, window, now, wall), now, wall) for name, window in self._last.items()
        ]
        grants = await self._store.renew(self._holder, wall, claims, final=False)
        if len(grants) < len(claims):
            for window in self._last.values():
                window.spare = window.limit  # what is given up is of use to nobody now
        for claim, grant in zip(claims, grants, strict=False):
            quota, window = windows[claim.window]
            window.resize(grant.units)
            window.ceiling, window.elsewhere, window.spare = grant.ceiling, grant.elsewhere, grant.spare
            self._granted[claim.window] = grant.units
            quota.share_out()

    def _hungry(self, claim: Claim, now: float, wall: float) -> Claim:
        """The claim with what it lacks: since when, until it has it or has not asked for it for a while."""
        window, hunger = self._last[claim.window], self._hunger.pop(claim.window, None)
        if window.wants:
            hunger = _Hunger(window.wants, hunger.since if hunger else wall, now)
        window.wants = 0
        if hunger is None or window.free(now) >= hunger.units or now - hunger.last > EVERY:
            return claim
        self._hunger[claim.window] = hunger
        return msgspec.structs.replace(claim, wants=hunger.units, since=hunger.since)

    async def end(self) -> None:
        """Say for good what was sent: nothing is sent any more."""
        now, wall = self._clock.monotonic(), self._clock.now().timestamp()
        claims = [_claim(name, window, now, wall) for name, (_, window) in self._windows().items()]
        ended = [_ended(claim, wall) for claim in claims]
        await self._store.renew(self._holder, wall, ended, final=True)

    def _windows(self) -> dict[str, tuple[Quota, SlidingWindow]]:
        return {
            f"{pool}/{name}": (quota, window)
            for pool, quota in self._quotas().items()
            for name, window in quota.shared().items()
        }


def _claim(name: str, window: SlidingWindow, now: float, wall: float) -> Claim:
    occupied = window.occupied(now, wall)
    return Claim(name, window.limit, window.per, occupied, window.under_way, window.share)


def _ended(claim: Claim, wall: float) -> Claim:
    """What is under way counts as ending now."""
    occupied = (*claim.occupied, (wall + claim.per, claim.under_way))
    return msgspec.structs.replace(claim, occupied=occupied, under_way=0)
