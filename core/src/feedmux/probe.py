"""Probes: the health checks of members closed by faults, as background work; never while a refusal stands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from feedmux.clock import Clock
from feedmux.fetcher import Fetcher
from feedmux.limits import Tier
from feedmux.quota import Full
from feedmux.standing import Standing

AT_LEAST, AT_MOST = 1.0, 60.0
"""Seconds to wait where no quota can be spared for a probe."""


class Probes:
    """One probe for each member that needs one. `patience` is what a check may take, in seconds."""

    def __init__(self, fetcher: Fetcher, clock: Clock, patience: float) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self.patience = patience
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def watch_over(self, standing: Standing) -> None:
        """Begin to probe a primary that its own failures have closed; a refusal is never probed."""
        state = standing.breaker.state
        healable = state.closed and not state.demanded and standing.limits.tier is Tier.PRIMARY
        unused = standing.disabled or standing.quarantined or standing.needs_key
        if (
            not healable
            or unused
            or "feedmux_health" not in standing.calls.implements
            or standing.name in self._under_way
        ):
            return
        task = asyncio.get_running_loop().create_task(self._probe(standing))
        self._under_way[standing.name] = task
        task.add_done_callback(lambda _: self._under_way.pop(standing.name, None))

    async def _probe(self, standing: Standing) -> None:
        """Ask a member closed by faults whether it is well, each time its backoff is over, until it is."""
        while True:
            state = standing.breaker.state
            if not state.closed or state.demanded or standing.quarantined or standing.disabled:
                return
            await self._clock.sleep(max(0.0, state.until - self._clock.monotonic()))
            state, now = standing.breaker.state, self._clock.monotonic()
            if not state.closed or state.demanded or standing.breaker.probing:
                return
            if state.until > now:
                continue
            permit = standing.quota.take_spare(1, now)
            if isinstance(permit, Full):
                await self._clock.sleep(max(AT_LEAST, min(AT_MOST, permit.until - now)))
                continue
            await self._fetcher.health(standing, permit, self.patience)
            if standing.breaker.state.until <= self._clock.monotonic():
                return

    async def any_well(self, standings: Sequence[Standing], patience: float) -> bool:
        """Whether the health check of any of these primaries passes within `patience` seconds."""
        checks = [
            asyncio.ensure_future(self._is_well(standing, patience))
            for standing in standings
            if standing.limits.tier is Tier.PRIMARY and "feedmux_health" in standing.calls.implements
        ]
        try:
            for check in asyncio.as_completed(checks):
                if await check:
                    return True
            return False
        finally:
            for left in checks:
                left.cancel()
            await asyncio.gather(*checks, return_exceptions=True)

    async def _is_well(self, standing: Standing, patience: float) -> bool:
        permit = standing.quota.take(1, self._clock.monotonic())
        if isinstance(permit, Full):
            return False
        await self._fetcher.health(standing, permit, patience)
        return standing.breaker.state.faults == 0 and not standing.breaker.state.demanded

    def close(self) -> None:
        """End all probes."""
        for task in tuple(self._under_way.values()):
            task.cancel()
