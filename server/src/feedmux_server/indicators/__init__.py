"""Technical indicators of one series of candles: what each is worth at the newest candle, and what that is said to mean.

Pure. The arithmetic is TA-Lib's; which definition is meant stands at each function.
"""

from feedmux_server.indicators.averages import Emas, Macd, Smas, ema, macd, sma
from feedmux_server.indicators.oscillators import StochRsi, rsi, stoch_rsi
from feedmux_server.indicators.series import Series, TooFew, Undefined
from feedmux_server.indicators.signal import Signal
from feedmux_server.indicators.volatility import Atr, Bands, atr, bollinger

__all__ = [
    "Atr",
    "Bands",
    "Emas",
    "Macd",
    "Series",
    "Signal",
    "Smas",
    "StochRsi",
    "TooFew",
    "Undefined",
    "atr",
    "bollinger",
    "ema",
    "macd",
    "rsi",
    "sma",
    "stoch_rsi",
]
