"""A market at Binance: a coin against a currency, with its numbers as text."""

from __future__ import annotations

import math
from functools import cache

from msgspec import Struct

from feedmux_sandbox.coins import Coin, coins
from feedmux_sandbox.currency import PER_DOLLAR
from feedmux_sandbox.series import Bar

AVERAGE_TRADE = 600.0
"""What one trade is worth, in US dollars."""


class Pair(Struct, frozen=True):
    """`coin` traded for `quote`. USDT and USDC are taken as one dollar."""

    coin: Coin
    quote: str

    @property
    def name(self) -> str:
        return self.coin.symbol + self.quote

    @property
    def rate(self) -> float:
        return PER_DOLLAR.get(self.quote.lower(), 1.0)

    @property
    def digits(self) -> int:
        """Decimals of its prices: five or six figures, at least two decimals, at most eight."""
        return min(8, max(2, 4 - math.floor(math.log10(self.coin.highest))))

    @property
    def tick(self) -> float:
        """The smallest step of its price."""
        return float(10**-self.digits)

    def price(self, value: float) -> str:
        """A price as it is written there."""
        return text(round(value, self.digits))

    def bar(self, start: float, end: float) -> Bar:
        """Its candle from `start` to `end` (Unix seconds)."""
        bar, rate = self.coin.bar(start, end), self.rate
        return Bar(bar.open * rate, bar.high * rate, bar.low * rate, bar.close * rate, bar.volume)

    def trade(self, at: float) -> int:
        """The id of its first trade at or after an instant: they come evenly."""
        return math.ceil(at * self.coin.volume / 86_400 / AVERAGE_TRADE)


def text(value: float) -> str:
    """A number as Binance writes it: eight decimals."""
    return f"{value:.8f}"


@cache
def pairs() -> dict[str, Pair]:
    """Every market there is, by name."""
    return {
        pair.name: pair for coin in coins() for quote in coin.markets.split() for pair in (Pair(coin, quote),)
    }
