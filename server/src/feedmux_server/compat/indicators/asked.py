"""What each indicator can be asked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from feedmux import InvalidQuery
from feedmux_server.compat.market import OhlcParameters

Period = Annotated[int, Meta(ge=2, le=100, description="over how many candles")]


class BollingerParameters(OhlcParameters, frozen=True):
    """Of Bollinger's bands."""

    period: Annotated[int, Meta(ge=1, le=100, description="over how many candles")] = 20
    std_dev: Annotated[
        float, Meta(ge=0, le=5, description="how many standard deviations the bands are away")
    ] = 2.0


class StochRsiParameters(OhlcParameters, frozen=True):
    """Of the StochRSI."""

    rsi_period: Period = 14
    stoch_period: Period = 14


class PeriodParameters(OhlcParameters, frozen=True):
    """Of RSI and ATR."""

    period: Period = 14


class MacdParameters(OhlcParameters, frozen=True):
    """Of the MACD; fast must be less than slow."""

    fast: Period = 12
    slow: Period = 26
    signal_period: Annotated[
        int, Meta(ge=1, le=100, description="over how many candles the line is averaged")
    ] = 9

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise InvalidQuery(f"is less than slow, which is {self.slow}", field="fast")
