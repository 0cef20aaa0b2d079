"""Takes questions along their route, member after member, until each has an item or a reason why not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence

from feedmux.budget import Budget
from feedmux.cache import Entry
from feedmux.clock import Clock
from feedmux.errors import BadPayload, DeadlineExceeded, FeedmuxError, InvalidQuery, NoProvider, UnknownSymbol
from feedmux.event import Event, Reason, Skipped, Waited
from feedmux.fetcher import Fetched, Fetcher
from feedmux.limits import Tier
from feedmux.query import Query
from feedmux.quota import Full, Permit, Quota
from feedmux.rotation import Candidate, Rotation
from feedmux.route import NO_PINS, Need, Pins, Route, Skip, plan

TRIES = 3
PANIC_EVERY = 1.0
"""Seconds between two questions to members that only we hold to be down, in all."""


class Errand:
    """One part of a question on its way: who was asked, what they said, and who is told how it ends."""

    __slots__ = ("asked", "at_hand", "deadline", "done", "errors", "events", "part", "suspect", "tries")

    def __init__(
        self, part: Query, deadline: float, *, at_hand: bool, done: Callable[[Entry | FeedmuxError], None]
    ) -> None:
        self.part = part
        self.deadline = deadline
        """Monotonic; moved back where somebody joins who can wait for longer."""
        self.at_hand = at_hand
        """A stale answer could be served: nobody waits for a throttled member."""
        self.done = done
        self.tries = 0
        self.asked: set[str] = set()
        self.errors: list[FeedmuxError] = []
        self.suspect: Entry | None = None
        self.events: list[Event] = []


class Router:
    """Plans routes and walks them. Everything that is asked of an upstream goes through here."""

    def __init__(self, fetcher: Fetcher, rotations: Mapping[str, Rotation], clock: Clock) -> None:
        self.fetcher = fetcher
        self.rotations = rotations
        self.budget = Budget()
        self._clock = clock
        self._panicking = False
        self._panicked_at = -math.inf

    def route(self, parts: Sequence[Query], pins: Pins = NO_PINS) -> Route:
        """Who would be asked for these parts of one kind of question now, and why not the others."""
        rotation = self.rotations.get(parts[0].capability)
        if rotation is None:
            return Route((), (), {}, tuple(parts))
        recent, unknown = self._remembered(rotation, parts)
        return plan(rotation, Need(tuple(parts), pins, recent, unknown), self._clock.monotonic())

    def _remembered(
        self, rotation: Rotation, parts: Sequence[Query]
    ) -> tuple[dict[Query, dict[str, float]], dict[Query, frozenset[str]]]:
        """What the cache knows against asking: ttls that still run, and who does not know a part."""
        recent: dict[Query, dict[str, float]] = {}
        unknown: dict[Query, frozenset[str]] = {}
        cache = self.fetcher.cache
        for part in parts:
            if part.many:
                if cell := cache.cell(part):
                    recent[part] = {entry.member: entry.ttl_until for entry in cell.values()}
                if said := cache.unknown(part):
                    unknown[part] = said
                continue
            for candidate in rotation.candidates:
                for entry in (cache.cell(self.fetcher.key(candidate, part)) or {}).values():
                    recent.setdefault(part, {})[entry.member] = entry.ttl_until
        return recent, unknown

    def walks(self, errands: Sequence[Errand], pins: Pins) -> list[Walk]:
        """Share errands out: as many as the member whose turn it is takes in one request go along one walk."""
        rest = {errand.part: errand for errand in errands}
        found = []
        while rest:
            route = self.route(tuple(rest), pins)
            first = route.order[0] if route.order else None
            parts = route.parts_for(first)[: first.terms.batch] if first else tuple(rest)
            walk = Walk(self, route, [rest.pop(part) for part in parts], pins)
            walk.begin()
            found.append(walk)
        return found

    def may_panic(self, now: float) -> bool:
        """Whether a member closed on inference alone may be asked: one at a time, at most one a second in all."""
        return not self._panicking and now >= self._panicked_at + PANIC_EVERY

    def panic(self, begins: bool, now: float) -> None:
        """Book the begin or the end of such a question."""
        self._panicking = begins
        if begins:
            self._panicked_at = now


class Walk:
    """Some errands of one kind and one route. `begin` takes the first turn at once, `run` does the rest."""

    def __init__(self, router: Router, route: Route, errands: Sequence[Errand], pins: Pins) -> None:
        self._router = router
        self._clock = router._clock
        self._route = route
        self._pins = pins
        self._left = {errand.part: errand for errand in errands}
        self._events: list[Event] = []
        self._waited = False
        self._queue = list(route.order)
        self._step: tuple[Candidate, tuple[Query, ...], Permit | None] | None = None
        for errand in errands:
            errand.events = self._events

    @property
    def _deadline(self) -> float:
        return max((errand.deadline for errand in self._left.values()), default=0.0)

    def begin(self) -> None:
        """Tell the route and take the first turn, so that the next walk is planned after it."""
        self._events += self._route.events(self._clock.monotonic())
        self._step = self._next()

    async def run(self) -> None:
        """Ask member after member; every errand is told its end exactly once."""
        try:
            await self._along()
        except FeedmuxError as error:
            self._end_all(error)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Leave nothing behind where the walk was cancelled: no permit, no errand that waits."""
        candidate, _, permit = self._step or (None, (), None)
        if candidate is not None and permit is not None:
            permit.refund(self._clock.monotonic())
            candidate.standing.breaker.probing = candidate.score.probing = False
        self._end_all(NoProvider("the engine is closing"))

    async def _along(self) -> None:
        while self._left:
            while self._step is not None and self._left:
                step, self._step = self._step, None
                await self._ask(*step)
                self._step = self._next() if self._left else None
            if not self._left:
                return
            if not self._route.order and await self._panic():
                continue
            if not await self._wait():
                break
        self._give_up()

    # who is next

    def _next(self) -> tuple[Candidate, tuple[Query, ...], Permit | None] | None:
        """The next candidate with something to ask it for and, where it needs no listing first, its permit."""
        while self._queue:
            candidate = self._queue.pop(0)
            parts = tuple(part for part in self._route.parts_for(candidate) if self._may_ask(candidate, part))
            if not parts:
                continue
            if candidate.listed and candidate.standing.listing is None:
                return candidate, parts, None
            permit = self._take(candidate, parts[: candidate.terms.batch])
            if permit is not None:
                return candidate, parts, permit
        return None

    def _may_ask(self, candidate: Candidate, part: Query) -> bool:
        errand = self._left.get(part)
        if errand is None or candidate.name in errand.asked:
            return False
        if candidate.seat.tier is Tier.EMERGENCY:
            return errand.tries <= TRIES
        return errand.tries < (TRIES if errand.suspect is None else TRIES + 1)

    def _take(self, candidate: Candidate, parts: Sequence[Query]) -> Permit | None:
        """A permit for one request and the turn it takes; None, and the trace says why, where there is none."""
        now, standing = self._clock.monotonic(), candidate.standing
        if why := standing.breaker.obstacle(now):
            self._skipped(candidate, Reason.CLOSED, why, standing.breaker.state.until, now)
            return None
        query = parts[0] if len(parts) == 1 else parts[0].narrowed([e for p in parts for e in p.elements])
        taken = standing.quota.take(candidate.cost_of(query), now)
        if isinstance(taken, Full):
            reason = Reason.BUSY if taken.momentary else Reason.EXHAUSTED
            self._skipped(candidate, reason, taken.reason, taken.until, now)
            return None
        if standing.breaker.state.closed:
            standing.breaker.probing = True
        rotation = self._router.rotations[candidate.query.capability]
        rotation.take_turn(candidate, self._peers(candidate), now)
        if candidate.score.slow_until:
            candidate.score.probing = True
        if standing.quota.windows:
            rotation.rescore(candidate, now)
        if candidate.listed:
            self._router.fetcher.renew_listing(standing)
        return taken

    def _peers(self, candidate: Candidate) -> list[Candidate]:
        """Among whom it was its turn: a preference is no turn that the others went without."""
        preferred = self._pins.prefer
        if not preferred:
            return list(self._route.order)
        mine = candidate.seat.provider in preferred
        return [one for one in self._route.order if (one.seat.provider in preferred) is mine]

    def _skipped(self, candidate: Candidate, reason: Reason, detail: str, until: float, now: float) -> None:
        wait = None if math.isinf(until) else max(0.0, until - now)
        self._events.append(Skipped(at=now, member=candidate.name, reason=reason, detail=detail, wait=wait))

    # asking

    async def _ask(self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit | None) -> None:
        """One try: a candidate is asked for these parts, in as many requests as its batch size takes."""
        if permit is None:
            parts = await self._listed(candidate, parts)
            permit = self._take(candidate, parts[: candidate.terms.batch]) if parts else None
            if permit is None:
                return
        limit, batch = self._share(candidate, parts), candidate.terms.batch
        requests = []
        for start in range(0, len(parts), batch):
            some = parts[start : start + batch]
            permit = permit or self._take(candidate, some)
            if permit is None:
                self._queue.insert(0, candidate)  # once these have ended: the rest of the same try
                break
            self._tried(candidate, some)
            requests.append(self._request(candidate, some, permit, limit))
            permit = None
        if len(requests) == 1:
            await requests[0]
        else:
            await asyncio.gather(*requests)

    def _tried(self, candidate: Candidate, parts: Sequence[Query]) -> None:
        """These parts have had a try at that candidate."""
        for part in parts:
            errand = self._left[part]
            errand.asked.add(candidate.name)
            errand.tries += 1

    async def _listed(self, candidate: Candidate, parts: tuple[Query, ...]) -> tuple[Query, ...]:
        """Have the candidate's listing, then say which of the parts it lists."""
        failed = await self._router.fetcher.listing(candidate.standing, self._share(candidate, parts))
        now, listing = self._clock.monotonic(), candidate.standing.listing
        if listing is None:
            detail = failed.detail if failed else ""
            self._events.append(
                Skipped(at=now, member=candidate.name, reason=Reason.CLOSED, detail=f"no listing: {detail}")
            )
            for part in parts:
                if failed is not None:
                    self._left[part].errors.append(failed)
            return ()
        narrowed = self._router.route(parts, self._pins)
        if candidate in narrowed.order:
            return narrowed.parts_for(candidate)
        self._events += [
            e for e in narrowed.events(now) if isinstance(e, Skipped) and e.member == candidate.name
        ]
        for part in parts:
            self._left[part].errors.append(UnknownSymbol("does not list it", provider=candidate.name))
        return ()

    def _share(self, candidate: Candidate, parts: Sequence[Query]) -> float:
        """Seconds this try may take: what is left of the deadline, divided by the tries left."""
        left = self._deadline - self._clock.monotonic()
        tries = TRIES - min(self._left[part].tries for part in parts)
        return max(0.0, left) / max(1, min(tries, 1 + len(self._queue)))

    async def _request(
        self, candidate: Candidate, parts: Sequence[Query], permit: Permit, limit: float
    ) -> None:
        """One upstream request; a batch refused for one bad item is halved, each half a request of its own."""
        fetched = await self._router.fetcher.fetch(candidate, parts, permit, limit, self._events)
        if fetched.refused and isinstance(fetched.error, (InvalidQuery, UnknownSymbol)) and len(parts) > 1:
            middle = len(parts) // 2
            for half in (parts[:middle], parts[middle:]):
                further = self._take(candidate, half)
                if further is not None:
                    await self._request(candidate, half, further, limit)
            return
        for part in parts:
            self._book(candidate, part, fetched)

    def _book(self, candidate: Candidate, part: Query, fetched: Fetched) -> None:
        errand = self._left.get(part)
        if errand is None:
            return
        if part in fetched.entries:
            if errand.suspect is not None:
                self._router.fetcher.outlier(errand.suspect.member, part)
            self._end(errand, fetched.entries[part])
        elif part in fetched.suspects:
            self._suspect(candidate, errand, fetched.suspects[part])
        elif fetched.error is not None:
            errand.errors.append(fetched.error)

    def _suspect(self, candidate: Candidate, errand: Errand, entry: Entry) -> None:
        """A price jumped: the second member to say so confirms it, else one more is asked where the budget allows."""
        first, fetcher = errand.suspect, self._router.fetcher
        if first is not None and (confirmed := fetcher.confirmed(errand.part, first, entry)):
            self._end(errand, confirmed)
            return
        errand.errors.append(BadPayload("a jump that nobody confirmed", provider=candidate.name))
        fetcher.cache.remember_jump(errand.part, entry)
        errand.suspect = entry
        if first is not None or not self._router.budget.spend(self._clock.monotonic()):
            self._end(errand, errand.errors[-1])

    # where nobody is next

    async def _panic(self) -> bool:
        """Ask the member whose backoff ends first, though our own count holds it to be down; True where asked."""
        skip, now = self._route.least_closed(), self._clock.monotonic()
        if skip is None or not self._router.may_panic(now):
            return False
        candidate = skip.candidate
        parts = tuple(part for part in self._left if candidate.name not in self._left[part].asked)
        parts = parts[: candidate.terms.batch]
        if not parts or candidate.standing.breaker.probing:
            return False
        permit = candidate.standing.quota.take(candidate.cost_of(parts[0]), now)
        if isinstance(permit, Full):
            return False
        self._router.panic(True, now)
        try:
            if candidate.listed and await self._router.fetcher.listing(
                candidate.standing, self._deadline - now
            ):
                permit.refund(self._clock.monotonic())
                return False
            await self._ask(candidate, parts, permit)
        finally:
            self._router.panic(False, self._clock.monotonic())
        return bool(self._left)

    async def _wait(self) -> bool:
        """Wait for the first throttled member that reopens inside the deadline, then plan anew; True where it did.

        Once for time to pass, and as often as it takes where only its requests in flight stand in the way.
        """
        for errand in [e for e in self._left.values() if e.at_hand or e.tries >= TRIES]:
            self._end(errand, self._verdict(errand))
        if not self._left:
            return False
        skip = self._reopening()
        now = self._clock.monotonic()
        if skip is None or skip.until is None or skip.until >= self._deadline:
            return False
        quota = skip.candidate.standing.quota
        if skip.reason is Reason.BUSY and skip.until <= now:
            await self._place(quota)
        elif self._waited:
            return False
        else:
            self._waited = True
            await self._clock.sleep(max(0.01, skip.until - now))
        seconds = self._clock.monotonic() - now
        self._events.append(Waited(at=now, member=skip.candidate.name, seconds=seconds))
        self._replan()
        self._step = self._next()
        quota.admit()
        return True

    async def _place(self, quota: Quota) -> None:
        """Wait in line until a request in flight ends, at most until the deadline."""
        free = asyncio.get_running_loop().create_future()
        quota.waiting.append(free)
        await asyncio.wait({free}, timeout=self._deadline - self._clock.monotonic())
        free.cancel()

    def _replan(self) -> None:
        self._route = self._router.route(tuple(self._left), self._pins)
        self._queue = list(self._route.order)
        self._events += self._route.events(self._clock.monotonic())

    def _reopening(self) -> Skip | None:
        """The first throttled member to be askable again of those that may still be asked for something."""
        route = self._router.route(tuple(self._left), self._pins)
        return route.reopening(lambda candidate: any(self._may_ask(candidate, part) for part in self._left))

    # the end

    def _give_up(self) -> None:
        for errand in list(self._left.values()):
            self._end(errand, self._verdict(errand))

    def _verdict(self, errand: Errand) -> FeedmuxError:
        """Why there is no item: what all who were asked said, else that no provider can answer now."""
        now = self._clock.monotonic()
        route = self._router.route((errand.part,), self._pins)
        if unknown := _unknown(errand, route):
            return unknown
        for shared in (BadPayload, InvalidQuery):
            if errand.errors and all(isinstance(error, shared) for error in errand.errors):
                return errand.errors[-1]
        if now >= errand.deadline and any(self._may_ask(candidate, errand.part) for candidate in route.order):
            return DeadlineExceeded("the deadline passed before a provider answered")
        reopening = route.reopening()
        wait = (
            1.0
            if reopening is None or reopening.until is None
            else max(1.0, math.ceil(reopening.until - now))
        )
        return NoProvider(_reasons(errand, route), retry_after=wait)

    def _end(self, errand: Errand, ending: Entry | FeedmuxError) -> None:
        del self._left[errand.part]
        errand.done(ending)

    def _end_all(self, error: FeedmuxError) -> None:
        for errand in list(self._left.values()):
            self._end(errand, error)


_SAID_SO = (Reason.NOT_LISTED, Reason.SAID_UNKNOWN)
_COULD_KNOW = (Reason.CLOSED, Reason.EXHAUSTED, Reason.BUSY)


def _unknown(errand: Errand, route: Route) -> UnknownSymbol | None:
    """UnknownSymbol where everybody who was asked, or whose listing was read, says so and nobody else might know."""
    if not all(isinstance(error, UnknownSymbol) for error in errand.errors):
        return None
    said = {skip.candidate.name for skip in route.skips if skip.reason in _SAID_SO}
    said |= errand.asked if errand.errors else set()
    silent = [
        skip for skip in route.skips if skip.reason in _COULD_KNOW and skip.candidate.name not in errand.asked
    ]
    if not said or silent:
        return None
    return UnknownSymbol(f"{', '.join(errand.part.elements) or 'it'} is unknown to {', '.join(sorted(said))}")


def _reasons(errand: Errand, route: Route) -> str:
    """One sentence: what each member that serves the question said, or why it was not asked."""
    if not route.order and not route.skips:
        return f"no installed provider serves {errand.part.capability}"
    said = [f"{error.provider or 'a provider'}: {error.slug}" for error in errand.errors]
    said += [
        f"{skip.candidate.name}: {skip.reason.value}"
        for skip in route.skips
        if skip.candidate.name not in errand.asked
    ]
    return "; ".join(dict.fromkeys(said)) or "no provider is left to ask"
