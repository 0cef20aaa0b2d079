"""Candle intervals as Binance names and aligns them: days in UTC, weeks from Monday, months by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct


class Grid(Protocol):
    """Numbered intervals without a gap. Instants are Unix seconds."""

    def index(self, at: float) -> int:
        """The number of the interval that an instant lies in."""
        ...

    def start(self, index: int) -> int:
        """When an interval opens; it closes where the next one opens."""
        ...


class Even(Struct, frozen=True):
    """Intervals of one length in seconds, counted from `origin`."""

    step: int
    origin: int = 0

    def index(self, at: float) -> int:
        return int((at - self.origin) // self.step)

    def start(self, index: int) -> int:
        return self.origin + index * self.step


class Months(Struct, frozen=True):
    """Calendar months."""

    def index(self, at: float) -> int:
        day = datetime.fromtimestamp(at, UTC)
        return day.year * 12 + day.month - 1

    def start(self, index: int) -> int:
        return int(datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC).timestamp())


MINUTE, HOUR, DAY = 60, 3600, 86_400
MONDAY = 4 * DAY
"""The first Monday after the epoch."""
GRIDS: dict[str, Grid] = {
    "1s": Even(1),
    **{f"{n}m": Even(n * MINUTE) for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": Even(n * HOUR) for n in (1, 2, 4, 6, 8, 12)},
    "1d": Even(DAY),
    "3d": Even(3 * DAY),
    "1w": Even(7 * DAY, MONDAY),
    "1M": Months(),
}
