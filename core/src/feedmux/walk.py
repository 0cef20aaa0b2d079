"""A walk: some errands of one kind along one route, member after member, until each has its end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from feedmux.cache import Entry
from feedmux.errand import TRIES, Errand
from feedmux.errors import BadPayload, FeedmuxError, InvalidQuery, NoProvider, UnknownSymbol, UpstreamDown
from feedmux.event import Considered, Event, Reason, Skipped, Waited
from feedmux.keeper import Fetched
from feedmux.query import Query
from feedmux.quota import Full, Permit, Quota
from feedmux.rotation import Candidate
from feedmux.route import Pins, Route, Skip
from feedmux.verdict import verdict

if TYPE_CHECKING:
    from feedmux.router import Router

_log = structlog.get_logger("feedmux.walk")


class Walk:
    """Some errands of one kind and one route. `begin` takes the first turn at once, `run` does the rest."""

    def __init__(self, router: Router, route: Route, errands: Sequence[Errand], pins: Pins) -> None:
        self._router = router
        self._clock = router.clock
        self._route = route
        self._pins = pins
        self._left = {errand.part: errand for errand in errands}
        self._events: list[Event] = []
        self._waited = False
        self._queue = list(route.order)
        self._step: tuple[Candidate, tuple[Query, ...], Permit | None] | None = None
        for errand in errands:
            errand.events = self._events

    def _tell(self, *events: Event) -> None:
        """These belong to this walk's trace, and to whoever observes."""
        for event in events:
            self._events.append(event)
            self._router.tell(event)

    @property
    def _deadline(self) -> float:
        return max((errand.deadline for errand in self._left.values()), default=0.0)

    def begin(self) -> None:
        """Tell the route and take the first turn, so that the next walk is planned after it."""
        self._tell(*self._route.events(self._clock.monotonic()))
        self._step = self._next()

    async def run(self) -> None:
        """Ask member after member; every errand is told its end exactly once."""
        try:
            await self._along()
        except Exception as error:  # noqa: BLE001 - a mistake of ours ends this walk, never in silence
            _log.error("the engine failed on a question", exc_info=error)
            self._end_all(NoProvider("the engine failed on this question; its log says how", retry_after=1.0))
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
        while self._queue and self._clock.monotonic() < self._deadline:
            candidate = self._queue.pop(0)
            parts = tuple(part for part in self._route.parts_for(candidate) if self._may_ask(candidate, part))
            if not parts:
                continue
            if candidate.listed and self._router.fetcher.listings.wanted(candidate.standing):
                if self._is_closed(candidate):
                    continue
                return candidate, parts, None
            permit = self._take(candidate, parts[: candidate.terms.batch])
            if permit is not None:
                return candidate, parts, permit
        return None

    def _may_ask(self, candidate: Candidate, part: Query) -> bool:
        errand = self._left.get(part)
        return errand is not None and errand.may_ask(candidate)

    def _is_closed(self, candidate: Candidate) -> bool:
        """Whether its breaker lets nothing through now; the trace then says why."""
        now, breaker = self._clock.monotonic(), candidate.standing.breaker
        why = breaker.obstacle(now)
        if why:
            self._skipped(candidate, Reason.CLOSED, why, breaker.state.until, now)
        return bool(why)

    def _take(self, candidate: Candidate, parts: Sequence[Query]) -> Permit | None:
        """A permit for one request and the turn it takes; None, and the trace says why, where there is none."""
        now, standing = self._clock.monotonic(), candidate.standing
        if self._is_closed(candidate):
            return None
        taken = standing.quota.take(candidate.cost_of(_joined(parts)), now)
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
            self._router.fetcher.listings.renew(standing)
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
        self._tell(Skipped(at=now, member=candidate.name, reason=reason, detail=detail, wait=wait))

    # asking

    async def _ask(self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit | None) -> None:
        """One try: a candidate is asked for these parts, in as many requests as its batch size takes."""
        if permit is None:
            parts = await self._listed(candidate, parts)
            permit = self._take(candidate, parts[: candidate.terms.batch]) if parts else None
            if permit is None:
                return
        if candidate.fan_out > 1:
            await self._panel(candidate, parts, permit)
            return
        until, batch = self._until(candidate, parts), candidate.terms.batch
        requests = []
        for start in range(0, len(parts), batch):
            some = parts[start : start + batch]
            permit = permit or self._take(candidate, some)
            if permit is None:
                self._queue.insert(0, candidate)  # once these have ended: the rest of the same try
                break
            for part in some:
                self._left[part].tried(candidate)
            requests.append(self._request(candidate, some, permit, until))
            permit = None
        if len(requests) == 1:
            await requests[0]
        else:
            await asyncio.gather(*requests)

    async def _panel(self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit) -> None:
        """One try at several members of a provider at once, for each batch: they are heard together."""
        until = self._until(candidate, parts)
        others = [one for one in self._queue if one.seat is candidate.seat][: candidate.fan_out - 1]
        for other in others:
            self._queue.remove(other)
        for part in parts:
            self._left[part].tried(candidate)
        voices = [
            self._voice(
                member,
                parts[start : start + size],
                permit if member is candidate and not start else None,
                until,
            )
            for member in (candidate, *others)
            for size in (member.terms.batch,)
            for start in range(0, len(parts), size)
        ]
        said: dict[Query, list[tuple[Candidate, Entry]]] = {part: [] for part in parts}
        for member, fetched in await asyncio.gather(*voices):
            for part, entry in fetched.entries.items():
                said[part].append((member, entry))
            self._missed(parts, fetched)
        for part in parts:
            self._hear(part, said[part])

    async def _voice(
        self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit | None, until: float
    ) -> tuple[Candidate, Fetched]:
        """What one member of a panel says to these parts; a batch refused for one bad item is halved."""
        if permit is None:
            if candidate.listed and candidate.standing.listing is None and not self._is_closed(candidate):
                await self._router.fetcher.listings.have(candidate.standing, until - self._clock.monotonic())
            parts = self._router.route(parts, self._pins).parts_for_now(candidate)
            permit = self._take(candidate, parts) if parts else None
            if permit is None:
                return candidate, Fetched({})
            for part in parts:
                self._left[part].asked.add(candidate.name)
        limit = max(0.0, until - self._clock.monotonic())
        fetched = await self._router.fetcher.fetch(candidate, parts, permit, limit, self._events)
        if not (
            fetched.refused and isinstance(fetched.error, (InvalidQuery, UnknownSymbol)) and len(parts) > 1
        ):
            return candidate, fetched
        entries: dict[Query, Entry] = {}
        for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]):
            further = self._take(candidate, half) if self._clock.monotonic() < until else None
            if further is not None:
                entries |= (await self._voice(candidate, half, further, until))[1].entries
        return candidate, Fetched(entries)

    def _missed(self, parts: Sequence[Query], fetched: Fetched) -> None:
        """Book what a member of a panel could not say."""
        if fetched.error is not None:
            for part in parts:
                if part not in fetched.entries:
                    self._left[part].errors.append(fetched.error)

    def _hear(self, part: Query, said: Sequence[tuple[Candidate, Entry]]) -> None:
        """Put together what a panel said to a part: kept as the provider's word, or no consensus.

        What is stale has no voice. A price that jumped is believed where members of two origins say so.
        """
        errand, keeper = self._left[part], self._router.fetcher.keeper
        said = [(member, entry) for member, entry in said if not entry.stale]
        if not said:
            return
        heard, apart = keeper.together(part, said, self._events)
        for member in apart:
            self._router.fetcher.conduct.outlier(member, part)
        if isinstance(heard, FeedmuxError):
            errand.errors.append(heard)
            return
        origins = {
            entry.items[0].origin for member, entry in said if entry.items and member.name not in apart
        }
        if len(origins) < 2 and heard.items and keeper.jumped(said[0][0], part, heard.items[0]):
            self._suspect(said[0][0], errand, heard, self._router.budget.spend(self._clock.monotonic()))
            return
        keeper.cache.keep(keeper.keys(said[0][0], part)[-1], heard)
        self._end(errand, heard)

    async def _listed(self, candidate: Candidate, parts: tuple[Query, ...]) -> tuple[Query, ...]:
        """Have the candidate's listing, then say which of the parts it lists."""
        failed = await self._router.fetcher.listings.have(candidate.standing, self._share(candidate, parts))
        now, listing = self._clock.monotonic(), candidate.standing.listing
        if listing is None:
            detail = failed.detail if failed else ""
            self._tell(
                Skipped(at=now, member=candidate.name, reason=Reason.CLOSED, detail=f"no listing: {detail}")
            )
            for part in parts:
                if failed is not None:
                    self._left[part].errors.append(failed)
            return ()
        narrowed = self._router.route(parts, self._pins)
        if candidate in narrowed.order:
            return narrowed.parts_for(candidate)
        skips = (event for event in narrowed.events(now) if isinstance(event, Skipped))
        self._tell(*(skip for skip in skips if skip.member == candidate.name))
        for part in parts:
            self._left[part].errors.append(UnknownSymbol("does not list it", provider=candidate.name))
        return ()

    def _share(self, candidate: Candidate, parts: Sequence[Query]) -> float:
        """Seconds this try may take: what is left of the deadline, divided by the tries left."""
        left = self._deadline - self._clock.monotonic()
        tries = TRIES - min(self._left[part].tries for part in parts)
        return max(0.0, left) / max(1, min(tries, 1 + len(self._queue)))

    def _until(self, candidate: Candidate, parts: Sequence[Query]) -> float:
        """Until when (monotonic) this try may go on."""
        return self._clock.monotonic() + self._share(candidate, parts)

    async def _request(
        self, candidate: Candidate, parts: Sequence[Query], permit: Permit, until: float
    ) -> None:
        """One upstream request; a batch refused for one bad item is halved, while the try's time lasts."""
        limit = max(0.0, until - self._clock.monotonic())
        fetched = await self._router.fetcher.fetch(candidate, parts, permit, limit, self._events)
        if fetched.refused and isinstance(fetched.error, (InvalidQuery, UnknownSymbol)) and len(parts) > 1:
            middle = len(parts) // 2
            for half in (parts[:middle], parts[middle:]):
                further = self._take(candidate, half) if self._clock.monotonic() < until else None
                if further is not None:
                    await self._request(candidate, half, further, until)
                else:
                    self._refuse(half, fetched.error)
            return
        doubtful = any(part in fetched.suspects for part in parts)
        may_confirm = doubtful and self._router.budget.spend(self._clock.monotonic())
        for part in parts:
            self._book(candidate, part, fetched, may_confirm)

    def _refuse(self, parts: Sequence[Query], error: FeedmuxError) -> None:
        """The batch was refused, and nobody found out for which of its items."""
        for part in parts:
            if part in self._left:
                self._left[part].errors.append(UpstreamDown("refused a batch", provider=error.provider))

    def _book(self, candidate: Candidate, part: Query, fetched: Fetched, may_confirm: bool) -> None:
        errand = self._left.get(part)
        if errand is None:
            return
        if part in fetched.entries:
            if errand.suspect is not None:
                self._contradicted(errand.suspect, part)
            self._end(errand, fetched.entries[part])
        elif part in fetched.suspects:
            self._suspect(candidate, errand, fetched.suspects[part], may_confirm)
        elif fetched.error is not None:
            errand.errors.append(fetched.error)

    def _suspect(self, candidate: Candidate, errand: Errand, entry: Entry, may_confirm: bool) -> None:
        """A price jumped: the second member to say so confirms it, else one more is asked where the budget allows."""
        first, keeper = errand.suspect, self._router.fetcher.keeper
        if first is not None and (confirmed := keeper.confirmed(errand.part, first, entry)):
            self._end(errand, confirmed)
            return
        errand.errors.append(BadPayload("a jump that nobody confirmed", provider=candidate.name))
        keeper.cache.remember_jump(errand.part, entry)
        errand.suspect = entry
        if first is not None or not may_confirm:
            self._end(errand, errand.errors[-1])

    def _contradicted(self, suspect: Entry, part: Query) -> None:
        """Another member said what was known before: the jump counts against who said it, and confirms nothing."""
        self._router.fetcher.keeper.cache.forget_jump(part, suspect.member)
        self._router.fetcher.conduct.outlier(suspect.member, part)

    # where nobody is next

    async def _panic(self) -> bool:
        """Ask the member whose backoff ends first, though our own count holds it to be down; True where asked."""
        skip, now = self._route.least_closed(), self._clock.monotonic()
        if skip is None or not self._router.may_panic(now):
            return False
        candidate = skip.candidate
        if candidate.standing.breaker.probing:
            return False
        self._router.panic(True, now)
        self._tell(Considered(at=now, members=(candidate.name,)))
        try:
            parts = tuple(part for part in skip.parts if self._may_ask(candidate, part))
            if candidate.listed and candidate.standing.listing is None and parts:
                parts = await self._listed(candidate, parts)
            parts = parts[: candidate.terms.batch]
            permit = self._take_anyway(candidate, parts) if parts else None
            if permit is None:
                return False
            await self._ask(candidate, parts, permit)
        finally:
            self._router.panic(False, self._clock.monotonic())
        return bool(self._left)

    def _take_anyway(self, candidate: Candidate, parts: Sequence[Query]) -> Permit | None:
        """A permit for a member that only we hold to be down; its quota stands all the same."""
        taken = candidate.standing.quota.take(candidate.cost_of(_joined(parts)), self._clock.monotonic())
        if isinstance(taken, Full):
            return None
        candidate.standing.breaker.probing = True
        return taken

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
        self._tell(Waited(at=now, member=skip.candidate.name, seconds=seconds))
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
        self._tell(*self._route.events(self._clock.monotonic()))

    def _reopening(self) -> Skip | None:
        """The first throttled member to be askable again of those that may still be asked for something."""
        route = self._router.route(tuple(self._left), self._pins)
        return route.reopening(lambda candidate: any(self._may_ask(candidate, part) for part in self._left))

    # the end

    def _give_up(self) -> None:
        for errand in list(self._left.values()):
            self._end(errand, self._verdict(errand))

    def _verdict(self, errand: Errand) -> FeedmuxError:
        return verdict(errand, self._router.route((errand.part,), self._pins), self._clock.monotonic())

    def _end(self, errand: Errand, ending: Entry | FeedmuxError) -> None:
        del self._left[errand.part]
        errand.done(ending)

    def _end_all(self, error: FeedmuxError) -> None:
        for errand in list(self._left.values()):
            self._end(errand, error)


def _joined(parts: Sequence[Query]) -> Query:
    """The parts as the one question that a request asks."""
    return parts[0] if len(parts) == 1 else parts[0].narrowed([e for part in parts for e in part.elements])
