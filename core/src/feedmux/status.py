"""What people are shown: each provider's state, each pool's quota, and the counts since the start."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct, field

from feedmux import forecast
from feedmux.breaker import State
from feedmux.event import Answered, Event, Joined, Misbehaved, Result, ServedStale, Skipped, Tried
from feedmux.fleet import Fleet
from feedmux.limits import Counts, Tier
from feedmux.registry import Loaded, Quarantined, Registry
from feedmux.standing import Standing
from feedmux.window import SlidingWindow


class MemberStatus(Struct, frozen=True, kw_only=True):
    """One member now. `wait` is the seconds until its state may change, None where time changes nothing."""

    name: str
    state: State
    cause: str = ""
    since: datetime | None = None
    wait: float | None = None
    quota_left: float = 1.0
    next_reset: float | None = None
    requests: int = 0
    successes: int = 0
    failures: int = 0
    refusals: int = 0
    latency: float | None = None
    success_share: float | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_error: str = ""
    last_error_class: str = ""


class ProviderStatus(Struct, frozen=True, kw_only=True):
    """One provider now; `state` is that of its best member.

    `notes` are for whoever operates it: what loading it changed in the process, that it is another one on disk.
    """

    name: str
    distribution: str
    version: str
    state: State
    cause: str = ""
    wait: float | None = None
    weight: float | None = None
    tier: Tier | None = None
    capabilities: tuple[str, ...] = ()
    quota_left: float | None = None
    next_reset: float | None = None
    last_error: str = ""
    attribution: str = ""
    docs: str = ""
    simulated: bool = False
    members: tuple[MemberStatus, ...] = ()
    notes: tuple[str, ...] = ()


class LedgerRow(Struct, frozen=True, kw_only=True):
    """One window of one pool: used as we count, and as the upstream last said. `reset` in seconds, None where unused.

    `rate` is in units a second, of a day's window over the last hour, of others in proportion, a minute at least.
    `runs_out` is the seconds until nothing is left if that goes on, None where the window frees itself as fast.
    `believed` is what the upstream seems to allow since it refused at less than `limit`, None where it did not.
    `today` is what is left of the units that a day may take without haste, None for a window shorter than a week.
    """

    pool: str
    limit: int
    per: float
    counts: Counts
    used: int
    used_upstream: int | None
    left: int
    reset: float | None
    rate: float = 0.0
    runs_out: float | None = None
    believed: int | None = None
    today: int | None = None


class Stats(Struct):
    """Counts since the start, made from events alone."""

    questions: int = 0
    from_cache: int = 0
    coalesced: int = 0
    stale: int = 0
    failed: int = 0
    seconds: float = 0.0
    requests: int = 0
    by_result: Counter[str] = field(default_factory=Counter)
    by_provider: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    misbehaved: Counter[str] = field(default_factory=Counter)

    def observe(self, event: Event) -> None:
        """Count an event."""
        if isinstance(event, Answered):
            self.questions += 1
            self.seconds += event.seconds
            self.from_cache += event.source == "cache"
            self.failed += event.items == 0
        elif isinstance(event, Tried):
            self.requests += event.requests
            self.by_result[event.result.value] += 1
            if event.result in (Result.ANSWERED, Result.PARTIAL):
                self.by_provider[event.provider] += 1
        elif isinstance(event, Joined):
            self.coalesced += 1
        elif isinstance(event, ServedStale):
            self.stale += 1
        elif isinstance(event, Skipped):
            self.skips[f"{event.member}: {event.reason.value}"] += 1
        elif isinstance(event, Misbehaved):
            self.misbehaved[event.member] += 1


_BEST_FIRST = (
    State.OPEN,
    State.RECOVERING,
    State.UNKNOWN,
    State.EXHAUSTED,
    State.THROTTLED,
    State.BLOCKED,
    State.NEEDS_KEY,
    State.QUARANTINED,
)


def providers(registry: Registry, fleet: Fleet, now: float, wall: datetime) -> list[ProviderStatus]:
    """Every loaded provider and every one that was set aside, by name."""
    by_provider: dict[str, list[Standing]] = {}
    for standing in fleet.standings.values():
        by_provider.setdefault(standing.provider, []).append(standing)
    notes = registry.notes(now)
    rows = [
        _provider(loaded, by_provider.get(name, []), fleet, now, wall, notes.get(loaded.distribution, ()))
        for name, loaded in registry.providers.items()
    ]
    aside = [_set_aside(entry, notes.get(entry.distribution, ())) for entry in registry.quarantined]
    return sorted(rows + aside, key=lambda row: row.name)


def _provider(
    loaded: Loaded,
    standings: list[Standing],
    fleet: Fleet,
    now: float,
    wall: datetime,
    notes: tuple[str, ...],
) -> ProviderStatus:
    members = tuple(member(standing, fleet, now, wall) for standing in standings)
    best = min(members, key=lambda one: _BEST_FIRST.index(one.state))
    newest = max(
        (one for one in members if one.last_failure), key=lambda one: one.last_failure or wall, default=None
    )
    first = standings[0]
    resets = [one.next_reset for one in members if one.next_reset is not None]
    return ProviderStatus(
        name=loaded.name,
        distribution=loaded.distribution,
        version=loaded.version,
        state=best.state,
        cause=best.cause,
        wait=best.wait,
        weight=first.limits.weight,
        tier=loaded.limits.tier,
        capabilities=tuple(query.capability for query in loaded.limits.serves),
        quota_left=min(one.quota_left for one in members),
        next_reset=min(resets, default=None),
        last_error=newest.last_error if newest else "",
        attribution=loaded.upstream.attribution,
        docs=loaded.upstream.docs,
        simulated=first.simulated,
        members=members,
        notes=notes,
    )


def _set_aside(entry: Quarantined, notes: tuple[str, ...]) -> ProviderStatus:
    return ProviderStatus(
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        state=State.QUARANTINED,
        cause=entry.reason,
        last_error=entry.reason,
        notes=notes,
    )


def member(standing: Standing, fleet: Fleet, now: float, wall: datetime) -> MemberStatus:
    """One member as it stands."""
    state, cause, wait = standing.condition(now)
    scores = [
        candidate.score
        for rotation in fleet.rotations.values()
        for candidate in rotation.candidates
        if candidate.standing is standing and candidate.score.calls
    ]
    tally = standing.tally
    return MemberStatus(
        name=standing.name,
        state=state,
        cause=cause,
        since=_instant(standing.breaker.state.since, now, wall),
        wait=wait,
        quota_left=standing.quota.left(now),
        next_reset=_reset(standing, now),
        requests=tally.requests,
        successes=tally.successes,
        failures=tally.failures,
        refusals=tally.refusals,
        latency=max((score.latency for score in scores), default=None),
        success_share=min((score.success_share for score in scores), default=None),
        last_success=tally.last_success,
        last_failure=tally.last_failure,
        last_error=tally.last_error,
        last_error_class=tally.last_class,
    )


def _instant(since: float, now: float, wall: datetime) -> datetime | None:
    return wall - timedelta(seconds=now - since) if since else None


def _reset(standing: Standing, now: float) -> float | None:
    resets = [window.resets(now) for window in standing.quota.windows]
    return min((reset for reset in resets if reset is not None), default=None)


def ledger(fleet: Fleet, now: float) -> list[LedgerRow]:
    """Every window of every pool."""
    return [
        _row(name, window, now) for name, quota in sorted(fleet.quotas.items()) for window in quota.windows
    ]


def _row(pool: str, window: SlidingWindow, now: float) -> LedgerRow:
    occupied, left = window.state(now, now).occupied, max(0, window.room(now))
    speed = forecast.rate(occupied, window.per, now)
    return LedgerRow(
        pool=pool,
        limit=window.limit,
        per=window.per,
        counts=window.counts,
        used=window.used(now) + (window.limit - window.ceiling if window.ceiling != window.share else 0),
        used_upstream=window.used_upstream(now),
        left=left,
        reset=window.resets(now),
        rate=speed,
        runs_out=forecast.runs_out(occupied, left, window.per, speed, now),
        believed=window.believed if window.believed < window.limit else None,
        today=None if (today := window.today(now)) is None else int(today[1]),
    )
