"""Counts how attempts end and says in the log when a provider's state changes: an observer of the engine's events."""

from __future__ import annotations

from collections import Counter

import structlog

from feedmux import hookimpl
from feedmux.event import Changed, Event, Result, Tried

_log = structlog.get_logger("feedmux_observer")


class Observer:
    """`ends` counts attempts by provider and result. Called beside the questions: it can neither slow nor break one."""

    def __init__(self) -> None:
        self.ends: Counter[tuple[str, Result]] = Counter()
        self.seconds: dict[str, float] = {}

    @hookimpl
    def feedmux_event(self, event: Event) -> None:
        if isinstance(event, Tried):
            self.ends[event.provider, event.result] += 1
            self.seconds[event.provider] = self.seconds.get(event.provider, 0.0) + event.seconds
        elif isinstance(event, Changed):
            _log.warning("state changed", member=event.member, state=event.state.value, cause=event.cause)

    def mean(self, provider: str) -> float | None:
        """Seconds that an attempt at the provider took on average; None where there was none."""
        attempts = sum(count for (name, _), count in self.ends.items() if name == provider)
        return self.seconds[provider] / attempts if attempts else None


extension = Observer()
