"""Prices as they are in a simulation: the truth that every upstream looks at."""

from __future__ import annotations

import math

from feedmux.clock import Chance, Random
from feedmux.items import Item, Quote

STEP = 10.0
"""Seconds between two changes."""
SWING = 0.0006
"""Standard deviation of one change, as a share."""
OFF = 0.05
"""A price so far off the truth, as a share, is wrong."""


class Market:
    """Each symbol's price at any time, the same for everybody who looks, computed as it is looked at."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._walks: dict[str, list[float]] = {}
        self._dice: dict[str, Random] = {}

    def price(self, symbol: str, at: float) -> float:
        """What one of it is worth so many seconds from the start."""
        if symbol not in self._walks:
            dice = self._dice[symbol] = self._chance.generator(f"market/{symbol}")
            self._walks[symbol] = [math.exp(dice.uniform(0, 11))]
        walk, dice = self._walks[symbol], self._dice[symbol]
        while len(walk) <= at / STEP:
            walk.append(walk[-1] * math.exp(dice.gauss(0, SWING)))
        return walk[int(at / STEP)]

    def is_wrong(self, item: Item, at: float) -> bool:
        """Whether it shows a price off the truth of that time and does not say that it is an old one."""
        if not isinstance(item, Quote) or item.stale:
            return False
        return abs(item.price / self.price(item.symbol, at) - 1) > OFF
