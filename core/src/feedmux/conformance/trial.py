"""One case put to the real engine, in virtual time, with nothing else installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import feedmux
from feedmux.clock import Chance, Clock
from feedmux.conformance.case import HEALTH, ITEMS, LISTING, Case
from feedmux.conformance.outcome import Outcome, slug
from feedmux.conformance.replay import Replay
from feedmux.conformance.subject import PATIENCE, Subject
from feedmux.conformance.watch import Watch
from feedmux.errors import BadPayload, FeedmuxError, described
from feedmux.event import Tried
from feedmux.mux import Mux
from feedmux.quota import Full
from feedmux.secret import Secret
from feedmux.settings import ProviderSettings, Settings
from feedmux.standing import Standing
from feedmux.store import MemoryStore
from feedmux.transport import Transport
from feedmux.virtual import virtual_clock

CANARY = "CANARY-5f0c1e9a7b"
"""The key that providers are given here; it must show nowhere."""


def settings(subject: Subject, member: str = "", plan: str | None = None) -> Settings:
    """The provider with the canary for a key, where it takes one; one of its members enabled."""
    key = Secret(CANARY) if subject.takes_key else None
    members = (member,) if member else None
    return Settings(providers={subject.name: ProviderSettings(api_key=key, members=members, plan=plan)})


@asynccontextmanager
async def opened(subject: Subject, watch: Watch, at: datetime, chosen: Settings) -> AsyncIterator[Mux]:
    """An engine whose wall clock now reads `at`."""
    plugins, extensions = {subject.name: subject.plugin}, {"conformance": watch}
    async with feedmux.open(chosen, plugins=plugins, extensions=extensions, clock=_clock(at), seed=1) as mux:
        yield mux


def _clock(at: datetime) -> Clock:
    return virtual_clock(at - timedelta(seconds=asyncio.get_running_loop().time()))


async def put(subject: Subject, case: Case, transport: Transport | None = None) -> Outcome:
    """Ask what the case asks, by default of an upstream that answers as it says."""
    replay = upstream(subject, case)
    watch = Watch(transport or replay)
    async with opened(subject, watch, case.asked_at, settings(subject, case.member)) as mux:
        return await _told(case, mux, watch, replay, subject.patience)


async def put_anew(subject: Subject, case: Case, first: Mux, watch: Watch) -> Outcome:
    """`put` for the thousandth time: an engine of its own, its plugins those that `first` has loaded already."""
    replay = upstream(subject, case)
    watch.begin(replay)
    mux = Mux(first.settings, first._registry, _clock(case.asked_at), MemoryStore(), Chance(1))
    await mux.start()
    try:
        return await _told(case, mux, watch, replay, subject.patience)
    finally:
        await mux.aclose()


async def _told(case: Case, mux: Mux, watch: Watch, replay: Replay, patience: float) -> Outcome:
    outcome = await asked(case, mux, watch, patience)
    await mux.clock.sleep(0.001)  # observers hear of it
    outcome.sent, outcome.unanswered = replay.seen, replay.unanswered
    outcome.events, outcome.held = watch.events, watch.held
    return outcome


def upstream(subject: Subject, case: Case) -> Replay:
    """What answers as the case says; a listing as the case for its member says."""
    others = [other for other in (subject.listing(case.member), *subject.cases) if other is not None]
    return Replay(case, others, subject.hosts(case.member))


async def asked(case: Case, mux: Mux, watch: Watch, patience: float = PATIENCE) -> Outcome:
    """Put a case's question to an engine that the watch stands beside, and wait so many seconds."""
    if case.capability == HEALTH:
        await check_health(mux, case.member)
        return _of_hook(watch)
    if case.capability == LISTING:
        return _of_hook(watch, await read_listing(mux, case.member))
    query = mux.queries[case.capability].from_strings(case.parameters)
    answer = error = None
    try:
        answer = await mux.get(query, deadline=patience)
        told = answer.trace.events
    except FeedmuxError as failed:
        error, told = failed, getattr(failed.trace, "events", ())
    tried = [event for event in told if isinstance(event, Tried)]
    raised = next((one.raised for one in reversed(watch.ended) if one.hook == "feedmux_fetch"), None)
    return Outcome(slug=slug(tried, raised, error), answer=answer, error=error, raised=raised)


async def check_health(mux: Mux, member: str) -> None:
    """Run a member's health check as a probe does; its outcome shows in the watch."""
    standing = _standing(mux, member)
    permit = standing.quota.take(1, mux.clock.monotonic())
    if isinstance(permit, Full):
        raise ValueError(f"no permit: {permit.reason}")
    await mux._fetcher.health(standing, permit, PATIENCE)


async def read_listing(mux: Mux, member: str) -> FeedmuxError | None:
    """Have a member's listing read as a question does; the error where that failed."""
    return await mux._fetcher.listings.have(_standing(mux, member), PATIENCE)


def permits_open(mux: Mux) -> int:
    """Permits that have not ended."""
    return sum(standing.quota.in_flight for standing in mux._fleet.standings.values())


def _standing(mux: Mux, member: str) -> Standing:
    """The member as the engine holds it; the first that is enabled where none is named."""
    standings = [one for one in mux._fleet.standings.values() if not one.disabled]
    return next(one for one in standings if member in ("", one.member))


def _of_hook(watch: Watch, error: FeedmuxError | None = None) -> Outcome:
    raised = watch.ended[-1].raised if watch.ended else None
    if error is None and raised is not None:
        error = raised if isinstance(raised, FeedmuxError) else BadPayload(described(raised))
    return Outcome(slug=error.slug if error else ITEMS, error=error, raised=raised)
