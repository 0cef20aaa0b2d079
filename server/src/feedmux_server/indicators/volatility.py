"""How far prices swing: Bollinger bands and average true range."""

from __future__ import annotations

import talib
from msgspec import Struct

from feedmux_server.indicators.series import Series, exact, last
from feedmux_server.indicators.signal import Signal

LEVELS = ((1.0, "low"), (3.0, "medium"), (5.0, "high"))
"""Up to which percentage of the price an average true range is called so; above the last, very_high."""


class Bands(Struct, frozen=True):
    """The average and the lines so many standard deviations from it. `bandwidth`: their distance in percent of the
    average; `percent_b`: where the price stands between them, 0 at the lower, 100 at the upper, null where they meet.
    """

    upper: float
    middle: float
    lower: float
    bandwidth: float
    percent_b: float | None

    @property
    def signal(self) -> Signal:
        """Overbought above 95, oversold below 5, with caution above 70 and below 30."""
        place = 50.0 if self.percent_b is None else self.percent_b
        if place > 95:
            return Signal.OVERBOUGHT
        if place < 5:
            return Signal.OVERSOLD
        if place > 70:
            return Signal.BULLISH_CAUTION
        return Signal.BEARISH_CAUTION if place < 30 else Signal.NEUTRAL


class Atr(Struct, frozen=True):
    """The average true range in the price's currency, and in percent of the price."""

    value: float
    percent: float

    @property
    def level(self) -> str:
        """low up to 1 % of the price, medium up to 3 %, high up to 5 %, else very_high."""
        return next((name for most, name in LEVELS if self.percent <= most), "very_high")


def bollinger(series: Series, period: int, deviations: float) -> Bands:
    """Bollinger's bands around the simple average, with the population's standard deviation (divided by n, not n - 1)."""
    series.need(period, f"Bollinger({period})")
    closes = series.closes[-period:]
    middle, reach = float(closes.mean()), deviations * float(closes.std())
    upper, lower = middle + reach, middle - reach
    width = upper - lower
    place = 100 * (series.price - lower) / width if width > 0 else None
    return Bands(upper, middle, lower, 100 * width / middle, place)


def atr_candles(period: int) -> int:
    """How many candles an average true range takes."""
    return exact(period, 1 / period)


def atr(series: Series, period: int) -> Atr:
    """Wilder's average true range, begun with the mean of the first `period` true ranges that have a close before."""
    series.need(period + 1, f"ATR({period})")
    value = last(talib.ATR(series.highs, series.lows, series.closes, timeperiod=period), f"ATR({period})")
    return Atr(value, 100 * value / series.price)
