"""An errand: one part of a question on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from feedmux.cache import Entry
from feedmux.errors import FeedmuxError, NoProvider, NoQuota, RateLimited, Unauthorized
from feedmux.event import Event
from feedmux.limits import Tier
from feedmux.query import Query
from feedmux.rotation import Candidate

_log = structlog.get_logger("feedmux.errand")
TRIES = 3
"""Members that are tried for a part, at most; one of tier emergency is one more, and so is who confirms a jump."""


@contextmanager
def ending(end_all: Callable[[FeedmuxError], None]) -> Iterator[None]:
    """A mistake of ours in here ends every errand that is left, never in silence."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits is told
        _log.error("the engine failed on a question", exc_info=error)
        end_all(NoProvider("the engine failed on this question; its log says how", retry_after=1.0))


class Errand:
    """One part of a question on its way: who was asked, what they said, and who is told how it ends."""

    __slots__ = (
        "asked",
        "at_hand",
        "deadline",
        "done",
        "errors",
        "events",
        "heard",
        "part",
        "suspect",
        "tries",
    )

    def __init__(
        self, part: Query, deadline: float, *, at_hand: bool, done: Callable[[Entry | FeedmuxError], None]
    ) -> None:
        self.part = part
        self.deadline = deadline
        """Monotonic; moved back where somebody joins who can wait for longer."""
        self.at_hand = at_hand
        """A stale answer could be served: nobody waits for a throttled member."""
        self.done = done
        self.tries = 0
        self.asked: set[str] = set()
        self.heard: set[str] = set()
        """Members that have had their say, whichever key they were asked with: no other key would change it."""
        self.errors: list[FeedmuxError] = []
        self.suspect: Entry | None = None
        self.events: list[Event] = []

    def may_ask(self, candidate: Candidate) -> bool:
        """Whether a try at this candidate is left."""
        if self.has_asked(candidate):
            return False
        if candidate.seat.tier is Tier.EMERGENCY:
            return self.tries <= TRIES
        return self.tries < (TRIES if self.suspect is None else TRIES + 1)

    def has_asked(self, candidate: Candidate) -> bool:
        """Whether it was asked, or has had its say by another key."""
        return candidate.name in self.asked or candidate.source in self.heard

    def failed(self, candidate: Candidate, error: FeedmuxError) -> None:
        """It said so; unless that is about its key alone, its other keys need not be tried."""
        self.errors.append(error)
        if not isinstance(error, (RateLimited, Unauthorized, NoQuota)):
            self.heard.add(candidate.source)

    def tried(self, candidate: Candidate) -> None:
        """It has had a try at this candidate."""
        self.asked.add(candidate.name)
        self.tries += 1
