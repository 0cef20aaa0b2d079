"""How members have conducted themselves: each outcome booked in breaker, score and tally, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from feedmux import breaker
from feedmux.absence import IN_A_ROW, Absences
from feedmux.cache import Entry
from feedmux.clock import Clock, Random
from feedmux.doubt import Doubts
from feedmux.errors import (
    BadPayload,
    FeedmuxError,
    InvalidQuery,
    NoQuota,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from feedmux.event import Changed, Event, Result, Tried
from feedmux.keeper import Fetched
from feedmux.query import Query
from feedmux.quota import Ending
from feedmux.rotation import Candidate, Rotation
from feedmux.standing import Standing

_log = structlog.get_logger("feedmux.conduct")


class Conduct:
    """Books outcomes. `changed` is called where a member's state changed, `spent` where its quota was drawn on."""

    def __init__(self, clock: Clock, chance: Random, tell: Callable[[Event], None], doubts: Doubts) -> None:
        self._clock = clock
        self._doubts = doubts
        self._chance = chance
        self._tell = tell
        self._absences = Absences()
        self.rotations: Mapping[str, Rotation] = {}
        self.changed: Callable[[Standing], None] = lambda standing: None
        self.spent: Callable[[Standing], None] = lambda standing: None

    def book(self, candidate: Candidate, fetched: Fetched, ending: Ending, began: float) -> None:
        """Let breaker, score and tally know how it went."""
        standing, now = candidate.standing, self._clock.monotonic()
        tally, before, error = standing.tally, standing.breaker.state, fetched.error
        after = self._after(standing, before, error, ending, began, now)
        tally.refusals += isinstance(error, RateLimited)
        if self._absences.rows and not fetched.refused:
            self._absences.answered(candidate.source)
        useless = isinstance(error, BadPayload) and not (fetched.entries or fetched.suspects)
        if ending is Ending.FAULT or useless:
            candidate.score.failed()  # what the guard refused counts against this endpoint, not against the member
        if fetched.entries or fetched.suspects:
            tally.successes += 1
            tally.seconds += now - began
            tally.last_success = self._clock.now()
            candidate.score.succeeded(now - began, standing.limits.slow_after, now)
        elif error is not None and not isinstance(error, NoQuota) and (ending is not Ending.OK or useless):
            tally.failures += not isinstance(error, Unavailable | InvalidQuery)
            tally.last_failure, tally.last_error, tally.last_class = (
                self._clock.now(),
                error.detail,
                error.slug,
            )
        self.move(standing, before, after, now)
        if candidate.query.capability in self.rotations:
            self.rotations[candidate.query.capability].rescore(candidate, now)

    def move(
        self, standing: Standing, before: breaker.BreakerState, after: breaker.BreakerState, now: float
    ) -> None:
        """The member's breaker is in another state: tell it where that can be seen."""
        standing.breaker.state = after
        standing.refresh()
        if (before.state, before.until) != (after.state, after.until):
            wait = after.until - now if after.until > now else None
            self._tell(Changed(at=now, member=standing.name, state=after.state, cause=after.cause, wait=wait))
            self.changed(standing)

    def say(
        self,
        candidate: Candidate,
        fetched: Fetched,
        result: Result,
        began: float,
        asked: int,
        requests: int,
        told: list[Event],
    ) -> None:
        """Tell that a member was asked, how long it took and what came."""
        now = self._clock.monotonic()
        candidate.standing.tally.requests += requests
        event = Tried(
            at=now,
            member=candidate.name,
            provider=candidate.standing.provider,
            capability=candidate.query.capability,
            result=result,
            seconds=now - began,
            asked=asked,
            got=len(fetched.entries),
            detail=fetched.error.detail if fetched.error else "",
            requests=requests,
        )
        told.append(event)
        self._tell(event)

    def shut(self, standing: Standing, error: FeedmuxError, ending: Ending, began: float) -> None:
        """Book a failure that was no answer to a question: a listing's, a health check's."""
        before, now = standing.breaker.state, self._clock.monotonic()
        self.move(standing, before, self._after(standing, before, error, ending, began, now), now)

    def _after(
        self,
        standing: Standing,
        before: breaker.BreakerState,
        error: FeedmuxError | None,
        ending: Ending,
        began: float,
        now: float,
    ) -> breaker.BreakerState:
        """The breaker's state after an attempt that ended so."""
        if isinstance(error, RateLimited):
            return breaker.refused(before, standing.limits.backoff, error.retry_after, error.detail, now)
        if isinstance(error, Unauthorized):
            return breaker.unauthorized(before, error.detail, now)
        if isinstance(error, Unavailable):
            return breaker.unserved(before, error.retry_after, error.detail, now)
        if isinstance(error, NotFound) and before.shut and self._absences.lost(standing.source):
            return before
        if ending is Ending.OK:
            return breaker.succeeded(before, began, now)
        if ending is Ending.FAULT:
            return breaker.failed(before, error.detail if error else "", began, now, self._chance)
        return before

    def limited(self, standing: Standing, error: RateLimited, cost: int) -> None:
        """It refused while it was open: where our own count says there was room, it allows less than it declared."""
        if standing.breaker.state.shut:
            return
        less = standing.quota.refused(cost, error.retry_after or 0.0, self._clock.monotonic())
        if less:
            error.detail = f"{error.detail}; {less}"
            _log.warning("a limit seems to be lower than declared", pool=standing.quota.name, window=less)

    def absent(self, member: str, part: Query) -> None:
        """It answered 404 to something that is there; to so many in a row, and it is held to be down."""
        if not self._absences.note(member, part):
            return
        now, name = self._clock.monotonic(), part.elements[0] if part.elements else part.capability
        cause = f"answered 404 to {IN_A_ROW} in a row that are there, and to {name[:40]} last"
        for standing in {one.name: one.standing for one in self._candidates(member, part)}.values():
            before = standing.breaker.state
            self.move(standing, before, breaker.lost(before, cause, now, self._chance), now)

    def found_elsewhere(self, part: Query, errors: Sequence[FeedmuxError]) -> None:
        """Another answers it: that is said of who answered 404 and has not answered anything so far.

        Who has may simply not know it.
        """
        for error in errors:
            if isinstance(error, NotFound):
                asked = self._candidates(error.provider, part)
                if asked and not any(one.tally.successes for one in asked[0].standing.ring):
                    self.absent(asked[0].source, part)

    def disputed(self, member: str, part: Query) -> None:
        """Another says otherwise: that counts against its score."""
        for candidate in self._candidates(member, part):
            candidate.score.failed()
            self.rotations[part.capability].rescore(candidate, self._clock.monotonic())

    def outlier(self, member: str, part: Query) -> None:
        """Several others say otherwise: it is suspected as well."""
        for candidate in self._candidates(member, part):
            self._doubts.suspect(candidate.source)
        self.disputed(member, part)

    def contradicted(self, suspect: Entry, other: Entry, part: Query) -> None:
        """Others contradict what it said: the third answer of which that is true in a row closes it."""
        self.disputed(suspect.member, part)
        now, said = self._clock.monotonic(), (suspect.items[0], other.items[0])
        prices = [f"{getattr(one, 'price', 0.0):g}" for one in said]
        cause = f"says {prices[0]} of {part.elements[0]}, {other.member} {prices[1]}"
        standings = {one.name: one.standing for one in self._candidates(suspect.member, part)}
        answers = sum(standing.tally.requests for standing in standings.values())
        times = self._doubts.contradicted(suspect.member, answers)
        for standing in standings.values():
            before = standing.breaker.state
            self.move(standing, before, breaker.contradicted(before, times, cause, now, self._chance), now)

    def _candidates(self, member: str, part: Query) -> list[Candidate]:
        """The member's places in the rotation, one for each of its keys."""
        everyone = self.rotations[part.capability].candidates
        return [one for one in everyone if member in (one.name, one.source)]
