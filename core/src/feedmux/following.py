"""A watch's hold on the feeds of its question: whether all of it is pushed, and what went unheard in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from feedmux.answer import Answer
from feedmux.clock import Clock
from feedmux.event import Event, Trace
from feedmux.feed import Feed, Flow
from feedmux.query import Query

NOTES = 64
"""Events kept for the next answer."""
LOOK = 1.0
"""Seconds between two looks for who may push what nobody does yet."""


class Following:
    """One watch. `find` takes hold of a feed for a part where there is one, `let_go` of what was held."""

    def __init__(
        self,
        parts: Sequence[Query],
        clock: Clock,
        ring: Callable[[], None],
        find: Callable[[Query, Following], Feed | None],
        let_go: Callable[[Feed, Following], None],
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._ring = ring
        self._find = find
        self._let_go = let_go
        self._feeds: dict[Query, Feed] = {}
        self.refused: set[tuple[str, Query]] = set()
        """Members that turned out not to stream a part."""
        self._unheard_since = math.inf
        self._told: list[Event] = []
        self._answered_at = clock.monotonic()
        self._look_at = self._answered_at

    def look(self) -> None:
        """Take hold of feeds for the parts that have none."""
        now = self._clock.monotonic()
        if now < self._look_at or len(self._feeds) == len(self._parts):
            return
        self._look_at = now + LOOK
        for part in self._parts:
            if part not in self._feeds and (feed := self._find(part, self)) is not None:
                self._feeds[part] = feed

    @property
    def live(self) -> bool:
        """Whether everything is pushed: then nobody needs to be asked."""
        return len(self._feeds) == len(self._parts) and all(f.flow is Flow.LIVE for f in self._feeds.values())

    @property
    def silent_after(self) -> float:
        """How old, in seconds, what is pushed may be while its feed still counts as alive."""
        return max((feed.silent_after for feed in self._feeds.values()), default=0.0)

    def marked(self, answer: Answer[Any]) -> Answer[Any]:
        """The answer as it goes to whoever watches: with the gap before it, and why there was one."""
        now = self._clock.monotonic()
        gap = max(0.0, now - self._unheard_since)
        told, self._told = self._told, []
        self._unheard_since = math.inf
        self._answered_at = now
        if not (gap or told):
            return answer
        return msgspec.structs.replace(answer, gap=gap, trace=Trace((*told, *answer.trace.events)))

    def lost(self, since: float, event: Event) -> None:
        """A feed was lost that was last heard at `since`."""
        self._note(since, event)
        self._ring()

    def resumed(self, event: Event) -> None:
        """A feed is well again; what was answered meanwhile was asked for."""
        self._note(self._answered_at, event)

    def _note(self, since: float, event: Event) -> None:
        self._unheard_since = min(self._unheard_since, since)
        self._told = [*self._told[-NOTES:], event]

    def ended(self, feed: Feed) -> None:
        """Its member does not stream this: another may."""
        self.refused.add((feed.candidate.name, feed.part))
        self._feeds.pop(feed.part, None)
        self._look_at = self._clock.monotonic()
        self._ring()

    def end(self) -> None:
        """The watch is over."""
        for feed in self._feeds.values():
            self._let_go(feed, self)
        self._feeds.clear()
