"""In concert: what one process learns of a member's breaker holds for all that share a store; the longer closure wins."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import structlog

from feedmux import durable
from feedmux.breaker import BreakerState
from feedmux.clock import Clock
from feedmux.standing import Standing
from feedmux.store import Store

LONGER = 0.5
"""Seconds by which another closure must end later to be another one: clocks are read at different moments."""
_log = structlog.get_logger("feedmux.concert")


class Concert:
    """The breakers of one process among others. `adopt` is called with a state that another process has told."""

    def __init__(self, store: Store, clock: Clock, adopt: Callable[[Standing, BreakerState], None]) -> None:
        self._store = store
        self._clock = clock
        self._adopt = adopt
        self._seen: dict[str, int] = {}

    async def heed(self, standings: Iterable[Standing]) -> None:
        """Take over closures that end later than our own."""
        for standing in tuple(standings):
            async with standing.writing:
                await self._heeded(standing)

    async def save(self, standing: Standing) -> None:
        """Write a member's breaker, unless another process has closed it for longer without our knowing."""
        async with standing.writing:
            for _ in range(durable.RIVALS):
                held = await self._heeded(standing)
                if await self._store.compare_and_set(
                    durable.place(standing), durable.kept_breaker(standing, self._clock), held
                ):
                    self._seen[standing.name] = held + 1
                    return
        _log.warning("state not saved: others keep writing it", member=standing.name)

    async def _heeded(self, standing: Standing) -> int:
        """The version that is stored, after its state was heeded where it is news."""
        held = await self._store.read(durable.place(standing))
        if held is None:
            return 0
        news = self._seen.get(standing.name) != held.version
        self._seen[standing.name] = held.version
        told = durable.told_breaker(held.value, self._clock) if news else None
        if told is not None and self._is_longer(told, standing.breaker.state):
            self._adopt(standing, told)
        return held.version

    def _is_longer(self, told: BreakerState, own: BreakerState) -> bool:
        if not told.closed or math.isinf(told.until) or told.until <= self._clock.monotonic():
            return False
        return not own.closed or told.until > own.until + LONGER
