"""Whether an attempt that is given up leaves anything open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from feedmux.conformance.case import HEALTH, LISTING, Case
from feedmux.conformance.report import Verdict
from feedmux.conformance.subject import PATIENCE, Subject
from feedmux.conformance.trial import (
    check_health,
    opened,
    permits_open,
    read_listing,
    settings,
    upstream,
)
from feedmux.conformance.watch import Watch
from feedmux.errors import FeedmuxError
from feedmux.event import Misbehaved
from feedmux.mux import Mux
from feedmux.transport import Incoming, Outgoing, Transport

BEFORE = 30.0
"""Seconds of virtual time after which whoever was cancelled has surely ended."""
AT_ONCE = 0.05
"""Seconds of real time after which a question has surely been put, and a model hardly read it."""


class Hanging:
    """Never answers. What is not `held` (a listing that must be there first) is answered by `other`."""

    simulated = False

    def __init__(self, other: Transport, answered_first: int) -> None:
        self.open = 0
        self._other = other
        self._answers = answered_first

    async def send(self, outgoing: Outgoing) -> Incoming:
        if self._answers:
            self._answers -= 1
            return await self._other.send(outgoing)
        self.open += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.open -= 1
        raise AssertionError("a future that nobody keeps is never done")

    async def aclose(self) -> None:
        """Nothing is open."""


def cancellation_leaves_nothing_open(subject: Subject) -> Verdict:
    """An attempt whose time is up, or whose engine is closed, ends: no request, no permit, no task is left."""
    found = []
    for case in subject.cases:
        if case.succeeds:
            if not subject.without_http:  # there is no upstream that could hang
                found += [f"{case.name}: {left}" for left in subject.run(_timed_out(subject, case))]
            found += [f"{case.name}: {left}" for left in subject.run(_closed(subject, case))]
    return Verdict(found)


def _hanging(subject: Subject, case: Case) -> Hanging:
    listed = case.is_question and subject.listing(case.member) is not None and _needs_listing(subject, case)
    return Hanging(upstream(subject, case), answered_first=int(listed))


def _needs_listing(subject: Subject, case: Case) -> bool:
    listed = subject.upstream(case.member).listed
    return any(getattr(kind, "capability", "") == case.capability for kind in listed)


async def _timed_out(subject: Subject, case: Case) -> list[str]:
    transport = _hanging(subject, case)
    watch = Watch(transport)
    async with opened(subject, watch, case.asked_at, settings(subject, case.member)) as mux:
        before = asyncio.all_tasks()
        await _ask(mux, case)
        await mux.clock.sleep(BEFORE)
        left = [*_open(mux, transport), *_tasks(asyncio.all_tasks() - before)]
    misdeeds = [event.detail for event in watch.events if isinstance(event, Misbehaved)]
    return [*(f"out of time, {one}" for one in left), *misdeeds]


async def _closed(subject: Subject, case: Case) -> list[str]:
    transport = _hanging(subject, case)
    watch, before = Watch(transport), asyncio.all_tasks()
    async with opened(subject, watch, case.asked_at, settings(subject, case.member)) as mux:
        asking = asyncio.ensure_future(_ask(mux, case))
        await mux.clock.sleep(AT_ONCE if subject.without_http else PATIENCE / 10)
    asking.cancel()
    await asyncio.wait({asking})
    left = [*_open(mux, transport), *_tasks(asyncio.all_tasks() - before)]
    return [f"closed, {one}" for one in left]


async def _ask(mux: Mux, case: Case) -> None:
    try:
        if case.capability == HEALTH:
            await check_health(mux, case.member)
        elif case.capability == LISTING:
            await read_listing(mux, case.member)
        else:
            await mux.get(mux.queries[case.capability].from_strings(case.parameters), deadline=PATIENCE)
    except FeedmuxError:
        pass  # nothing came, as it should


def _open(mux: Mux, transport: Hanging) -> Iterator[str]:
    if transport.open:
        yield f"{transport.open} requests are left open"
    if permits := permits_open(mux):
        yield f"{permits} permits are left open"


def _tasks(tasks: set[asyncio.Task[object]]) -> Iterator[str]:
    for task in tasks:
        yield f"a task is left: {getattr(task.get_coro(), '__qualname__', task.get_name())}"
