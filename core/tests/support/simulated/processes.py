"""Processes that share a store, as their windows see it: clocks that differ, pauses, requests as fast as they may."""

from __future__ import annotations

from datetime import timedelta

from feedmux import Limits, Quotes, Terms, virtual
from feedmux.quota import Ending, Full, Quota
from feedmux.sharing import Sharing
from feedmux.store import Guarded


class Skewed:
    """A clock whose wall is off by some seconds."""

    def __init__(self, skew):
        self._clock = virtual.virtual_clock()
        self._skew = timedelta(seconds=skew)

    def monotonic(self):
        return self._clock.monotonic()

    def now(self):
        return self._clock.now() + self._skew

    async def sleep(self, seconds):
        await self._clock.sleep(seconds)


class Process:
    """One process on a store: it sends as fast as it may until it is killed, and stands still while it is paused."""

    def __init__(self, store, name, windows, chance, sent, skew=1.5):
        self.clock = Skewed(chance.uniform(-skew, skew))
        limits = Limits(weight=1, windows=windows, serves={Quotes: Terms(ttl=1)})
        self.quota = Quota("pool", limits, [0] * len(windows))
        self.store = store
        self.sharing = Sharing(name, Guarded(store), self.clock, lambda: {"pool": self.quota})
        self._chance = chance
        self._sent = sent
        self._flying = []
        self.paused_until = 0.0
        self._next = 0.0

    async def step(self, rate):
        """A twentieth of a second."""
        now = self.clock.monotonic()
        if now < self.paused_until:
            return
        if self._next <= now or self.sharing._low():
            self._next = now + 1.0
            await self.sharing.renew()
        for ends, permit in [one for one in self._flying if one[0] <= now]:
            self._flying.remove((ends, permit))
            permit.end(Ending.OK, now)
        while self._chance.random() < rate:
            permit = self.quota.take(1, now)
            if isinstance(permit, Full):
                break
            self._sent.append(now)
            self._flying.append((now + self._chance.uniform(0.0, 0.5), permit))

    async def kill(self):
        await self.store.aclose()


def most(sent, per):
    """The most that was sent within any stretch of that length."""
    first = best = 0
    for last, at in enumerate(sent):
        while sent[first] <= at - per:
            first += 1
        best = max(best, last - first + 1)
    return best
