"""Averages of closes: SMA, EMA, and MACD, which is the distance between two EMAs."""

from __future__ import annotations

import talib
from msgspec import Struct

from feedmux_server.indicators.series import MOST, Series, exact, last
from feedmux_server.indicators.signal import Signal, ordered

SMA_CANDLES = 200


class Smas(Struct, frozen=True):
    """Simple averages over 20, 50 and 200 candles; the last null where there are fewer candles."""

    sma20: float
    sma50: float
    sma200: float | None


class Emas(Struct, frozen=True):
    """Exponential averages over 12, 26 and 50 candles; the last null where there are fewer candles."""

    ema12: float
    ema26: float
    ema50: float | None


class Macd(Struct, frozen=True):
    """The fast EMA less the slow one, the EMA of that, and the first less the second; in the price's currency."""

    macd_line: float
    signal_line: float
    histogram: float

    @property
    def signal(self) -> Signal:
        """By the sign of the histogram, strong where the line has the same."""
        if self.histogram > 0:
            return Signal.STRONG_BULLISH if self.macd_line > 0 else Signal.BULLISH
        if self.histogram < 0:
            return Signal.STRONG_BEARISH if self.macd_line < 0 else Signal.BEARISH
        return Signal.NEUTRAL


def sma(series: Series) -> Smas:
    """The simple averages; raises TooFew below 50 candles."""
    series.need(50, "SMA(50)")
    long = _mean(series, SMA_CANDLES) if len(series) >= SMA_CANDLES else None
    return Smas(_mean(series, 20), _mean(series, 50), long)


def sma_trend(series: Series, found: Smas) -> Signal:
    """By the order of price and averages."""
    return ordered(series.price, found.sma20, found.sma50, found.sma200)


def ema_candles() -> int:
    """How many candles the EMAs take."""
    return exact(50, 2 / 51)


def ema(series: Series) -> Emas:
    """The exponential averages, each begun with the mean of its first candles; raises TooFew below 26."""
    series.need(26, "EMA(26)")
    return Emas(_ema(series, 12), _ema(series, 26), _ema(series, 50) if len(series) >= 50 else None)


def ema_trend(series: Series, found: Emas) -> Signal:
    """By the order of price and averages."""
    return ordered(series.price, found.ema12, found.ema26, found.ema50)


def macd_candles(slow: int, signal_period: int) -> int:
    """How many candles a MACD takes."""
    return min(MOST, exact(slow, 2 / (slow + 1)) + exact(signal_period, 2 / (signal_period + 1)))


def macd(series: Series, fast: int, slow: int, signal_period: int) -> Macd:
    """Appel's moving average convergence and divergence."""
    what = f"MACD({fast}, {slow}, {signal_period})"
    series.need(slow + signal_period - 1, what)
    lines = talib.MACD(series.closes, fastperiod=fast, slowperiod=slow, signalperiod=signal_period)
    return Macd(*(last(line, what) for line in lines))


def _mean(series: Series, period: int) -> float:
    return float(series.closes[-period:].mean())


def _ema(series: Series, period: int) -> float:
    return last(talib.EMA(series.closes, timeperiod=period), f"EMA({period})")
