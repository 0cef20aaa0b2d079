"""A walk: some errands of one kind along one route, member after member, until each has its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from feedmux.cache import Entry
from feedmux.errand import TRIES, Errand, ending
from feedmux.errors import FeedmuxError, InvalidQuery, NoProvider, UnknownSymbol
from feedmux.event import Considered, Reason, Skipped
from feedmux.hedge import Hedges
from feedmux.keeper import Fetched
from feedmux.lull import Lull
from feedmux.panel import Panel, Spoken, refused_batch
from feedmux.query import Query
from feedmux.quota import Permit
from feedmux.rotation import Candidate
from feedmux.route import Pins, Route
from feedmux.turn import Turns
from feedmux.verdict import verdict
from feedmux.witness import Witnesses

if TYPE_CHECKING:
    from feedmux.router import Router


class Walk:
    """Some errands of one kind and one route. `begin` takes the first turn at once, `run` does the rest."""

    def __init__(
        self,
        router: Router,
        route: Route,
        errands: Sequence[Errand],
        pins: Pins,
        turns: Turns | None = None,
    ) -> None:
        self._router = router
        self._clock = router.clock
        self._route = route
        self._pins = pins
        self._left = {errand.part: errand for errand in errands}
        self._queue = list(route.order)
        self._step: tuple[Candidate, tuple[Query, ...], Permit | None] | None = None
        self._turns = turns or Turns(router, pins)
        self._lull = Lull(router, self._turns, pins)
        self._members = Panel(router, self._turns, pins, self._left)
        self._witnesses = Witnesses(router, pins)
        self._hedges = Hedges(router, self._turns, pins, self._beside, self._hedge)
        for errand in errands:
            errand.events = self._turns.events

    @property
    def _deadline(self) -> float:
        return max((errand.deadline for errand in self._left.values()), default=0.0)

    def begin(self) -> None:
        """Tell the route and take the first turn, so that the next walk is planned after it."""
        self._turns.tell(*self._route.events(self._clock.monotonic()))
        self._step = self._next()

    async def run(self) -> None:
        """Ask member after member; every errand is told its end exactly once."""
        try:
            with ending(self._end_all):
                await self._along()
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Leave nothing behind where the walk was cancelled: no permit, no errand that waits."""
        candidate, _, permit = self._step or (None, (), None)
        if candidate is not None and permit is not None:
            permit.refund(self._clock.monotonic())
            candidate.standing.breaker.probing = candidate.score.probing = False
        self._hedges.cancel()
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
                if self._turns.is_closed(candidate):
                    continue
                return candidate, parts, None
            permit = self._take(candidate, parts[: candidate.terms.batch])
            if permit is not None:
                return candidate, parts, permit
        return None

    def _may_ask(self, candidate: Candidate, part: Query) -> bool:
        errand = self._left.get(part)
        return errand is not None and errand.may_ask(candidate)

    def _take(self, candidate: Candidate, parts: Sequence[Query]) -> Permit | None:
        return self._turns.take(candidate, parts, self._route.order)

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
            await self._hedges.beside(candidate, parts, requests[0])
        else:
            await asyncio.gather(*requests)

    def _beside(self, parts: Sequence[Query]) -> tuple[Candidate, tuple[Query, ...]] | None:
        """Who is next in the plan for any of these parts that have no answer yet, and for which."""
        for other in self._queue:
            able = [
                part for part in self._route.parts_for(other) if part in parts and self._may_ask(other, part)
            ]
            if able:
                return other, tuple(able)
        return None

    def _hedge(self, other: Candidate, parts: tuple[Query, ...], permit: Permit) -> Coroutine[Any, Any, None]:
        """Ask it beside the one that is late: a try like any other."""
        self._queue.remove(other)
        until = self._until(other, parts)
        for part in parts:
            self._left[part].tried(other)
        return self._request(other, parts, permit, until)

    async def _panel(self, candidate: Candidate, parts: tuple[Query, ...], permit: Permit) -> None:
        """One try at several members of a provider at once, heard together."""
        until = self._until(candidate, parts)
        others = _others(candidate, self._queue)[: candidate.fan_out - 1]
        for other in others:
            self._queue.remove(other)
        for part in parts:
            self._left[part].tried(candidate)
        said = await self._members.ask(dict.fromkeys((candidate, *others), parts), until, permit)
        for part in parts:
            self._hear(part, said[part])

    def _hear(self, part: Query, said: Sequence[Spoken]) -> None:
        """What a panel said to a part is kept as the provider's word, or it is no consensus."""
        heard = self._members.together(part, said)
        if isinstance(heard, FeedmuxError):
            self._left[part].errors.append(heard)
        elif heard is not None and heard.jumped:
            confirms = self._witnesses.may_be_asked(heard.by[0])
            self._suspect(heard.by[0], self._left[part], heard.entry, confirms)
        elif heard is not None:
            self._witnesses.heard(self._left[part], heard.entry)
            self._members.keep(part, heard)
            self._end(self._left[part], heard.entry)

    async def _listed(self, candidate: Candidate, parts: tuple[Query, ...]) -> tuple[Query, ...]:
        """Have the candidate's listing, then say which of the parts it lists."""
        failed = await self._router.fetcher.listings.have(candidate.standing, self._share(candidate, parts))
        now, listing = self._clock.monotonic(), candidate.standing.listing
        if listing is None:
            detail = failed.detail if failed else ""
            self._turns.tell(
                Skipped(at=now, member=candidate.name, reason=Reason.CLOSED, detail=f"no listing: {detail}")
            )
            for part in parts:
                if failed is not None:
                    self._left[part].failed(candidate, failed)
            return ()
        narrowed = self._router.route(parts, self._pins)
        if candidate in narrowed.order:
            return narrowed.parts_for(candidate)
        skips = (event for event in narrowed.events(now) if isinstance(event, Skipped))
        self._turns.tell(*(skip for skip in skips if skip.member == candidate.name))
        for part in parts if _not_listed(candidate, narrowed) else ():
            self._left[part].failed(candidate, UnknownSymbol("does not list it", provider=candidate.name))
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
        fetched = await self._router.fetcher.fetch(candidate, parts, permit, limit, self._turns.events)
        if fetched.refused and isinstance(fetched.error, (InvalidQuery, UnknownSymbol)) and len(parts) > 1:
            middle = len(parts) // 2
            for half in (parts[:middle], parts[middle:]):
                further = self._take(candidate, half) if self._clock.monotonic() < until else None
                if further is not None:
                    await self._request(candidate, half, further, until)
                else:
                    self._refuse(candidate, half)
            return
        doubtful = any(part in fetched.suspects for part in parts)
        may_confirm = doubtful and (self._hedges.under_way or self._witnesses.may_be_asked(candidate))
        for part in parts:
            self._book(candidate, part, fetched, may_confirm)

    def _refuse(self, candidate: Candidate, parts: Sequence[Query]) -> None:
        for part in parts:
            if part in self._left:
                self._left[part].failed(candidate, refused_batch(candidate))

    def _book(self, candidate: Candidate, part: Query, fetched: Fetched, may_confirm: bool) -> None:
        errand = self._left.get(part)
        if errand is None:
            return
        if part in fetched.entries:
            if errand.errors:
                self._router.fetcher.conduct.found_elsewhere(part, errand.errors)
            self._witnesses.heard(errand, fetched.entries[part])
            self._end(errand, fetched.entries[part])
        elif part in fetched.suspects:
            self._suspect(candidate, errand, fetched.suspects[part], may_confirm)
        elif fetched.error is not None:
            errand.failed(candidate, fetched.error)

    def _suspect(self, candidate: Candidate, errand: Errand, entry: Entry, may_confirm: bool) -> None:
        end = self._witnesses.doubted(candidate, errand, entry, may_confirm)
        if end is not None:
            self._end(errand, end)

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
        self._turns.tell(Considered(at=now, members=(candidate.name,)))
        try:
            parts = tuple(part for part in skip.parts if self._may_ask(candidate, part))
            if candidate.listed and candidate.standing.listing is None and parts:
                parts = await self._listed(candidate, parts)
            parts = parts[: candidate.terms.batch]
            permit = self._turns.take_anyway(candidate, parts) if parts else None
            if permit is None:
                return False
            await self._ask(candidate, parts, permit)
        finally:
            self._router.panic(False, self._clock.monotonic())
        return bool(self._left)

    async def _wait(self) -> bool:
        """Wait until one who is throttled can be asked again, then plan anew; True where there is one in time."""
        for errand in [e for e in self._left.values() if e.at_hand or e.tries >= TRIES]:
            self._end(errand, self._verdict(errand))
        if not self._left:
            return False
        quota = await self._lull.over(tuple(self._left.values()), self._deadline)
        if quota is None:
            return False
        self._route = self._router.route(tuple(self._left), self._pins)
        self._queue = list(self._route.order)
        self._turns.tell(*self._route.events(self._clock.monotonic()))
        self._step = self._next()
        quota.admit()
        return True

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


def _not_listed(candidate: Candidate, route: Route) -> bool:
    """Whether it is its listing that stands in the way, not a quota or an interval that ends."""
    return any(skip.candidate is candidate and skip.reason is Reason.NOT_LISTED for skip in route.skips)


def _others(candidate: Candidate, queue: Sequence[Candidate]) -> list[Candidate]:
    """The members beside it in its seat, each once, whichever of their keys comes first."""
    by_source = {one.source: one for one in reversed(queue) if one.seat is candidate.seat}
    return [one for one in queue if by_source.get(one.source) is one and one.source != candidate.source]
