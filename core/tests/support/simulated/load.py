"""Callers: questions one after the other, at random or in bursts, and how they ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from feedmux import Answer, FeedmuxError, Mux, Query
from feedmux.clock import Random
from simulated.engine import sound
from simulated.soundness import young_enough

LATE = 0.05
"""Seconds by which an answer may miss its deadline."""


class Callers:
    """Ask the engine and check each answer. `ended` counts what came: fresh, stale, or the error's name."""

    def __init__(self, mux: Mux, questions: Callable[[int], Query], *, deadline: float = 5.0) -> None:
        self._mux = mux
        self._questions = questions
        self._deadline = deadline
        self.asked = 0
        self.ended: Counter[str] = Counter()
        self.longest = 0.0

    async def ask(self) -> str:
        """One question; says how it ended."""
        question = self._questions(self.asked)
        self.asked += 1
        began = self._mux.clock.monotonic()
        try:
            answer = await self._mux.get(question, deadline=self._deadline)
        except FeedmuxError as error:
            end = error.slug
        else:
            sound(answer)
            young_enough(answer, self._mux.clock.now())
            self.heard(answer)
            end = "stale" if answer.stale else "fresh"
        took = self._mux.clock.monotonic() - began
        assert took <= self._deadline + LATE
        self.longest = max(self.longest, took)
        self.ended[end] += 1
        return end

    def heard(self, answer: Answer[Any]) -> None:
        """Look at an answer that is sound; nothing more, unless overridden."""

    async def in_bursts(self, total: int, of: int) -> None:
        """So many at once, time after time; each burst when the last has been answered."""
        for _ in range(total // of):
            await asyncio.gather(*(self.ask() for _ in range(of)))

    async def at_random(self, per_second: float, seconds: float, chance: Random) -> None:
        """A Poisson stream of questions, nobody waiting for anybody."""
        clock = self._mux.clock
        until = clock.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while clock.monotonic() < until:
                await clock.sleep(chance.expovariate(per_second))
                group.create_task(self.ask())

    async def every(self, interval: float, seconds: float) -> list[str]:
        """One question each `interval` seconds, in order; how they ended."""
        clock = self._mux.clock
        until = clock.monotonic() + seconds
        ends = []
        while clock.monotonic() < until:
            began = clock.monotonic()
            ends.append(await self.ask())
            await clock.sleep(max(0.0, began + interval - clock.monotonic()))
        return ends
