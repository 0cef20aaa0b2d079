"""One flight a question: whoever asks the same waits for the same answer, whoever cancels."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable
from functools import partial

from feedmux.cache import Entry
from feedmux.clock import Clock
from feedmux.crossing import Crossing
from feedmux.errand import Errand
from feedmux.errors import FeedmuxError, NoProvider
from feedmux.query import Query
from feedmux.route import Pins
from feedmux.router import Router
from feedmux.walk import Walk

GATHER = 0.010
"""Seconds for which divisible questions that miss may wait for company."""


class Flight:
    """A part of a question that is under way, and its end: an entry or an error."""

    __slots__ = ("errand", "landed")

    def __init__(self, errand: Errand, landed: asyncio.Future[Entry | FeedmuxError]) -> None:
        self.errand = errand
        self.landed = landed


class Coalescer:
    """Flights by part and pins. Divisible questions are gathered and share upstream requests.

    A question leaves with the next turn of the loop; while others of its company are in the air, those that
    follow within 10 ms leave together. Who asks one after the other never waits.
    """

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._flights: dict[tuple[Query, Pins], Flight] = {}
        self._gathered: dict[Hashable, list[Flight]] = {}
        self._left_at: dict[Hashable, float] = {}
        """When the last flights of a company left, while any of them is in the air."""
        self._in_the_air: Counter[Hashable] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def flight(self, part: Query, pins: Pins, deadline: float, *, at_hand: bool) -> tuple[Flight, bool]:
        """The flight for a part, and whether it was under way already."""
        if self._closed:
            raise NoProvider("the engine is closed")
        known = self._flights.get((part, pins))
        if known is not None and not known.landed.done():
            known.errand.deadline = max(known.errand.deadline, deadline)
            return known, True
        loop = asyncio.get_running_loop()
        landed: asyncio.Future[Entry | FeedmuxError] = loop.create_future()
        company = _company(part, pins)
        done = partial(self._land, (part, pins), company, landed)
        flight = Flight(Errand(part, deadline, at_hand=at_hand, done=done), landed)
        self._flights[part, pins] = flight
        self._gather(flight, company, pins, loop)
        return flight, False

    def _gather(self, flight: Flight, company: Hashable, pins: Pins, loop: asyncio.AbstractEventLoop) -> None:
        waiting = self._gathered.setdefault(company, [])
        waiting.append(flight)
        if len(waiting) > 1:
            return
        wait = self._left_at.get(company, -GATHER) + GATHER - self._clock.monotonic()
        if flight.errand.part.many and wait > 0:
            loop.call_later(wait, self._leave, company, pins)
        else:
            loop.call_soon(self._leave, company, pins)

    def _leave(self, company: Hashable, pins: Pins) -> None:
        flights = self._gathered.pop(company, [])
        if self._closed:
            return
        now = self._clock.monotonic()
        self._left_at[company] = now
        self._in_the_air[company] += len(flights)
        for _ in flights:
            self._router.budget.asked(now)
        for walk in self._router.walks([flight.errand for flight in flights], pins):
            self._start(walk)

    def _land(
        self,
        key: tuple[Query, Pins],
        company: Hashable,
        landed: asyncio.Future[Entry | FeedmuxError],
        end: Entry | FeedmuxError,
    ) -> None:
        self._flights.pop(key, None)
        self._in_the_air[company] -= 1
        if self._in_the_air[company] <= 0:
            del self._in_the_air[company]
            self._left_at.pop(company, None)
        if not landed.done():
            landed.set_result(end)

    def _start(self, walk: Walk | Crossing) -> None:
        task = asyncio.get_running_loop().create_task(walk.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """Flights that have not landed."""
        return len(self._flights)

    async def aclose(self) -> None:
        """Cancel what is under way; everybody who waits is told."""
        self._closed = True
        for flights in self._gathered.values():
            for flight in flights:
                flight.errand.done(NoProvider("the engine is closing"))
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)


def _company(part: Query, pins: Pins) -> Hashable:
    """Parts with the same company may share a request: all but their elements is the same."""
    if not part.many:
        return part, pins
    rest = tuple(getattr(part, name) for name in type(part).shared_fields())
    exact = any(":" in symbol for symbol in part.symbols_asked)
    return type(part), rest, exact, pins
