"""What the engine's events add up to: answers by capability and source, upstream calls by member and result."""

from __future__ import annotations

from collections import Counter

from feedmux.event import Answered, Event, Misbehaved, Tried
from feedmux_server.histogram import Histogram

Call = tuple[str, str, str]


class Tallies:
    """Counts since the start. No symbol is counted by: there are as many as anybody cares to ask for."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        """By capability and source: cache, flight, or the slug of the error."""
        self.stale: Counter[str] = Counter()
        self.calls: Counter[Call] = Counter()
        """By provider, member and result."""
        self.durations: dict[tuple[str, str], Histogram] = {}
        """By provider and member."""
        self.misbehaved: Counter[str] = Counter()

    def observe(self, event: Event) -> None:
        """Count an event: in the way of every question, so as little as can be."""
        if isinstance(event, Answered):
            self.answers[event.capability, event.source] += 1
            if event.stale:
                self.stale[event.capability] += 1
        elif isinstance(event, Tried):
            member = (event.provider, event.member)
            self.calls[*member, event.result.name.lower()] += 1
            if member not in self.durations:
                self.durations[member] = Histogram()
            self.durations[member].add(event.seconds)
        elif isinstance(event, Misbehaved):
            self.misbehaved[event.member] += 1
