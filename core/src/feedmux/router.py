"""Plans routes, and shares questions out into walks along them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from feedmux.budget import Budget
from feedmux.clock import Clock
from feedmux.crossing import Crossing
from feedmux.errand import Errand
from feedmux.event import Event
from feedmux.fetcher import Fetcher
from feedmux.query import Query
from feedmux.rotation import Rotation
from feedmux.route import NO_PINS, Need, Pins, Route, plan
from feedmux.walk import Walk

PANIC_EVERY = 1.0
"""Seconds between two questions to members that only we hold to be down, in all."""


class Router:
    """Everything that is asked of an upstream for a question goes along a route planned here."""

    def __init__(
        self,
        fetcher: Fetcher,
        rotations: Mapping[str, Rotation],
        clock: Clock,
        tell: Callable[[Event], None],
        *,
        hedges: bool = True,
    ) -> None:
        self.fetcher = fetcher
        self.tell = tell
        self.rotations = rotations
        self.budget = Budget()
        self.hedges = hedges
        self.clock = clock
        self._panicking = False
        self._panicked_at = -math.inf

    def route(self, parts: Sequence[Query], pins: Pins = NO_PINS) -> Route:
        """Who would be asked for these parts of one kind of question now, and why not the others."""
        rotation = self.rotations.get(parts[0].capability)
        if rotation is None:
            return Route((), (), {}, tuple(parts))
        recent, unknown = self._remembered(rotation, parts)
        return plan(rotation, Need(tuple(parts), pins, recent, unknown), self.clock.monotonic())

    def _remembered(
        self, rotation: Rotation, parts: Sequence[Query]
    ) -> tuple[dict[Query, dict[str, float]], dict[Query, frozenset[str]]]:
        """What the cache knows against asking: ttls that still run, and who does not know a part."""
        recent: dict[Query, dict[str, float]] = {}
        unknown: dict[Query, frozenset[str]] = {}
        cache = self.fetcher.keeper.cache
        for part in parts:
            if part.many:
                if asked := cache.asked(part):
                    recent[part] = asked
                if said := cache.unknown(part):
                    unknown[part] = said
                continue
            for candidate in rotation.candidates:
                if asked := cache.asked(self.fetcher.keeper.key(candidate, part)):
                    recent.setdefault(part, {}).update(asked)
        return recent, unknown

    def plan(self, parts: Sequence[Query], pins: Pins) -> list[Event]:
        """Who would be asked and why not the others, as events; asks nobody."""
        now = self.clock.monotonic()
        if pins.voices is None:
            return self.route(parts, pins).events(now)
        errands = [Errand(part, math.inf, at_hand=False, done=lambda end: None) for part in parts]
        return self.crossing(errands, pins).plan()

    def crossing(self, errands: Sequence[Errand], pins: Pins) -> Crossing:
        """Errands whose answers are to be cross-checked, and what is known of them already."""
        crossing = Crossing(self, errands, pins)
        crossing.begin()
        return crossing

    def walks(self, errands: Sequence[Errand], pins: Pins) -> Sequence[Walk | Crossing]:
        """Share errands out: as many as the member whose turn it is takes in one request go along one walk."""
        if pins.voices is not None:
            return [self.crossing(errands, pins)]
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
