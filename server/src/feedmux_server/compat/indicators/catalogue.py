"""Every indicator: its parameters, how many candles make it exact, and who computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from feedmux_server import indicators as ta
from feedmux_server.compat.indicators import reading
from feedmux_server.compat.indicators.asked import (
    BollingerParameters,
    MacdParameters,
    PeriodParameters,
    StochRsiParameters,
)
from feedmux_server.compat.indicators.body import AtrBody, ComprehensiveBody, RsiBody, SmaBody, ValueBody
from feedmux_server.compat.market import OhlcParameters
from feedmux_server.indicators import averages, oscillators, volatility
from feedmux_server.indicators.series import Series

PREFIX = "/api/indicators"
A = TypeVar("A", bound=OhlcParameters)


class Indicator(Struct, Generic[A], frozen=True):
    """One route: its parameters, how many candles they take, and the answer's body."""

    id: str
    name: str
    description: str
    category: str
    icon: str
    asked: type[A]
    candles: Callable[[A], int]
    body: Callable[[A, Series, dict[str, Any]], Struct]
    gives: Any

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{PREFIX}/{self.id}"


INDICATORS: tuple[Indicator[Any], ...] = (
    Indicator(
        "bollinger-bands",
        "Bollinger Bands",
        "A moving average and the lines some standard deviations (of the population) around it",
        "volatility",
        "📊",
        BollingerParameters,
        lambda asked: asked.period,
        reading.bollinger,
        ValueBody[ta.Bands],
    ),
    Indicator(
        "stoch-rsi",
        "Stochastic RSI",
        "Where Wilder's RSI stands between its lowest and highest value",
        "momentum",
        "📈",
        StochRsiParameters,
        lambda asked: oscillators.stoch_rsi_candles(asked.rsi_period, asked.stoch_period),
        reading.stoch_rsi,
        ValueBody[ta.StochRsi],
    ),
    Indicator(
        "atr",
        "Average True Range",
        "How far the price swings within one candle, averaged as Wilder does",
        "volatility",
        "📉",
        PeriodParameters,
        lambda asked: volatility.atr_candles(asked.period),
        reading.atr,
        AtrBody,
    ),
    Indicator(
        "sma",
        "Simple Moving Averages",
        "The average close over 20, 50 and 200 candles",
        "trend",
        "➖",
        OhlcParameters,
        lambda asked: averages.SMA_CANDLES,
        reading.sma,
        SmaBody,
    ),
    Indicator(
        "ema",
        "Exponential Moving Averages",
        "The average close over 12, 26 and 50 candles, the newest weighing most",
        "trend",
        "〰️",
        OhlcParameters,
        lambda asked: averages.ema_candles(),
        reading.ema,
        ValueBody[ta.Emas],
    ),
    Indicator(
        "macd",
        "MACD",
        "The distance between two exponential averages, and the average of that",
        "momentum",
        "🔀",
        MacdParameters,
        lambda asked: averages.macd_candles(asked.slow, asked.signal_period),
        reading.macd,
        ValueBody[ta.Macd],
    ),
    Indicator(
        "rsi",
        "Relative Strength Index",
        "How much of the movement went up, 0 to 100, smoothed as Wilder does",
        "momentum",
        "💪",
        PeriodParameters,
        lambda asked: oscillators.rsi_candles(asked.period),
        reading.rsi,
        RsiBody,
    ),
    Indicator(
        "comprehensive",
        "Comprehensive Analysis",
        "All seven with their usual parameters, and what they say together",
        "analysis",
        "🧮",
        OhlcParameters,
        lambda asked: averages.ema_candles(),
        reading.comprehensive,
        ComprehensiveBody,
    ),
)
