"""Asks one member one upstream question, keeps what came, and books how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from msgspec import Struct

from feedmux import breaker, guard
from feedmux.attempt import bounded, judged, stepped, within
from feedmux.cache import Cache, Entry
from feedmux.clock import Clock, Random
from feedmux.errors import (
    BadPayload,
    FeedmuxError,
    InvalidQuery,
    NotFound,
    RateLimited,
    Unauthorized,
    UnknownSymbol,
    UpstreamDown,
)
from feedmux.event import Changed, Event, Held, Misbehaved, Result, Tried
from feedmux.failure import excerpt
from feedmux.http import Http
from feedmux.items import Item
from feedmux.listing import Listed, Listing
from feedmux.query import Query
from feedmux.quota import Ending, Full, Permit
from feedmux.request import Asked
from feedmux.rotation import Candidate, Rotation
from feedmux.standing import LEAKS, Standing

REMEMBER_UNKNOWN = 60.0
LISTING_PATIENCE = 10.0
RETRY_LISTING = 10.0
LISTING_TTL = 86_400.0
_log = structlog.get_logger("feedmux.fetcher")
Tell = Callable[[Event], None]


class Fetched(Struct, frozen=True):
    """What a request brought: an entry for each part that was answered, and the error of the rest."""

    entries: Mapping[Query, Entry]
    error: FeedmuxError | None = None
    refused: bool = False
    """The request failed as a whole; False where an answer merely lacks some parts."""
    suspects: Mapping[Query, Entry] = {}
    """Prices that jumped: not kept until another member confirms them."""


class Fetcher:
    """Everything between a permit and the cache."""

    def __init__(self, clock: Clock, cache: Cache, chance: Random, tell: Tell) -> None:
        self.clock = clock
        self.cache = cache
        self.tell = tell
        self._chance = chance
        self._lagged_at = float("-inf")
        self._strays: set[asyncio.Task[Any]] = set()
        self._listings: dict[str, asyncio.Task[FeedmuxError | None]] = {}
        self.rotations: Mapping[str, Rotation] = {}
        self.changed: Callable[[Standing], None] = lambda standing: None
        self.listed: Callable[[Standing], None] = lambda standing: None
        self.misbehaving: Callable[[Standing, str], None] = lambda standing, reason: None

    def asked(self, candidate: Candidate, query: Query) -> Asked[Any]:
        """The question as that candidate's member is asked it."""
        standing = candidate.standing
        ids: dict[str, Listed] = {}
        if candidate.listed and standing.listing is not None:
            vs = getattr(query, "vs", "")
            for symbol in query.symbols_asked:
                if (listed := standing.listing.find(symbol, vs)) is not None:
                    ids[symbol] = listed
        return Asked(query, self.clock.now(), ids, standing.member)

    def key(self, candidate: Candidate, part: Query) -> Hashable:
        """Under what a member's answer is kept: the part of a divisible question, else the request it makes."""
        if part.many:
            return part
        try:
            request = candidate.standing.calls.request(asked=self.asked(candidate, part))
        except Exception:  # noqa: BLE001 - it will raise again where it is asked, and be named there
            request = None
        return (candidate.standing.name, part.capability, request.key if request is not None else part)

    async def fetch(
        self, candidate: Candidate, parts: Sequence[Query], permit: Permit, limit: float, told: list[Event]
    ) -> Fetched:
        """Send one request for these parts and book its outcome. Never raises but for cancellation."""
        standing, now = candidate.standing, self.clock.monotonic()
        query = parts[0] if len(parts) == 1 else parts[0].narrowed([e for p in parts for e in p.elements])
        http = self._http(standing, permit, candidate.cost_of(query))
        probing, slow_probe = standing.breaker.probing, candidate.score.probing
        fetched, ending, result = Fetched({}), Ending.NEUTRAL, Result.ABANDONED
        try:
            items = await self._ask(standing, query, candidate, http, limit)
            fetched = self._kept(candidate, query, parts, items, told)
            ending, result = Ending.OK, _how_much(fetched, parts)
        except FeedmuxError as error:
            error = _in_context(error, query)
            if isinstance(error, BadPayload):
                _log.warning(
                    "bad payload", member=standing.name, error=error.detail, body=excerpt(http.last_body)
                )
            fetched = Fetched({}, error, refused=True)
            result, ending = judged(error)
            if isinstance(error, UnknownSymbol) and len(parts) == 1:
                self._remember_unknown(candidate, parts[0])
            if ending is Ending.FAULT and self._lagged_at > now:
                ending = Ending.NEUTRAL  # the loop was blocked meanwhile: not this member's doing
        finally:
            http.close(ending)
            if probing:
                standing.breaker.probing = False
            if slow_probe:
                candidate.score.probing = False
        self._book(candidate, fetched, ending, now)
        self._say(candidate, fetched, result, now, len(parts), http.requests, told)
        return fetched

    def _http(self, standing: Standing, permit: Permit, cost: int) -> Http:
        def another() -> Permit | Full:
            return standing.quota.take(cost, self.clock.monotonic())

        return Http(
            standing.member, standing.wire, self.clock, permit, another, partial(self._heard, standing)
        )

    def _heard(self, standing: Standing, headers: Mapping[str, str]) -> None:
        """Believe what the upstream says it has counted."""
        for used in standing.upstream.used:
            text = headers.get(used.name.lower(), "")
            if text.isdigit() and len(text) < 12:
                standing.quota.correct(used.per, used.counts, int(text), self.clock.monotonic())

    async def _ask(
        self, standing: Standing, query: Query, candidate: Candidate, http: Http, limit: float
    ) -> list[Item]:
        asked = self.asked(candidate, query)
        origin = (standing.upstream.members and standing.origin) or standing.provider
        stamp = guard.Stamp(standing.provider, origin, asked.at)

        async def fetched() -> list[Item]:
            return guard.stamped(await standing.calls.fetch(asked=asked, http=http), query, stamp)

        items: list[Item] = await self._run(standing, "feedmux_fetch", fetched, limit)
        return items

    async def _run(self, standing: Standing, hook: str, call: Callable[[], Any], limit: float) -> Any:
        """Run a hook in a task of its own, within `limit` seconds, whatever it does."""

        async def work() -> Any:
            return await stepped(call(), self.clock.monotonic, partial(self._blocked, standing, hook))

        task = asyncio.get_running_loop().create_task(bounded(work(), standing.name, hook))
        try:
            return await within(limit, task, partial(self._abandoned, standing, hook, task))
        except FeedmuxError as error:
            error.provider = standing.name
            error.detail = standing.wire.redacted(error.detail)
            raise

    def _blocked(self, standing: Standing, hook: str, seconds: float) -> None:
        self._lagged_at = self.clock.monotonic()
        standing.tally.blocked_loop += 1
        detail = f"{hook} blocked the event loop for {seconds:.1f} s"
        self.tell(Misbehaved(at=self._lagged_at, member=standing.name, detail=detail))
        if standing.tally.blocked_loop >= LEAKS:
            self.misbehaving(standing, f"{detail}, {standing.tally.blocked_loop} times so far")

    def _abandoned(self, standing: Standing, hook: str, task: asyncio.Task[Any]) -> None:
        standing.tally.abandoned += 1
        detail = f"{hook} swallowed its cancellation"
        self.tell(Misbehaved(at=self.clock.monotonic(), member=standing.name, detail=detail))
        self._strays.add(task)
        task.add_done_callback(self._strayed_home)
        if standing.tally.abandoned >= LEAKS:
            self.misbehaving(standing, f"{detail}, {standing.tally.abandoned} times so far")

    def _strayed_home(self, task: asyncio.Task[Any]) -> None:
        self._strays.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more

    def _kept(
        self, candidate: Candidate, query: Query, parts: Sequence[Query], items: list[Item], told: list[Event]
    ) -> Fetched:
        """Pass the items through the guard and keep those that are good."""
        if not query.many:
            return self._kept_whole(candidate, query, items)
        by_element: dict[str, Item] = {}
        for item in items:
            by_element.setdefault(getattr(item, query.item_key), item)
        asked_for = {part.elements[0]: part for part in parts}
        entries: dict[Query, Entry] = {}
        suspects: dict[Query, Entry] = {}
        refusals: list[str] = []
        for element, item in by_element.items():
            part = asked_for.get(element) or _surplus(query, element)
            if part is None:
                continue
            if why := guard.too_old((item,), query, candidate.terms, self.clock.now()):
                refusals.append(self._held(candidate, element, why, told))
                continue
            entry = self._entry(candidate, (item,))
            if why := self._jumped(candidate, part, item):
                self._held(candidate, element, why, told)
                if element in asked_for:
                    suspects[part] = entry
                continue
            self.cache.keep(part, entry)
            if element in asked_for:
                entries[part] = entry
        lacking = [e for e, part in asked_for.items() if part not in entries and part not in suspects]
        unknown = [element for element in lacking if element not in by_element]
        for element in unknown:
            self._remember_unknown(candidate, asked_for[element])
        return Fetched(entries, _lack(candidate, lacking, refusals), suspects=suspects)

    def _kept_whole(self, candidate: Candidate, query: Query, items: list[Item]) -> Fetched:
        if not items and not type(query).may_be_empty:
            raise BadPayload("gave no items", provider=candidate.name)
        if why := guard.too_old(items, query, candidate.terms, self.clock.now()):
            raise BadPayload(why, provider=candidate.name)
        entry = self._entry(candidate, tuple(items))
        self.cache.keep(self.key(candidate, query), entry)
        return Fetched({query: entry})

    def _entry(self, candidate: Candidate, items: tuple[Item, ...]) -> Entry:
        now, wall = self.clock.monotonic(), self.clock.now()
        ttl = candidate.terms.ttl * (1.0 + self._chance.uniform(0.0, 0.1))
        newest = max((item.observed_at for item in items if item.observed_at), default=wall)
        left = guard.longest_stale(candidate.query, candidate.terms) - (wall - newest).total_seconds()
        return Entry(
            member=candidate.name,
            provider=candidate.standing.provider,
            items=items,
            fetched=now,
            ttl_until=now + ttl,
            good_until=now + left,
            simulated=candidate.standing.simulated,
            stale=any(item.stale for item in items),
        )

    def _jumped(self, candidate: Candidate, part: Query, item: Item) -> str:
        """Why this price must be confirmed; empty where it may be kept."""
        cell = self.cache.cell(part) or {}
        good = (entry.items[0] for entry in cell.values())
        last = max(good, key=lambda one: one.observed_at or self.clock.now(), default=None)
        why = guard.jump(item, last, part)
        before = self.cache.jumped(part, candidate.name) if why else None
        if before is not None and guard.agree(item, before.items[0], part):
            return ""  # it says so a second time
        return why

    def confirmed(self, part: Query, first: Entry, second: Entry) -> Entry | None:
        """The second entry, kept, where two members of different origin say the same; else None."""
        if first.items[0].origin == second.items[0].origin:
            return None
        if not guard.agree(first.items[0], second.items[0], part):
            return None
        self.cache.keep(part, second)
        return second

    def outlier(self, member: str, part: Query) -> None:
        """Another member contradicted this one's jump: that counts against its score, and confirms nothing later."""
        self.cache.forget_jump(part, member)
        for candidate in self.rotations[part.capability].candidates:
            if candidate.name == member:
                candidate.score.failed()
                self.rotations[part.capability].rescore(candidate, self.clock.monotonic())

    def _held(self, candidate: Candidate, element: str, why: str, told: list[Event]) -> str:
        event = Held(at=self.clock.monotonic(), member=candidate.name, what=element[:80], detail=why)
        told.append(event)
        self.tell(event)
        return why

    def _remember_unknown(self, candidate: Candidate, part: Query) -> None:
        seconds = REMEMBER_UNKNOWN * (1.0 + self._chance.uniform(0.0, 0.1))
        self.cache.remember_unknown(part, frozenset((candidate.name,)), seconds)

    def _book(self, candidate: Candidate, fetched: Fetched, ending: Ending, began: float) -> None:
        """Let breaker, score and tally know how it went."""
        standing, now = candidate.standing, self.clock.monotonic()
        tally, before, error = standing.tally, standing.breaker.state, fetched.error
        after = self._after(standing, before, error, ending, now)
        tally.refusals += isinstance(error, RateLimited)
        useless = isinstance(error, BadPayload) and not (fetched.entries or fetched.suspects)
        if ending is Ending.FAULT or useless:
            candidate.score.failed()  # what the guard refused counts against this endpoint, not against the member
        if fetched.entries or fetched.suspects:
            tally.successes += 1
            tally.seconds += now - began
            tally.last_success = self.clock.now()
            candidate.score.succeeded(now - began, standing.limits.slow_after, now)
        elif error is not None and (ending is not Ending.OK or useless):
            tally.failures += 1
            tally.last_failure, tally.last_error, tally.last_class = (
                self.clock.now(),
                error.detail,
                error.slug,
            )
        self._move(standing, before, after, now)
        if candidate.query.capability in self.rotations:
            self.rotations[candidate.query.capability].rescore(candidate, now)

    def _move(
        self, standing: Standing, before: breaker.BreakerState, after: breaker.BreakerState, now: float
    ) -> None:
        standing.breaker.state = after
        standing.refresh()
        if (before.state, before.until) != (after.state, after.until):
            wait = after.until - now if after.until > now else None
            self.tell(Changed(at=now, member=standing.name, state=after.state, cause=after.cause, wait=wait))
            self.changed(standing)

    def _say(
        self,
        candidate: Candidate,
        fetched: Fetched,
        result: Result,
        began: float,
        asked: int,
        requests: int,
        told: list[Event],
    ) -> None:
        now = self.clock.monotonic()
        candidate.standing.tally.requests += requests
        event = Tried(
            at=now,
            member=candidate.name,
            provider=candidate.standing.provider,
            capability=candidate.query.capability,
            result=result,
            seconds=now - began,
            asked=asked,
            got=len(fetched.entries),
            detail=fetched.error.detail if fetched.error else "",
            requests=requests,
        )
        told.append(event)
        self.tell(event)

    async def health(self, standing: Standing, permit: Permit, limit: float) -> None:
        """The probe of a member closed by faults: an answer lets the next question through, a failure closes on."""
        now = self.clock.monotonic()
        http = self._http(standing, permit, 1)
        ending = Ending.NEUTRAL
        standing.breaker.probing = True
        try:
            await self._run(standing, "feedmux_health", lambda: standing.calls.health(http=http), limit)
            ending = Ending.OK
            self._move(standing, standing.breaker.state, breaker.well_again(standing.breaker.state, now), now)
        except FeedmuxError as error:
            ending = judged(error)[1]
            self._shut(standing, error, ending)
        finally:
            http.close(ending)
            standing.breaker.probing = False
            standing.tally.requests += http.requests

    async def listing(self, standing: Standing, limit: float) -> FeedmuxError | None:
        """Have the member's listing at hand; the error where that failed. One fetch at a time, whoever waits."""
        if standing.listing is not None:
            return None
        if standing.listing_failed is not None and self.clock.monotonic() < standing.listing_due:
            return standing.listing_failed
        task = self._listings.get(standing.name)
        if task is None:
            task = self._begin_listing(standing, background=False)
        await asyncio.wait({task}, timeout=limit)
        if not task.done():
            return UpstreamDown("its listing is not there yet", sent=False)
        return task.result()

    def renew_listing(self, standing: Standing) -> None:
        """Fetch the listing anew where it is due: in the background, with spare quota, the old one serving on."""
        if standing.listing is None or standing.listing_due > self.clock.monotonic():
            return
        if standing.name not in self._listings:
            self._begin_listing(standing, background=True)

    def _begin_listing(self, standing: Standing, *, background: bool) -> asyncio.Task[FeedmuxError | None]:
        work = self._fetch_listing(standing, background=background)
        task = asyncio.get_running_loop().create_task(work)
        self._listings[standing.name] = task
        task.add_done_callback(lambda _: self._listings.pop(standing.name, None))
        return task

    async def aclose(self) -> None:
        """End the fetches of listings that are under way, and what would not end when it was cancelled.

        A stray that is left would keep the event loop from ever closing: its coroutine is closed under it.
        """
        for stray in tuple(self._strays):
            try:
                stray.get_coro().close()
            except RuntimeError:
                _log.warning("a task will not end", task=repr(stray)[:200])
            stray.cancel()
        fetches = tuple(self._listings.values())
        for fetch in fetches:
            fetch.cancel()
        if ending := (*self._strays, *fetches):
            await asyncio.wait(ending, timeout=1.0)

    async def _fetch_listing(self, standing: Standing, *, background: bool) -> FeedmuxError | None:
        source, now = standing.upstream.listing, self.clock.monotonic()
        cost, ttl = (source.cost, source.ttl) if source else (1, LISTING_TTL)
        take = standing.quota.take_spare if background else standing.quota.take
        permit = take(cost, now)
        standing.listing_due = now + RETRY_LISTING
        if isinstance(permit, Full):
            wait = max(0.0, permit.until - now)
            return RateLimited(f"no quota for its listing: {permit.reason}", retry_after=wait)
        http = self._http(standing, permit, cost)
        ending, failure = Ending.NEUTRAL, None
        try:
            found = await self._run(
                standing, "feedmux_listing", lambda: standing.calls.listing(http=http), LISTING_PATIENCE
            )
            if not isinstance(found, Listing) or not len(found):
                raise BadPayload("its listing is empty", provider=standing.name)
            standing.listing, ending = found, Ending.OK
            standing.listing_due = self.clock.monotonic() + ttl
            self.listed(standing)
        except FeedmuxError as error:
            failure, ending = error, judged(error)[1]
        finally:
            http.close(ending)
            standing.tally.requests += http.requests
        standing.listing_failed = failure
        if failure is not None:
            self._shut(standing, failure, ending)
        return failure

    def _shut(self, standing: Standing, error: FeedmuxError, ending: Ending) -> None:
        """Book a failure that was no answer to a question: a listing's, a health check's."""
        before, now = standing.breaker.state, self.clock.monotonic()
        self._move(standing, before, self._after(standing, before, error, ending, now), now)

    def _after(
        self,
        standing: Standing,
        before: breaker.BreakerState,
        error: FeedmuxError | None,
        ending: Ending,
        now: float,
    ) -> breaker.BreakerState:
        """The breaker's state after an attempt that ended so."""
        if isinstance(error, RateLimited):
            return breaker.refused(before, standing.limits.backoff, error.retry_after, error.detail, now)
        if isinstance(error, Unauthorized):
            return breaker.unauthorized(before, error.detail, now)
        if ending is Ending.OK:
            return breaker.succeeded(before, now)
        if ending is Ending.FAULT:
            return breaker.failed(before, error.detail if error else "", now, self._chance)
        return before


def _surplus(query: Query, element: str) -> Query | None:
    """The question that an item nobody asked for would answer; None where it could not be asked."""
    try:
        return query.narrowed((element,))
    except InvalidQuery:
        return None


def _how_much(fetched: Fetched, parts: Sequence[Query]) -> Result:
    got = len(fetched.entries) + len(fetched.suspects)
    if got == len(parts):
        return Result.ANSWERED
    if got:
        return Result.PARTIAL
    return judged(fetched.error)[0] if fetched.error else Result.ANSWERED


def _lack(candidate: Candidate, lacking: Sequence[str], refusals: Sequence[str]) -> FeedmuxError | None:
    """The error of the elements that came without a good item."""
    if not lacking:
        return None
    if refusals:
        return BadPayload(refusals[0], provider=candidate.name)
    return UnknownSymbol("does not know it", provider=candidate.name)


def _in_context(error: FeedmuxError, query: Query) -> FeedmuxError:
    """A 404 means an unknown symbol only where the question names one."""
    if isinstance(error, NotFound) and not (query.symbols_asked or query.many):
        return UpstreamDown(error.detail, provider=error.provider)
    return error
