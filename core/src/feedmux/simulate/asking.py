"""Callers: what they ask for, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import accumulate
from typing import Any, Protocol

from feedmux.clock import Clock, Random
from feedmux.query import Candles, FearGreed, Gas, GlobalMarket, Query, Quotes, Trending
from feedmux.simulate.scenario import Fault, Load

MAKE: dict[str, Callable[[tuple[str, ...]], Query]] = {
    "quotes": Quotes,
    "candles": lambda symbols: Candles(symbols[0]),
    "trending": lambda symbols: Trending(),
    "global_market": lambda symbols: GlobalMarket(),
    "fear_greed": lambda symbols: FearGreed(),
    "gas": lambda symbols: Gas(),
}
"""A question of each kind about these symbols."""


class Asking(Protocol):
    """Asks a question under the conditions that `Mux.get` takes, and never raises."""

    def __call__(self, query: Query, **how: Any) -> Coroutine[Any, Any, None]: ...


class Asker(Protocol):
    """Whoever asks. Called again, it goes on where it stopped."""

    async def ask(self, until: float, asking: Asking) -> None:
        """Ask until then, each question a task of its own; ends when all have ended."""
        ...


class Callers:
    """Everybody who asks, at random times."""

    def __init__(self, load: Load, faults: Sequence[Fault], clock: Clock, dice: Random) -> None:
        self._load = load
        self._surges = [fault for fault in faults if fault.kind == "load"]
        self._clock = clock
        self._dice = dice
        self._kinds, shares = list(load.asks), list(load.asks.values())
        self._kind_weights = list(accumulate(shares))
        self._names = [f"S{place}" for place in range(1, load.symbols + 1)]
        self._name_weights = list(accumulate(1 / place for place in range(1, load.symbols + 1)))

    async def ask(self, until: float, asking: Asking) -> None:
        """Ask until then, each question a task of its own; ends when all have ended."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._clock.sleep(self._dice.expovariate(self._rate()))
                if self._clock.monotonic() >= until:
                    return
                group.create_task(asking(self._question()))

    def _rate(self) -> float:
        now, rate = self._clock.monotonic(), self._load.rate
        for surge in self._surges:
            if surge.under_way(now):
                rate *= surge.value
        return rate

    def _question(self) -> Query:
        (kind,) = self._dice.choices(self._kinds, cum_weights=self._kind_weights)
        return MAKE[kind](
            tuple(
                dict.fromkeys(
                    self._dice.choices(self._names, cum_weights=self._name_weights, k=self._load.each)
                )
            )
        )
