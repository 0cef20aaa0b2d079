"""What the exchanges have in common: on what terms they are asked, for which market, and which candles they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from feedmux.limits import Terms
from feedmux.query import MANY, Candles, Quotes
from feedmux.request import Asked

VOICES = 3
"""How many exchanges are asked for a quote: with three, one that is wrong stands apart."""
QUOTE = Terms(ttl=2, fan_out=VOICES)
QUOTES = Terms(ttl=2, fan_out=VOICES, batch=MANY)
CANDLES = Terms(ttl=2)


class Series(Struct, frozen=True):
    """Which candles an exchange has: `names` is what it calls our intervals, `most` how many a request brings."""

    names: Mapping[str, str | int]
    most: int

    def lacks(self, query: Candles) -> str:
        """Why it cannot give these candles, empty where it can."""
        if query.interval not in self.names:
            return f"it has no candles of {query.interval}"
        return f"it gives {self.most} candles at most" if query.limit > self.most else ""


def market(asked: Asked[Any]) -> str:
    """The exchange's own id of the one market that is asked for."""
    (symbol,) = asked.query.symbols_asked
    return asked.id(symbol)


def alone(asked: Asked[Quotes]) -> bool:
    """Whether one market is asked for: of several, exchanges give the tickers of all at the cost of one."""
    return len(asked.query.symbols) == 1
