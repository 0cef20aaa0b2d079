"""The answers, field by field."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

from feedmux_server import indicators as ta
from feedmux_server.indicators.signal import Overall

V = TypeVar("V")


class RsiData(Struct, frozen=True):
    """The RSI, 0 to 100."""

    value: float


class Body(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every indicator's answer begins and ends with. `data_points`: how many candles it was computed from."""

    success: bool
    symbol: str
    timeframe: str
    indicator: str
    data_points: int
    signal: str
    description: str
    timestamp: str
    source: str
    current_price: float | None = None
    trend: str | None = None
    stale: bool = False
    sandbox: bool = False


class ValueBody(Body, Generic[V], frozen=True, kw_only=True, omit_defaults=True):
    """One indicator."""

    value: V
    data: V


class RsiBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """The RSI."""

    value: float
    data: RsiData


class AtrBody(ValueBody[ta.Atr], frozen=True, kw_only=True, omit_defaults=True):
    """The average true range."""

    volatility_level: str


class SmaBody(ValueBody[ta.Smas], frozen=True, kw_only=True, omit_defaults=True):
    """The simple averages, and how many percent the price stands above the first two."""

    price_vs_sma20: float
    price_vs_sma50: float


class All(Struct, frozen=True):
    """Every indicator with its usual parameters."""

    bollinger_bands: ta.Bands
    stoch_rsi: ta.StochRsi
    atr: ta.Atr
    sma: ta.Smas
    ema: ta.Emas
    macd: ta.Macd
    rsi: RsiData


class AllSignals(Struct, frozen=True):
    """What each of them says."""

    bollinger_bands: str
    stoch_rsi: str
    atr: str
    sma: str
    ema: str
    macd: str
    rsi: str


class ComprehensiveBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of them, and what they say together; `confidence` is the share of the seven that say so."""

    success: bool
    symbol: str
    timeframe: str
    current_price: float
    indicators: All
    signals: AllSignals
    overall_signal: Overall
    confidence: float
    recommendation: str
    data_points: int
    timestamp: str
    source: str
    stale: bool = False
    sandbox: bool = False


class Service(Struct, frozen=True):
    """One indicator, for a list of them."""

    id: str
    name: str
    description: str
    endpoint: str
    parameters: list[str]
    icon: str
    category: str


class Services(Struct, frozen=True):
    """The indicators there are."""

    success: bool
    services: list[Service]
    categories: list[str]
    timestamp: str
