"""Listings: fetched when first needed, renewed in the background, one fetch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from feedmux.attempt import Attempts, judged
from feedmux.clock import Clock
from feedmux.conduct import Conduct
from feedmux.errors import BadPayload, FeedmuxError, RateLimited, UpstreamDown
from feedmux.http import Http
from feedmux.limits import Tier
from feedmux.listing import Listing
from feedmux.quota import Ending, Full, Permit
from feedmux.standing import Standing

PATIENCE = 10.0
"""Seconds a listing may take: some are several MB."""
RETRY = 10.0
TTL = 86_400.0
Connect = Callable[[Standing, Permit, int, float], Http]


class Listings:
    """Has each member's listing at hand. `listed` is called where one was fetched."""

    def __init__(self, clock: Clock, attempts: Attempts, conduct: Conduct, connect: Connect) -> None:
        self._clock = clock
        self._attempts = attempts
        self._conduct = conduct
        self._connect = connect
        self._under_way: dict[str, asyncio.Task[FeedmuxError | None]] = {}
        self.listed: Callable[[Standing], None] = lambda standing: None

    def wanted(self, standing: Standing) -> bool:
        """Whether a question must have the listing fetched: there is none, or nobody renews it in the background."""
        if standing.listing is None:
            return True
        return standing.limits.tier is not Tier.PRIMARY and standing.listing_due <= self._clock.monotonic()

    async def have(self, standing: Standing, limit: float) -> FeedmuxError | None:
        """Have the member's listing at hand; the error where that failed. One fetch at a time, whoever waits.

        Where an old one cannot be renewed, it serves on.
        """
        if not self.wanted(standing):
            return None
        if standing.listing_failed is not None and self._clock.monotonic() < standing.listing_due:
            return standing.listing_failed
        task = self._under_way.get(standing.name)
        if task is None:
            task = self._begin(standing, background=False)
        await asyncio.wait({task}, timeout=limit)
        if not task.done():
            return UpstreamDown("its listing is not there yet", sent=False)
        return task.result()

    def renew(self, standing: Standing) -> None:
        """Fetch a primary's listing anew where it is due: in the background, with spare quota, the old one serving on."""
        if standing.limits.tier is not Tier.PRIMARY:
            return
        if standing.listing is None or standing.listing_due > self._clock.monotonic():
            return
        if standing.name not in self._under_way:
            self._begin(standing, background=True)

    def _begin(self, standing: Standing, *, background: bool) -> asyncio.Task[FeedmuxError | None]:
        work = self._fetch(standing, background=background)
        task = asyncio.get_running_loop().create_task(work)
        self._under_way[standing.name] = task
        task.add_done_callback(lambda _: self._under_way.pop(standing.name, None))
        return task

    async def _fetch(self, standing: Standing, *, background: bool) -> FeedmuxError | None:
        """Where the member is closed, the fetch is its probe: nothing else goes meanwhile, nor beside another one."""
        now, breaker = self._clock.monotonic(), standing.breaker
        if breaker.probing or (breaker.state.demanded and breaker.obstacle(now)):
            why = breaker.obstacle(now) or "a probe is under way"
            return UpstreamDown(f"its listing cannot be fetched now: {why}", sent=False)
        probing = breaker.state.closed
        breaker.probing = probing
        try:
            return await self._fetched(standing, background=background)
        finally:
            if probing:
                breaker.probing = False

    async def _fetched(self, standing: Standing, *, background: bool) -> FeedmuxError | None:
        source, now = standing.upstream.listing, self._clock.monotonic()
        cost, ttl = (source.cost, source.ttl) if source else (1, TTL)
        take = standing.quota.take_spare if background else standing.quota.take
        permit = take(cost, now)
        standing.listing_due = now + RETRY
        if isinstance(permit, Full):
            wait = max(0.0, permit.until - now)
            return RateLimited(f"no quota for its listing: {permit.reason}", retry_after=wait)
        http = self._connect(standing, permit, cost, PATIENCE)
        ending, failure = Ending.NEUTRAL, None
        try:
            found = await self._attempts.run(
                standing, "feedmux_listing", lambda: standing.calls.listing(http=http), PATIENCE
            )
            if not isinstance(found, Listing) or not len(found):
                raise BadPayload("its listing is empty", provider=standing.name)
            ending = Ending.OK
            for one in standing.ring:
                one.listing, one.listing_due = found, self._clock.monotonic() + ttl
                one.listing_failed = None
            self.listed(standing)
        except FeedmuxError as error:
            failure, ending = error, judged(error)[1]
        finally:
            http.close(ending)
            self._conduct.spent(standing)
            standing.tally.requests += http.requests
        standing.listing_failed = failure
        if failure is not None:
            self._conduct.shut(standing, failure, ending, now)
        return failure

    async def aclose(self) -> None:
        """End the fetches that are under way."""
        fetches = tuple(self._under_way.values())
        for fetch in fetches:
            fetch.cancel()
        if fetches:
            await asyncio.wait(fetches, timeout=1.0)
