"""The route: in which order members would be asked, and why the others are not. Pure; whatever walks, walks this."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from operator import attrgetter

from msgspec import Struct

from feedmux.event import Considered, Event, Reason, Skipped
from feedmux.limits import Tier
from feedmux.query import Query
from feedmux.rotation import Candidate, Rotation
from feedmux.symbol import exact

OTHERS = 2
"""Providers that must have been tried or skipped before a last resort is asked."""
_turn = attrgetter("seat.next")
_inner_turn = attrgetter("next")


class Pins(Struct, frozen=True):
    """What the caller insists on: `only` these providers, or these first, or to hear several. Empty: nothing."""

    only: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    voices: float | None = None
    """The answers of several are to be cross-checked, none of them older than so many seconds; None: one will do."""

    def key(self, part: Query) -> Hashable:
        """Where the answer to a part of a divisible question is kept."""
        return part if self.voices is None else ("crossed", part, self.only)


NO_PINS = Pins()


class Need(Struct, frozen=True):
    """What a route is wanted for: the parts of one kind of question.

    `recent` says until when (monotonic) a member must not be asked for a part again, its ttl; `unknown` which
    members have said a moment ago that they do not know it.
    """

    parts: tuple[Query, ...]
    pins: Pins = NO_PINS
    recent: Mapping[Query, Mapping[str, float]] = {}
    unknown: Mapping[Query, frozenset[str]] = {}

    @property
    def plain(self) -> bool:
        """Nothing about it tells members apart but their listings."""
        return not (self.pins.only or self.recent or self.unknown)


class Skip(Struct, frozen=True):
    """A candidate that is not asked, why, and until when (monotonic; None where time does not end it).

    `inferred`: only our own count of its failures says so, not the provider.
    """

    candidate: Candidate
    reason: Reason
    detail: str = ""
    until: float | None = None
    inferred: bool = False
    parts: tuple[Query, ...] = ()
    """What it would be asked for, were it not closed."""

    def told(self, now: float) -> Skipped:
        """It as an event."""
        wait = None if self.until is None else max(0.0, self.until - now)
        return Skipped(at=now, member=self.candidate.name, reason=self.reason, detail=self.detail, wait=wait)


class Route(Struct, frozen=True):
    """`order`: who is asked, first to last. `able`: for whom only some parts may be asked, which ones.

    `partly`: for some parts only, why the candidates in `able` are not asked for them.
    """

    order: tuple[Candidate, ...]
    skips: tuple[Skip, ...]
    able: Mapping[Candidate, tuple[Query, ...]]
    parts: tuple[Query, ...]
    partly: tuple[Skip, ...] = ()

    def parts_for(self, candidate: Candidate) -> tuple[Query, ...]:
        """What of the question that candidate may be asked for."""
        return self.able.get(candidate, self.parts)

    def parts_for_now(self, candidate: Candidate) -> tuple[Query, ...]:
        """The same, nothing where the candidate is not to be asked at all."""
        return self.parts_for(candidate) if candidate in self.order else ()

    def events(self, now: float) -> list[Event]:
        """The route as it is told: each skip, then the order."""
        told: list[Event] = [skip.told(now) for skip in (*self.skips, *self.partly)]
        slow = {c.name: max(0.0, c.score.slow_until - now) for c in self.order if c.score.put_last(now)}
        told.append(Considered(at=now, members=tuple(candidate.name for candidate in self.order), slow=slow))
        return told

    def least_closed(self) -> Skip | None:
        """Of the members closed on inference alone, the one whose backoff ends first: whom a panic may ask."""
        return min(
            (skip for skip in self.skips if skip.inferred and skip.parts and skip.until is not None),
            key=lambda skip: skip.until or 0.0,
            default=None,
        )

    def reopening(self, wanted: Callable[[Candidate], bool] = lambda candidate: True) -> Skip | None:
        """The first throttled member to be askable again, of those that are wanted."""
        return min(
            (
                skip
                for skip in self.skips
                if skip.until is not None and skip.reason in _PASSING and wanted(skip.candidate)
            ),
            key=lambda skip: skip.until or 0.0,
            default=None,
        )


_PASSING = (Reason.CLOSED, Reason.EXHAUSTED, Reason.BUSY)


def plan(rotation: Rotation, need: Need, now: float) -> Route:
    """Order the candidates for a need: by preference, tier, slowness, turn. Moves nothing."""
    rotation.heal(now)
    sifter = _Sifter(need, now)
    ranks: dict[tuple[bool, int, bool, int], list[Candidate]] = {}
    for seat in rotation.seats:
        ready = [candidate for candidate in seat.candidates if sifter.lets(candidate)]
        if len(ready) > 1:
            ready.sort(key=_inner_turn, reverse=True)
        others_first = bool(need.pins.prefer) and seat.provider not in need.pins.prefer
        for place, candidate in enumerate(ready):
            slow = candidate.score.slow_until > 0.0 and candidate.score.put_last(now)
            rank = (others_first, seat.rank, slow, place)
            if rank in ranks:
                ranks[rank].append(candidate)
            else:
                ranks[rank] = [candidate]
    order: list[Candidate] = []
    for _, tied in sorted(ranks.items()) if len(ranks) > 1 else ranks.items():
        tied.sort(key=_turn, reverse=True)
        order += tied
    return _spared(Route(tuple(order), tuple(sifter.skips), sifter.able, need.parts, tuple(sifter.partly)))


class _Sifter:
    """Lets candidates pass that may be asked for at least one part, and keeps why the others may not."""

    def __init__(self, need: Need, now: float) -> None:
        self._need = need
        self._now = now
        self._choosy = not need.plain or any(":" in s for part in need.parts for s in part.symbols_asked)
        self.skips: list[Skip] = []
        self.partly: list[Skip] = []
        self.able: dict[Candidate, tuple[Query, ...]] = {}

    def lets(self, candidate: Candidate) -> bool:
        """Whether the candidate may be asked now."""
        standing = candidate.standing
        clear = standing.open and standing.quota.slack >= candidate.cost
        if clear and not (self._choosy or candidate.picky):
            return True
        skip = self._narrow(candidate) if self._choosy or candidate.picky else None
        if not clear and (skip is None or skip.reason is Reason.INSIDE_TTL):
            parts = self.able.pop(candidate, self._need.parts) if skip is None else ()
            skip = _obstacle(candidate, self._need, parts, self._now) or skip
            if skip is None and len(parts) < len(self._need.parts):
                self.able[candidate] = parts
        if skip is not None:
            self.skips.append(skip)
        return skip is None

    def _narrow(self, candidate: Candidate) -> Skip | None:
        """Work out which parts the candidate may be asked for; a Skip where there is none."""
        need = self._need
        if need.pins.only and candidate.standing.provider not in need.pins.only:
            return Skip(candidate, Reason.NOT_PINNED)
        kept: list[Query] = []
        why: Skip | None = None
        for part in need.parts:
            found = _unfit(candidate, part, need, self._now)
            if found is None:
                kept.append(part)
            elif why is None or found.reason is Reason.INSIDE_TTL:
                why = found
        if not kept or why is None:
            return why
        self.able[candidate] = tuple(kept)
        self.partly.append(why)
        return None


def _obstacle(candidate: Candidate, need: Need, parts: tuple[Query, ...], now: float) -> Skip | None:
    """What stands in the way of asking this candidate at all."""
    standing = candidate.standing
    if standing.quarantined or standing.disabled:
        return Skip(candidate, Reason.DISABLED, standing.quarantined or standing.disabled)
    if standing.needs_key:
        return Skip(candidate, Reason.NEEDS_KEY)
    breaker = standing.breaker
    if why := breaker.obstacle(now):
        until = breaker.state.until
        ends = None if until == float("inf") else max(until, now)
        return Skip(candidate, Reason.CLOSED, why, ends, not breaker.state.demanded, parts)
    full = standing.quota.room(candidate.cost_of(_widest(candidate, need.parts)), now)
    if full is None:
        return None
    reason = Reason.BUSY if full.momentary else Reason.EXHAUSTED
    return Skip(candidate, reason, full.reason, None if math.isinf(full.until) else full.until)


def _widest(candidate: Candidate, parts: tuple[Query, ...]) -> Query:
    """The question of one full batch: what its request would cost."""
    first = parts[0]
    if len(parts) == 1 or not first.many:
        return first
    return first.narrowed([element for part in parts[: candidate.terms.batch] for element in part.elements])


def _unfit(candidate: Candidate, part: Query, need: Need, now: float) -> Skip | None:
    standing, vs = candidate.standing, getattr(part, "vs", "")
    if candidate.currencies and vs not in candidate.currencies:
        return Skip(candidate, Reason.NOT_SERVED, f"does not answer in {vs}")
    if why := candidate.refusal(part):
        return Skip(candidate, Reason.NOT_SERVED, why)
    for symbol in part.symbols_asked:
        named = exact(symbol)
        if named is not None and named.provider != standing.provider:
            return Skip(candidate, Reason.NOT_LISTED, f"{symbol} is another provider's")
        if candidate.listed and standing.listing is not None and standing.listing.find(symbol, vs) is None:
            return Skip(candidate, Reason.NOT_LISTED, f"{symbol} in {vs}" if vs else symbol)
    until = need.recent.get(part, {}).get(standing.source, 0.0) if need.recent else 0.0
    if until > now:
        return Skip(candidate, Reason.INSIDE_TTL, "its ttl has not ended", until)
    if need.unknown and standing.source in need.unknown.get(part, ()):
        return Skip(candidate, Reason.SAID_UNKNOWN)
    return None


def _spared(route: Route) -> Route:
    """Leave a last resort out where two others do answer, and are only busy or were asked a moment ago.

    An emergency is left out as well where but one other is only busy: it has not failed.
    """
    resting = {
        skip.candidate.seat.provider: skip.reason
        for skip in route.skips
        if skip.reason in (Reason.INSIDE_TTL, Reason.BUSY) and skip.candidate.seat.tier is Tier.PRIMARY
    }
    tiers = (Tier.LAST_RESORT, Tier.EMERGENCY) if len(resting) >= OTHERS else (Tier.EMERGENCY,)
    if len(resting) < OTHERS and Reason.BUSY not in resting.values():
        return route
    spared = [candidate for candidate in route.order if candidate.seat.tier in tiers]
    if not spared:
        return route
    return Route(
        tuple(candidate for candidate in route.order if candidate not in spared),
        (*route.skips, *(Skip(candidate, Reason.SPARED) for candidate in spared)),
        route.able,
        route.parts,
    )
