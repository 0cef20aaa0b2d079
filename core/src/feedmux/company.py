"""The company: all that share this engine's store, what they learn of one another, and what outlives them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Any

import structlog

from feedmux import durable
from feedmux.breaker import BreakerState
from feedmux.broadcast import Broadcast, Feeds
from feedmux.cache import Cache
from feedmux.concert import Concert
from feedmux.fleet import Fleet
from feedmux.kept import KeptAnswers
from feedmux.lead import Leads
from feedmux.orders import Act, Order, Orders
from feedmux.query import Query
from feedmux.relay import Relay
from feedmux.sharing import Sharing
from feedmux.skew import CorrectedClock
from feedmux.standing import Standing
from feedmux.store import Guarded, Store

EVERY = 1.0
"""Seconds between two looks at what others have written, and after which what failed is tried again."""
_log = structlog.get_logger("feedmux.company")


class Company:
    """One engine among others, or alone. What is stored goes by the machine's own clock: all must agree on it.

    `adopt` is called with the state of a breaker that another one tells, `obey` with what another one was told to do.
    `background` runs what it is given beside the questions.
    """

    def __init__(
        self,
        store: Store,
        relay: Relay | None,
        holder: str,
        clock: CorrectedClock,
        fleet: Fleet,
        cache: Cache,
        background: Callable[[Any], object],
        adopt: Callable[[Standing, BreakerState], None],
        obey: Callable[[Order], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock.machine
        self._fleet = fleet
        self._cache = cache
        self._background = background
        self._sharing = Sharing(holder, store, clock.machine, lambda: fleet.quotas)
        self._concert = Concert(store, clock.machine, adopt)
        self._orders = Orders(store, clock.machine, obey)
        self._kept: KeptAnswers
        self.broadcast: Broadcast | None = None
        self.leads: Leads | None = None
        if relay is not None:
            self.broadcast = Broadcast(relay, holder, cache, clock)
            self.leads = Leads(relay, holder, clock.machine, self.broadcast)

    @property
    def degraded(self) -> str:
        """Why the store is of no use now, or the others are out of reach; empty where all is well."""
        why = self._store.degraded if isinstance(self._store, Guarded) else ""
        alone = self.leads is not None and self.leads.alone
        return why or ("the other processes cannot be reached" if alone else "")

    async def begin(
        self, queries: Mapping[str, type[Query]], providers: Container[str], feeds: Feeds
    ) -> None:
        """Take up what was kept, and keep company for as long as the engine is open."""
        for standing in self._fleet.standings.values():
            await self.restore(standing)
        for quota in self._fleet.quotas.values():
            await durable.restore_quota(quota, self._store, self._clock)
        self._kept = KeptAnswers(self._cache, self._store, self._clock, queries, providers, self._background)
        if self._store.shares:
            await self._join()
        if self._store.lasts:
            await self._kept.restore()
            self._cache.kept = self._kept.note
        if self._store.shares:
            self._every(self._kept.restore)
        if self.broadcast is not None and self.leads is not None:
            self.broadcast.begin(self._kept, queries, feeds, self._keep)
            self._keep(self.leads.run)

    async def _join(self) -> None:
        await self._sharing.renew()
        self._keep(self._sharing.run)
        await self._concert.heed(self._fleet.standings.values())
        self._every(lambda: self._concert.heed(self._fleet.standings.values()))
        self._kept.forgotten = await self._orders.begin()
        self._every(self._orders.heed)

    def _every(self, work: Callable[[], Awaitable[None]]) -> None:
        async def looking() -> None:
            while True:
                await self._clock.sleep(EVERY)
                await work()

        self._keep(looking)

    def _keep(self, run: Callable[[], Awaitable[None]]) -> None:
        """Have it run for as long as the engine is open, whatever it raises."""

        async def again_and_again() -> None:
            while True:
                try:
                    await run()
                except Exception as error:  # noqa: BLE001 - the company goes on without what failed once
                    _log.error("keeping company failed, and goes on", exc_info=error)
                await self._clock.sleep(EVERY)

        self._background(again_and_again())

    async def restore(self, standing: Standing) -> None:
        """Give a member what was kept of it."""
        await durable.restore(standing, self._store, self._clock)

    async def share(self) -> None:
        """The windows are others than before: have the shares of them renewed."""
        if self._store.shares:
            await self._sharing.renew()

    async def order(self, act: Act, provider: str = "") -> None:
        """Have the others do what was done here."""
        if self._store.shares:
            await self._orders.give(act, provider)

    def forget(self) -> None:
        """Answers from before now are taken up no more."""
        self._kept.forget()

    def changed(self, standing: Standing) -> None:
        """A member's breaker moved: write it down."""
        self._background(self.save(standing))

    def listed(self, standing: Standing) -> None:
        """A member has a new listing: write it down."""
        self._background(durable.save_listing(standing, self._store, self._clock))

    def long_windows(self) -> durable.LongWindows:
        """Writes down the windows that are worth it while they are drawn on."""
        return durable.LongWindows(self._store, self._clock, self._background)

    async def save(self, standing: Standing) -> None:
        """Write down how a member stands."""
        await self._concert.save(standing)
        await durable.save_quota(standing.quota, self._store, self._clock)

    async def fall_silent(self) -> None:
        """Leave what is streamed to others, and tell them what waits."""
        if self.broadcast is not None and self.leads is not None:
            await self.leads.aclose()
            await self.broadcast.flush()

    async def leave(self) -> None:
        """Keep what must survive, and give the shares back; nothing is sent any more."""
        await self._kept.flush()
        if self._store.shares:
            await self._sharing.end()
        for standing in self._fleet.standings.values():
            await self.save(standing)
