"""Turns: leave to send one request now, or why not. Every permit that a question spends is taken here."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from feedmux.event import Event, Reason, Skipped
from feedmux.query import Query
from feedmux.quota import Full, Permit, Quota
from feedmux.rotation import Candidate
from feedmux.route import Pins

if TYPE_CHECKING:
    from feedmux.router import Router


class Turns:
    """Takes permits for the questions of one flight; `events` is their trace."""

    def __init__(self, router: Router, pins: Pins, events: list[Event] | None = None) -> None:
        self._router = router
        self._clock = router.clock
        self._pins = pins
        self.events: list[Event] = [] if events is None else events

    def tell(self, *events: Event) -> None:
        """These belong to this flight's trace, and to whoever observes."""
        for event in events:
            self.events.append(event)
            self._router.tell(event)

    def is_closed(self, candidate: Candidate) -> bool:
        """Whether its breaker lets nothing through now; the trace then says why."""
        now, breaker = self._clock.monotonic(), candidate.standing.breaker
        why = breaker.obstacle(now)
        if why:
            self._skipped(candidate, Reason.CLOSED, why, breaker.state.until, now)
        return bool(why)

    def take(self, candidate: Candidate, parts: Sequence[Query], order: Sequence[Candidate]) -> Permit | None:
        """A permit for one request and the turn it takes among `order`; None, and the trace says why, where none is."""
        now, standing = self._clock.monotonic(), candidate.standing
        if self.is_closed(candidate):
            return None
        taken = standing.quota.take(candidate.cost_of(joined(parts)), now)
        if isinstance(taken, Full):
            reason = Reason.BUSY if taken.momentary else Reason.EXHAUSTED
            self._skipped(candidate, reason, taken.reason, taken.until, now)
            return None
        if standing.breaker.state.closed:
            standing.breaker.probing = True
        rotation = self._router.rotations[candidate.query.capability]
        rotation.take_turn(candidate, self._peers(candidate, order), now)
        if candidate.score.slow_until:
            candidate.score.probing = True
        if standing.quota.windows:
            rotation.rescore(candidate, now)
        if candidate.listed:
            self._router.fetcher.listings.renew(standing)
        return taken

    def take_anyway(self, candidate: Candidate, parts: Sequence[Query]) -> Permit | None:
        """A permit for a member that only we hold to be down; its quota stands all the same."""
        taken = candidate.standing.quota.take(candidate.cost_of(joined(parts)), self._clock.monotonic())
        if isinstance(taken, Full):
            return None
        candidate.standing.breaker.probing = True
        return taken

    async def place(self, quota: Quota, until: float) -> None:
        """Wait in line until a request in flight ends, at most until then (monotonic)."""
        free = asyncio.get_running_loop().create_future()
        quota.waiting.append(free)
        await asyncio.wait({free}, timeout=until - self._clock.monotonic())
        free.cancel()

    def _peers(self, candidate: Candidate, order: Sequence[Candidate]) -> list[Candidate]:
        """Among whom it was its turn: a preference is no turn that the others went without."""
        preferred = self._pins.prefer
        if not preferred:
            return list(order)
        mine = candidate.seat.provider in preferred
        return [one for one in order if (one.seat.provider in preferred) is mine]

    def _skipped(self, candidate: Candidate, reason: Reason, detail: str, until: float, now: float) -> None:
        wait = None if math.isinf(until) else max(0.0, until - now)
        self.tell(Skipped(at=now, member=candidate.name, reason=reason, detail=detail, wait=wait))


def joined(parts: Sequence[Query]) -> Query:
    """The parts as the one question that a request asks."""
    return parts[0] if len(parts) == 1 else parts[0].narrowed([e for part in parts for e in part.elements])
