"""What the exchanges have in common: a request is about one market, and brings a quote of it or its candles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from feedmux.items import INTERVALS, Candle, Quote
from feedmux.limits import Terms
from feedmux.query import Candles, Quotes
from feedmux.request import Asked

VOICES = 3
"""How many exchanges are asked for a quote: with three, one that is wrong stands apart."""
QUOTES = Terms(ttl=2, fan_out=VOICES)
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


class Row(Protocol):
    """A candle as an exchange writes it; the volume is in the base asset."""

    open: float
    high: float
    low: float
    close: float
    volume: float


def market(asked: Asked[Any]) -> str:
    """The exchange's own id of the one market that is asked for."""
    (symbol,) = asked.query.symbols_asked
    return asked.id(symbol)


def quote(asked: Asked[Quotes], price: float, observed_at: datetime | None = None, **more: Any) -> Quote:
    """A quote of that market, as its listing names it."""
    (symbol,) = asked.query.symbols
    listed = asked.ids.get(symbol)
    return Quote(
        symbol=symbol,
        price=price,
        vs=asked.query.vs,
        pair=asked.pair(symbol),
        id=asked.id(symbol),
        ambiguous=listed is not None and listed.ambiguous,
        observed_at=observed_at,
        **more,
    )


def candle(asked: Asked[Candles], opened_at: datetime, row: Row) -> Candle:
    """A candle of that market, closed where its interval was over when it was asked for."""
    query = asked.query
    return Candle(
        symbol=query.symbol,
        interval=query.interval,
        opened_at=opened_at,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        closed=asked.at - opened_at >= INTERVALS[query.interval],
        vs=query.vs,
        pair=asked.pair(query.symbol),
    )
