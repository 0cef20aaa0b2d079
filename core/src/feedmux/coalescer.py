"""One flight a question: whoever asks the same waits for the same answer, whoever cancels."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from functools import partial

from msgspec.structs import fields

from feedmux.cache import Entry
from feedmux.clock import Clock
from feedmux.errors import FeedmuxError
from feedmux.query import Query
from feedmux.route import Pins
from feedmux.router import Errand, Router, Walk

GATHER = 0.010
"""Seconds for which divisible questions that miss may wait for company."""


class Flight:
    """A part of a question that is under way, and its end: an entry or an error."""

    __slots__ = ("deadline", "errand", "landed")

    def __init__(self, errand: Errand, landed: asyncio.Future[Entry | FeedmuxError], deadline: float) -> None:
        self.errand = errand
        self.landed = landed
        self.deadline = deadline


class Coalescer:
    """Flights by part and pins. Divisible questions are gathered and share upstream requests.

    A lone question leaves with the next turn of the loop; those that follow within 10 ms leave together.
    """

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._flights: dict[tuple[Query, Pins], Flight] = {}
        self._gathered: dict[Hashable, list[Flight]] = {}
        self._left_at: dict[Hashable, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def flight(self, part: Query, pins: Pins, deadline: float, *, at_hand: bool) -> tuple[Flight, bool]:
        """The flight for a part, and whether it was under way already."""
        known = self._flights.get((part, pins))
        if known is not None and not known.landed.done():
            return known, True
        loop = asyncio.get_running_loop()
        landed: asyncio.Future[Entry | FeedmuxError] = loop.create_future()
        errand = Errand(part, at_hand=at_hand, done=partial(self._land, (part, pins), landed))
        flight = Flight(errand, landed, deadline)
        self._flights[part, pins] = flight
        self._gather(flight, pins, loop)
        return flight, False

    def _land(
        self, key: tuple[Query, Pins], landed: asyncio.Future[Entry | FeedmuxError], end: Entry | FeedmuxError
    ) -> None:
        self._flights.pop(key, None)
        if not landed.done():
            landed.set_result(end)

    def _gather(self, flight: Flight, pins: Pins, loop: asyncio.AbstractEventLoop) -> None:
        company = _company(flight.errand.part, pins)
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
        now = self._clock.monotonic()
        self._left_at = {c: left for c, left in self._left_at.items() if left + GATHER > now} | {company: now}
        for _ in flights:
            self._router.budget.asked(now)
        deadline = max(flight.deadline for flight in flights)
        for walk in self._router.walks([flight.errand for flight in flights], pins, deadline):
            self._start(walk)

    def _start(self, walk: Walk) -> None:
        task = asyncio.get_running_loop().create_task(walk.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """Flights that have not landed."""
        return len(self._flights)

    async def aclose(self) -> None:
        """Cancel what is under way; everybody who waits is told."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)


def _company(part: Query, pins: Pins) -> Hashable:
    """Parts with the same company may share a request: all but their elements is the same."""
    if not part.many:
        return part, pins
    rest: Mapping[str, object] = {
        f.name: getattr(part, f.name) for f in fields(type(part)) if f.name != part.many
    }
    exact = any(":" in symbol for symbol in part.symbols_asked)
    return type(part), tuple(rest.items()), exact, pins
