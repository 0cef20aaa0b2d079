"""A lull: nobody can be asked now, and the first who is merely throttled can be again before the deadline."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from feedmux.errand import Errand
from feedmux.event import Reason, Waited
from feedmux.quota import Quota
from feedmux.route import Pins, Skip
from feedmux.turn import Turns

if TYPE_CHECKING:
    from feedmux.router import Router


class Lull:
    """Waits for the errands of one walk: once for time to pass, and as often as it takes for a request in flight."""

    def __init__(self, router: Router, turns: Turns, pins: Pins) -> None:
        self._router = router
        self._clock = router.clock
        self._turns = turns
        self._pins = pins
        self._waited = False

    async def over(self, errands: Collection[Errand], deadline: float) -> Quota | None:
        """Wait for the first throttled member that reopens before then (monotonic); None where there is none.

        Whoever gets its quota passes a place that was waited for on, with `admit`.
        """
        skip, now = self._reopening(errands), self._clock.monotonic()
        if skip is None or skip.until is None or skip.until >= deadline:
            return None
        quota = skip.candidate.standing.quota
        if skip.reason is Reason.BUSY and skip.until <= now:
            await self._turns.place(quota, deadline)
        elif self._waited:
            return None
        else:
            self._waited = True
            await self._clock.sleep(max(0.01, skip.until - now))
        seconds = self._clock.monotonic() - now
        self._turns.tell(Waited(at=now, member=skip.candidate.name, seconds=seconds))
        return quota

    def _reopening(self, errands: Collection[Errand]) -> Skip | None:
        """The first throttled member to be askable again of those that may still be asked for something."""
        route = self._router.route([errand.part for errand in errands], self._pins)
        return route.reopening(lambda candidate: any(errand.may_ask(candidate) for errand in errands))
