"""A series of candles as the arrays that indicators are computed from, and how many candles make a value exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from feedmux import Candle, FeedmuxError

Floats: TypeAlias = NDArray[np.float64]
LEFT = 1e-9
"""The share of a value that may still come from where its smoothing began."""
MOST = 1000
"""The most candles that one question may ask for."""


class TooFew(FeedmuxError):
    """The provider has fewer candles than the indicator needs."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "too-few-candles"
    title: ClassVar[str] = "There are too few candles"


class Undefined(FeedmuxError):
    """The candles give the indicator no value: it would be a division by zero."""

    status: ClassVar[int] = 503
    slug: ClassVar[str] = "undefined-indicator"
    title: ClassVar[str] = "The indicator has no value here"


class Series(Struct, frozen=True):
    """Highs, lows and closes, oldest first, the running candle included: its close is the current price."""

    highs: Floats
    lows: Floats
    closes: Floats

    @classmethod
    def of(cls, candles: Sequence[Candle]) -> Series:
        """The series of candles in the order of time."""
        return cls(
            np.array([candle.high for candle in candles]),
            np.array([candle.low for candle in candles]),
            np.array([candle.close for candle in candles]),
        )

    def __len__(self) -> int:
        return len(self.closes)

    @property
    def price(self) -> float:
        """The newest close."""
        return float(self.closes[-1])

    def need(self, candles: int, what: str) -> None:
        """Raise TooFew where there are fewer."""
        if len(self) < candles:
            raise TooFew(f"{what} takes {candles} candles, there are {len(self)}", retry_after=60.0)


def exact(period: int, alpha: float) -> int:
    """The candles after which exponential smoothing by `alpha` forgot its beginning, up to the most that can be had.

    With Wilder's smoothing (alpha = 1 / period) that is so for periods of up to 46; of one of 100 the most that can
    be had leave a share of 0.0001.
    """
    if alpha >= 1:
        return period + 1
    return min(MOST, period + 1 + math.ceil(math.log(LEFT) / math.log(1 - alpha)))


def last(values: Floats, what: str) -> float:
    """The newest value; raises Undefined where it is none."""
    value = float(values[-1])
    if not math.isfinite(value):
        raise Undefined(f"{what} has no value: the price did not move", retry_after=60.0)
    return value
