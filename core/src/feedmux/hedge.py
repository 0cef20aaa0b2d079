"""A hedge: a request that takes longer than its member's requests do is sent to the next in the plan as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from feedmux.event import Hedged
from feedmux.limits import Counts, Tier
from feedmux.query import Query
from feedmux.quota import RESERVE, Permit, Quota
from feedmux.rotation import Candidate
from feedmux.route import Pins
from feedmux.turn import Turns, joined

if TYPE_CHECKING:
    from feedmux.router import Router

SOONEST = 0.1
"""Seconds for which a request is given time, however quick its member is as a rule."""
Next = Callable[[Sequence[Query]], tuple[Candidate, tuple[Query, ...]] | None]
Send = Callable[[Candidate, tuple[Query, ...], Permit], Coroutine[Any, Any, None]]


class Hedges:
    """Those of one walk. `find` names who is next for some parts, `send` asks it; both are the walk's.

    Who loses is not cancelled: it is paid for, so its answer ends in the cache, and a member that hangs is found out.
    """

    def __init__(self, router: Router, turns: Turns, pins: Pins, find: Next, send: Send) -> None:
        self._router = router
        self._clock = router.clock
        self._turns = turns
        self._allowed = router.hedges and len(pins.only) != 1
        self._find = find
        self._send = send
        self._under_way: set[asyncio.Task[None]] = set()

    async def beside(self, candidate: Candidate, parts: Sequence[Query], request: Awaitable[None]) -> None:
        """Await a request, and what was sent beside it once it had taken too long."""
        patience = candidate.score.patience if self._allowed else None
        if patience is None:
            await request
            return
        wait = max(SOONEST, patience)
        timer = asyncio.get_running_loop().call_later(wait, self._late, candidate, parts, wait)
        try:
            await request
        finally:
            timer.cancel()
        if self._under_way:
            await asyncio.gather(*self._under_way)

    def _late(self, candidate: Candidate, parts: Sequence[Query], after: float) -> None:
        """Send the hedge where somebody is next, is fit for it, and the budget has room."""
        found, now = self._find(parts), self._clock.monotonic()
        if found is None:
            return
        other, able = found
        if not _fit(other, able, now) or not self._router.budget.spend(now):
            return
        permit = self._turns.take(other, able, (candidate, other))
        if permit is None:
            return
        self._turns.tell(Hedged(at=now, member=other.name, beside=candidate.name, after=after))
        task = asyncio.get_running_loop().create_task(self._send(other, able, permit))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    @property
    def under_way(self) -> bool:
        """Whether a second word is on its way."""
        return bool(self._under_way)

    def cancel(self) -> None:
        """End them: the engine is closing."""
        for task in tuple(self._under_way):
            task.cancel()


def _fit(other: Candidate, parts: Sequence[Query], now: float) -> bool:
    """Whether a member may be asked for a hedge: a primary in good standing, with a fifth of its quota to spare."""
    standing = other.standing
    if other.seat.tier is not Tier.PRIMARY or other.fan_out > 1 or len(parts) > other.terms.batch:
        return False
    if not standing.open or other.score.slow_until or (other.listed and standing.listing is None):
        return False
    cost = other.cost_of(joined(parts))
    return standing.quota.room(cost, now) is None and _spares(standing.quota, cost, now)


def _spares(quota: Quota, cost: int, now: float) -> bool:
    """Whether a fifth of every window would still be free after a request of that cost."""
    return all(
        window.free(now) - (cost if window.counts is Counts.COST else 1) >= RESERVE * window.share
        for window in quota.windows
    )
