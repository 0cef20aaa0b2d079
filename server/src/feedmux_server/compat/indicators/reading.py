"""From one series to each answer: the indicator, what it says, and the words around it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from feedmux_server import indicators as ta
from feedmux_server.compat.indicators.asked import (
    BollingerParameters,
    MacdParameters,
    PeriodParameters,
    StochRsiParameters,
)
from feedmux_server.compat.indicators.body import (
    All,
    AllSignals,
    AtrBody,
    ComprehensiveBody,
    RsiBody,
    RsiData,
    SmaBody,
    ValueBody,
)
from feedmux_server.compat.market import OhlcParameters
from feedmux_server.indicators import Series, Signal, averages, oscillators
from feedmux_server.indicators.signal import together

Said = dict[str, Any]
"""The fields that every answer has."""


def bollinger(asked: BollingerParameters, series: Series, said: Said) -> Struct:
    bands = ta.bollinger(series, asked.period, asked.std_dev)
    return ValueBody(**said, value=bands, data=bands, signal=bands.signal, current_price=series.price)


def stoch_rsi(asked: StochRsiParameters, series: Series, said: Said) -> Struct:
    found = ta.stoch_rsi(series, asked.rsi_period, asked.stoch_period)
    return ValueBody(**said, value=found, data=found, signal=found.signal)


def atr(asked: PeriodParameters, series: Series, said: Said) -> Struct:
    found = ta.atr(series, asked.period)
    return AtrBody(
        **said,
        value=found,
        data=found,
        signal=Signal.NEUTRAL,
        current_price=series.price,
        volatility_level=found.level,
    )


def sma(asked: OhlcParameters, series: Series, said: Said) -> Struct:
    found, price = ta.sma(series), series.price
    trend = averages.sma_trend(series, found)
    return SmaBody(
        **said,
        value=found,
        data=found,
        signal=trend,
        trend=trend,
        current_price=price,
        price_vs_sma20=100 * (price / found.sma20 - 1),
        price_vs_sma50=100 * (price / found.sma50 - 1),
    )


def ema(asked: OhlcParameters, series: Series, said: Said) -> Struct:
    found = ta.ema(series)
    trend = averages.ema_trend(series, found)
    return ValueBody(**said, value=found, data=found, signal=trend, trend=trend, current_price=series.price)


def macd(asked: MacdParameters, series: Series, said: Said) -> Struct:
    found = ta.macd(series, asked.fast, asked.slow, asked.signal_period)
    trend = "bullish" if found.signal.rises else "bearish" if found.signal.falls else "neutral"
    return ValueBody(**said, value=found, data=found, signal=found.signal, trend=trend)


def rsi(asked: PeriodParameters, series: Series, said: Said) -> Struct:
    value = ta.rsi(series, asked.period)
    return RsiBody(**said, value=value, data=RsiData(value), signal=oscillators.rsi_signal(value))


def comprehensive(asked: OhlcParameters, series: Series, said: Said) -> Struct:
    found = All(
        bollinger_bands=ta.bollinger(series, 20, 2.0),
        stoch_rsi=ta.stoch_rsi(series, 14, 14),
        atr=ta.atr(series, 14),
        sma=ta.sma(series),
        ema=ta.ema(series),
        macd=ta.macd(series, 12, 26, 9),
        rsi=RsiData(ta.rsi(series, 14)),
    )
    signals = (
        found.bollinger_bands.signal,
        found.stoch_rsi.signal,
        Signal.NEUTRAL,
        averages.sma_trend(series, found.sma),
        averages.ema_trend(series, found.ema),
        found.macd.signal,
        oscillators.rsi_signal(found.rsi.value),
    )
    verdict = together(signals)
    kept = {name: value for name, value in said.items() if name not in ("indicator", "description")}
    return ComprehensiveBody(
        **kept,
        current_price=series.price,
        indicators=found,
        signals=AllSignals(*signals),
        overall_signal=verdict.overall,
        confidence=verdict.confidence,
        recommendation=verdict.recommendation,
    )
