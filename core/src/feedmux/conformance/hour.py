"""An hour in which everything is asked that may be asked, as the upstream counts it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from feedmux.clock import Chance, Clock
from feedmux.conformance.case import Case, Grade
from feedmux.conformance.declaration import cost_of, said
from feedmux.conformance.replay import Replay, below, canonical
from feedmux.conformance.report import Verdict
from feedmux.conformance.subject import PATIENCE, Subject
from feedmux.conformance.trial import opened, settings
from feedmux.conformance.watch import Watch
from feedmux.endpoint import Plan
from feedmux.errors import FeedmuxError
from feedmux.limits import Counts, Window
from feedmux.mux import Mux
from feedmux.provider import Member
from feedmux.query import Query
from feedmux.registry import Loaded
from feedmux.transport import Incoming, Outgoing

HOUR = 3600.0
MOST = 5000
"""Requests after which the hours have shown enough, all plans together."""
Costs: TypeAlias = Callable[[str], int]


class Count:
    """One window as an upstream counts it: in any `per` seconds, and in fixed ones that begin when nobody knows."""

    def __init__(self, window: Window, phase: float) -> None:
        self.window = window
        self.most = 0
        self._phase = phase * window.per
        self._fixed = (-1, 0)
        self._seen: deque[tuple[float, int]] = deque()
        self._inside = 0

    def add(self, at: float, cost: int) -> None:
        units = cost if self.window.counts is Counts.COST else 1
        number = int((at + self._phase) // self.window.per)
        self._fixed = (number, units + (self._fixed[1] if self._fixed[0] == number else 0))
        while self._seen and self._seen[0][0] <= at - self.window.per:
            self._inside -= self._seen.popleft()[1]
        self._seen.append((at, units))
        self._inside += units
        self.most = max(self.most, self._inside, self._fixed[1])


class Counting:
    """An upstream that counts what reaches each host, whichever member sends it."""

    simulated = False

    def __init__(self, replay: Replay, windows: Mapping[str, Sequence[Window]], costs: Costs) -> None:
        chance = Chance(1).generator("phase")
        self.clock: Clock
        self.requests = 0
        self.counts = {
            host: [Count(window, chance.random()) for window in each] for host, each in windows.items()
        }
        self._replay = replay
        self._costs = costs

    async def send(self, outgoing: Outgoing) -> Incoming:
        self.requests += 1
        for host, counts in self.counts.items():
            if (target := below(outgoing.url, [host])) != outgoing.url:
                for count in counts:
                    count.add(self.clock.monotonic(), self._costs(target))
        await self.clock.sleep(0.005)
        return await self._replay.send(outgoing)

    def exceeded(self) -> Iterator[str]:
        """Where more arrived than is declared."""
        for host, counts in self.counts.items():
            for count in counts:
                if count.most > count.window.limit:
                    yield f"{host} counts {count.most}, {said(count.window)} are declared"

    async def aclose(self) -> None:
        """Nothing is open."""


def the_quota_is_never_exceeded(subject: Subject) -> Verdict:
    """In no window, sliding or fixed, does a host get more than is declared, whatever the plan."""
    if subject.loaded is None:
        return Verdict()
    found, sent = list[str](), 0
    plans, times = subject.loaded.upstream.plans or {"": Plan()}, _at_one_time(subject)
    most = MOST // max(1, len(plans) * len(times))
    for plan in plans:
        for at, queries in times.items():
            counting = subject.run(_hour(subject, subject.loaded, plan, at, queries, most))
            sent += counting.requests
            found += [f"plan {plan}: {over}" if plan else over for over in counting.exceeded()]
    return Verdict(list(dict.fromkeys(found)), f"{sent:,} requests")


def _at_one_time(subject: Subject) -> dict[datetime, list[Query]]:
    """One question of each kind, those together whose cases were asked at the same time: bodies grow old."""
    first: dict[str, tuple[Case, Query]] = {}
    for case, query in subject.questions():
        if case.succeeds:
            first.setdefault(case.capability, (case, query))
    together: dict[datetime, list[Query]] = {}
    for case, query in first.values():
        together.setdefault(case.asked_at, []).append(query)
    return together


async def _hour(
    subject: Subject, loaded: Loaded, plan: str, at: datetime, queries: Sequence[Query], most: int
) -> Counting:
    """Ask these over and over, each as soon as it was answered, until so many requests were sent."""
    replay = Replay(Case(capability="", asked_at=at, status=404, grade=Grade.MADE), subject.cases, ())
    windows = _windows(loaded, loaded.upstream.plans.get(plan, Plan()))
    counting = Counting(replay, windows, _costs(subject))
    async with opened(subject, Watch(counting), at, settings(subject, plan=plan or None)) as mux:
        counting.clock = mux.clock
        async with asyncio.TaskGroup() as group:
            for query in queries:
                group.create_task(_over_and_over(mux, query, counting, most))
    return counting


async def _over_and_over(mux: Mux, query: Query, counting: Counting, most: int) -> None:
    until = mux.clock.monotonic() + HOUR
    while mux.clock.monotonic() < until and counting.requests < most:
        mux.clear_cache()
        try:
            await mux.get(query, deadline=PATIENCE)
        except FeedmuxError as error:
            await mux.clock.sleep(min(error.retry_after or PATIENCE, PATIENCE))


def _windows(loaded: Loaded, plan: Plan) -> dict[str, Sequence[Window]]:
    """What each host allows, as its member declares it; the first to name a host speaks for it."""
    upstream, windows = loaded.upstream, dict[str, Sequence[Window]]()
    for member in upstream.members or (Member(loaded.name, upstream.hosts),):
        limits = member.limits or loaded.limits
        for host in plan.hosts or member.hosts or upstream.hosts:
            windows.setdefault(host.rstrip("/"), plan.windows or limits.windows)
    return windows


def _costs(subject: Subject) -> Costs:
    """What a request costs, by its target: as the terms of the case's question say, or those of the listing."""
    known = [
        (canonical(source.request.target), source.cost)
        for member in subject.members
        if (source := subject.upstream(member).listing)
    ]
    for case, query in subject.questions():
        terms = subject.serves(case.member)[type(query)]
        known.append((canonical(case.target), cost_of(terms, query)))
    return lambda target: next((cost for path, cost in known if path == canonical(target)), 1)
