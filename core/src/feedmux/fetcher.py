"""Asks one member one upstream question, keeps what came, and books how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from feedmux import breaker, guard
from feedmux.attempt import Attempts, judged
from feedmux.cache import Cache
from feedmux.clock import Clock, Random
from feedmux.conduct import Conduct
from feedmux.errors import (
    BadPayload,
    FeedmuxError,
    NotFound,
    RateLimited,
    UnknownSymbol,
    UpstreamDown,
    UpstreamTimeout,
)
from feedmux.event import Event, Result
from feedmux.failure import excerpt
from feedmux.http import Http
from feedmux.items import Item
from feedmux.keeper import Fetched, Keeper
from feedmux.listings import Listings
from feedmux.query import Query
from feedmux.quota import Ending, Full, Permit
from feedmux.rotation import Candidate
from feedmux.standing import Standing

_log = structlog.get_logger("feedmux.fetcher")


class Fetcher:
    """Everything between a permit and the cache."""

    def __init__(self, clock: Clock, cache: Cache, chance: Random, tell: Callable[[Event], None]) -> None:
        self._clock = clock
        self.dated: Callable[[str, Mapping[str, str], float], None] = lambda origin, headers, now: None
        """Told of each reply's headers, whose they are and when they came: they say what time it is there."""
        self.keeper = Keeper(clock, cache, chance, tell)
        self.conduct = Conduct(clock, chance, tell, self.keeper.doubts)
        self.attempts = Attempts(clock, tell)
        self.listings = Listings(clock, self.attempts, self.conduct, self._connect)

    async def fetch(
        self, candidate: Candidate, parts: Sequence[Query], permit: Permit, limit: float, told: list[Event]
    ) -> Fetched:
        """Send one request for these parts and book its outcome. Never raises but for cancellation."""
        standing, now = candidate.standing, self._clock.monotonic()
        query = parts[0] if len(parts) == 1 else parts[0].narrowed([e for p in parts for e in p.elements])
        cost = candidate.cost_of(query)
        http = self._connect(standing, permit, cost, limit)
        probing, slow_probe = standing.breaker.probing, candidate.score.probing
        fetched, ending, result = Fetched({}), Ending.NEUTRAL, Result.ABANDONED
        try:
            items = await self._ask(standing, query, candidate, http, limit)
            fetched = self.keeper.kept(candidate, query, parts, items, told)
            ending, result = Ending.OK, _how_much(fetched, parts)
        except FeedmuxError as error:
            error = _in_context(error, query)
            if isinstance(error, BadPayload):
                _log.warning(
                    "bad payload", member=standing.name, error=error.detail, body=excerpt(http.last_body)
                )
            fetched = Fetched({}, error, refused=True)
            result, ending = judged(error)
            if isinstance(error, RateLimited):
                self.conduct.limited(standing, error, cost)
            if isinstance(error, UnknownSymbol) and len(parts) == 1:
                self.keeper.remember_unknown(candidate, parts[0])
                if isinstance(error, NotFound) and self.keeper.knows_of(candidate, parts[0]):
                    self.conduct.absent(candidate.source, parts[0])
            enough = max(standing.limits.slow_after, 2 * candidate.score.latency)
            if ending is Ending.FAULT and (
                self.attempts.lagged_at > now or _hurried(error, limit, enough)
            ):  # the loop was blocked, or the caller would not wait: not this member's doing
                ending = Ending.NEUTRAL
        finally:
            http.close(ending)
            self.conduct.spent(standing)
            if probing:
                standing.breaker.probing = False
            if slow_probe:
                candidate.score.probing = False
        self.conduct.book(candidate, fetched, ending, now)
        self.conduct.say(candidate, fetched, result, now, len(parts), http.requests, told)
        return fetched

    def _connect(self, standing: Standing, permit: Permit, cost: int, limit: float) -> Http:
        def another() -> Permit | Full:
            return standing.quota.take_further(cost, self._clock.monotonic())

        return Http(
            standing.member,
            standing.wire,
            self._clock,
            permit,
            another,
            partial(self._heard, standing),
            spacing=standing.quota.min_interval,
            until=self._clock.monotonic() + limit,
        )

    def _heard(self, standing: Standing, headers: Mapping[str, str]) -> None:
        """Believe what the upstream says it has counted, and look at what time it is there."""
        if not standing.simulated:
            self.dated(standing.origin, headers, self._clock.monotonic())
        for used in standing.upstream.used:
            text = headers.get(used.name.lower(), "")
            if text.isascii() and text.isdecimal() and len(text) < 12:
                standing.quota.correct(used.per, used.counts, int(text), self._clock.monotonic())

    async def _ask(
        self, standing: Standing, query: Query, candidate: Candidate, http: Http, limit: float
    ) -> list[Item]:
        asked = self.keeper.asked(candidate, query)
        origin = (standing.upstream.members and standing.origin) or standing.provider
        stamp = guard.Stamp(standing.provider, origin, asked.at)

        async def fetched() -> list[Item]:
            return guard.stamped(await standing.calls.fetch(asked=asked, http=http), query, stamp)

        items: list[Item] = await self.attempts.run(standing, "feedmux_fetch", fetched, limit)
        return items

    async def health(self, standing: Standing, permit: Permit, limit: float) -> None:
        """The probe of a member closed by faults: an answer lets the next question through, a failure closes on."""
        now = self._clock.monotonic()
        http = self._connect(standing, permit, 1, limit)
        ending = Ending.NEUTRAL
        standing.breaker.probing = True
        try:
            await self.attempts.run(
                standing, "feedmux_health", lambda: standing.calls.health(http=http), limit
            )
            ending = Ending.OK
            before, ended = standing.breaker.state, self._clock.monotonic()
            self.conduct.move(standing, before, breaker.well_again(before, now, ended), ended)
        except FeedmuxError as error:
            if isinstance(error, NotFound):  # it names no symbol: what was there is gone
                error = UpstreamDown(error.detail, provider=error.provider)
            hurried = _hurried(error, limit, standing.limits.slow_after)
            ending = Ending.NEUTRAL if hurried else judged(error)[1]
            self.conduct.shut(standing, error, ending, now)
        finally:
            http.close(ending)
            self.conduct.spent(standing)
            standing.breaker.probing = False
            standing.tally.requests += http.requests

    async def aclose(self) -> None:
        """End what is under way beside the questions."""
        await self.listings.aclose()
        await self.attempts.aclose()


def _how_much(fetched: Fetched, parts: Sequence[Query]) -> Result:
    got = len(fetched.entries) + len(fetched.suspects)
    if got == len(parts):
        return Result.ANSWERED
    if got:
        return Result.PARTIAL
    return judged(fetched.error)[0] if fetched.error else Result.ANSWERED


def _hurried(error: FeedmuxError, limit: float, enough: float) -> bool:
    """Whether it was given less time than it may take, or takes as a rule."""
    return isinstance(error, UpstreamTimeout) and limit < enough


def _in_context(error: FeedmuxError, query: Query) -> FeedmuxError:
    """A 404 means an unknown symbol only where the question names one."""
    if isinstance(error, NotFound) and not (query.symbols_asked or query.many):
        return UpstreamDown(error.detail, provider=error.provider)
    return error
