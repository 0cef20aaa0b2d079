"""Oscillators between 0 and 100: RSI and StochRSI."""

from __future__ import annotations

import numpy as np
import talib
from msgspec import Struct

from feedmux_server.indicators.series import MOST, Floats, Series, Undefined, exact, last
from feedmux_server.indicators.signal import Signal

SMOOTH = 3
"""Candles over which %K and %D are averaged."""


class StochRsi(Struct, frozen=True):
    """Where the RSI stands between its lowest and highest; %K its average over 3 candles, %D that of %K. 0 to 100."""

    value: float
    k_line: float
    d_line: float

    @property
    def signal(self) -> Signal:
        """Overbought above 80, oversold below 20; in between whether %K stands above %D."""
        if self.value > 80:
            return Signal.OVERBOUGHT
        if self.value < 20:
            return Signal.OVERSOLD
        if self.k_line == self.d_line:
            return Signal.NEUTRAL
        return Signal.BULLISH if self.k_line > self.d_line else Signal.BEARISH


def rsi_candles(period: int) -> int:
    """How many candles an RSI takes."""
    return exact(period, 1 / period)


def rsi(series: Series, period: int) -> float:
    """Wilder's relative strength index, 0 to 100: its averages begin with the mean of the first `period` changes.

    Raises Undefined where the price did not move at all.
    """
    series.need(period + 1, f"RSI({period})")
    return last(_rsi(series.closes, period), f"RSI({period})")


def rsi_signal(value: float) -> Signal:
    """Overbought above 70, oversold below 30, bullish above 60, bearish below 40."""
    if value > 70:
        return Signal.OVERBOUGHT
    if value < 30:
        return Signal.OVERSOLD
    if value > 60:
        return Signal.BULLISH
    return Signal.BEARISH if value < 40 else Signal.NEUTRAL


def stoch_rsi_candles(rsi_period: int, stoch_period: int) -> int:
    """How many candles a StochRSI takes."""
    return min(MOST, rsi_candles(rsi_period) + stoch_period + 2 * SMOOTH)


def stoch_rsi(series: Series, rsi_period: int, stoch_period: int) -> StochRsi:
    """Chande and Kroll's stochastic of the RSI. Raises Undefined where the RSI stood still."""
    what = f"StochRSI({rsi_period}, {stoch_period})"
    series.need(rsi_period + stoch_period + 2 * SMOOTH - 2, what)
    strength = _rsi(series.closes, rsi_period)
    tail = strength[-(stoch_period + 2 * SMOOTH - 2) :]
    windows = np.lib.stride_tricks.sliding_window_view(tail, stoch_period)
    lowest, highest = windows.min(axis=1), windows.max(axis=1)
    if not (highest > lowest).all():
        raise Undefined(f"{what} has no value: the RSI did not move", retry_after=60.0)
    raw = 100 * (windows[:, -1] - lowest) / (highest - lowest)
    smoothed = np.convolve(raw, np.full(SMOOTH, 1 / SMOOTH), "valid")
    return StochRsi(float(raw[-1]), float(smoothed[-1]), float(smoothed.mean()))


def _rsi(closes: Floats, period: int) -> Floats:
    """The RSI of each candle, not a number where it has none."""
    if not np.diff(closes).any():
        return np.full(len(closes), np.nan)
    found: Floats = talib.RSI(closes, timeperiod=period)
    return found
