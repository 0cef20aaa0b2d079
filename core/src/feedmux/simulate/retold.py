"""The questions of a log, asked once more."""

from __future__ import annotations

import asyncio

import msgspec

from feedmux.clock import Clock
from feedmux.simulate.asking import Asking
from feedmux.simulate.past import Past


class Retold:
    """Asks what was asked, when it was asked and as it was asked; over restarts it keeps its place."""

    def __init__(self, past: Past, clock: Clock) -> None:
        self._past = past
        self._clock = clock
        self._place = 0

    async def ask(self, until: float, asking: Asking) -> None:
        """Ask until then, each question a task of its own; ends when all have ended."""
        async with asyncio.TaskGroup() as group:
            for one in self._past.told[self._place :]:
                at = one.decision.at - self._past.began
                if at >= until:
                    break
                await self._wait(at)
                self._place += 1
                group.create_task(asking(one.query, **msgspec.structs.asdict(one.how)))
            await self._wait(until)

    async def _wait(self, until: float) -> None:
        if (seconds := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(seconds)
