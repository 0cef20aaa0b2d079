"""One engine's run over a whole time: opened anew after each restart, every question's end counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from feedmux import Answer
from feedmux.clock import Clock
from feedmux.errors import FeedmuxError
from feedmux.mux import Mux
from feedmux.query import Query
from feedmux.simulate.asking import Asker
from feedmux.simulate.scenario import Fault
from feedmux.simulate.tally import Tally
from feedmux.store import MemoryStore

GRACE = 0.05
"""Seconds by which an answer may miss its deadline."""
RESTARTING = "restarting"
Opened: TypeAlias = Callable[[MemoryStore], AbstractAsyncContextManager[Mux]]
Answered: TypeAlias = Callable[[Answer[Any], float, float], None]


class Run:
    """Asks what `asker` asks. `answered` counts an answer, given the seconds at which its question began and ended."""

    def __init__(
        self, opened: Opened, asker: Asker, answered: Answered, tally: Tally, clock: Clock, deadline: float
    ) -> None:
        self._opened = opened
        self._asker = asker
        self._answered = answered
        self._tally = tally
        self._clock = clock
        self._deadline = deadline
        self._left = 0
        self._expired = 0

    async def through(self, restarts: Sequence[Fault], seconds: float) -> None:
        """From the start to the end; each engine has what the store kept of the one before."""
        store = MemoryStore()
        for restart in (*restarts, Fault(kind="restart", at=seconds)):
            async with self._opened(store) as mux:
                await self._asker.ask(restart.begins, partial(self._ask, mux))
                self._left += mux.under_way
            await self._asker.ask(min(restart.ends, seconds), self._refused)

    async def _ask(self, mux: Mux, query: Query, **how: Any) -> None:
        began = self._clock.monotonic()
        try:
            answer = await mux.get(query, **how)
        except FeedmuxError as error:
            self._tally.failed(began, error.slug)
        else:
            self._expired += _expired(answer, self._clock.now())
            self._answered(answer, began, self._clock.monotonic())
        late = self._clock.monotonic() - began - (how.get("deadline") or self._deadline)
        self._tally.late = max(self._tally.late, late)

    async def _refused(self, query: Query, **how: Any) -> None:
        self._tally.failed(self._clock.monotonic(), RESTARTING)

    def broken(self) -> list[str]:
        """The promises that did not hold."""
        broken = []
        if self._tally.late > GRACE:
            broken.append(f"an answer came {self._tally.late:.3f} s after its deadline")
        if self._left:
            broken.append(f"{self._left} questions were left under way")
        if self._expired:
            broken.append(f"{self._expired} answers were older than they may be")
        return broken


def _expired(answer: Answer[Any], now: datetime) -> bool:
    """Whether any of it, of a series its newest, is older than it may be served."""
    ages = [(now - item.observed_at).total_seconds() for item in answer.items if item.observed_at]
    return bool(ages) and (max if answer.query.many else min)(ages) > answer.query.max_stale
