"""The table of coins: who there is, and what each is worth at an instant, whoever is asked."""

from __future__ import annotations

import csv
from functools import cache, lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from feedmux_sandbox.series import HOUR, Bar, Series, leaders

DAY = 24 * HOUR
WEEK = 7 * DAY


class Coin(Struct, frozen=True):
    """One row of `coins.csv`. Money is in US dollars, instants are Unix seconds.

    Its price follows that of its `leader`, `lag` hours later, with `beta` times its relative moves around `price`;
    without a `price` it is the leader's own. `gecko` and `number` are its ids at CoinGecko and alternative.me,
    `volume` what is traded in a usual day, `markets` the currencies it is traded in at Binance.
    """

    symbol: str
    name: str
    gecko: str
    number: int | None
    leader: str
    beta: float
    lag: int
    price: float | None
    supply: float
    max_supply: float | None
    volume: float
    markets: str

    @property
    def slug(self) -> str:
        """Its name as alternative.me puts it into addresses."""
        return self.name.lower().replace(" ", "-")

    @property
    def total_supply(self) -> float:
        return self.max_supply or self.supply

    @property
    def highest(self) -> float:
        """A price above all that the series reaches: its all-time high."""
        return 1.2 * self._follow(self._series.highest)

    @property
    def lowest(self) -> float:
        """A price below all that the series reaches: its all-time low."""
        return 0.1 * self._follow(self._series.lowest)

    def price_at(self, at: float) -> float:
        return self._follow(self._series.price(at - self.lag * HOUR))

    def bar(self, start: float, end: float) -> Bar:
        """Its candle from `start` to `end`; volume in units of the coin."""
        bar = self._series.bar(start - self.lag * HOUR, end - self.lag * HOUR)
        return Bar(
            self._follow(bar.open),
            self._follow(bar.high),
            self._follow(bar.low),
            self._follow(bar.close),
            bar.volume / self._series.daily_volume * self.volume / self._anchor,
        )

    @property
    def _series(self) -> Series:
        return leaders()[self.leader]

    @property
    def _anchor(self) -> float:
        return self._series.mean if self.price is None else self.price

    def _follow(self, led: float) -> float:
        return float(self._anchor * (led / self._series.mean) ** self.beta)


class Snapshot(Struct, frozen=True):
    """A coin at an instant, in US dollars; changes in percent."""

    coin: Coin
    rank: int
    price: float
    day: Bar
    change_1h: float
    change_24h: float
    change_7d: float

    @property
    def market_cap(self) -> float:
        return self.price * self.coin.supply

    @property
    def volume_24h(self) -> float:
        return self.day.volume * self.day.typical


@cache
def coins() -> tuple[Coin, ...]:
    """All coins. A ticker may occur more than once: namesakes are CoinGecko's alone."""
    text = files("feedmux_sandbox").joinpath("coins.csv").read_text("utf-8")
    rows = [{k: v or None for k, v in row.items()} for row in csv.DictReader(text.splitlines())]
    return tuple(
        msgspec.convert({**row, "markets": row["markets"] or ""}, Coin, strict=False) for row in rows
    )


@lru_cache(maxsize=8)
def market(at: float) -> tuple[Snapshot, ...]:
    """Every coin at an instant, the largest market cap first."""
    ordered = sorted(coins(), key=lambda coin: -coin.price_at(at) * coin.supply)
    return tuple(_snapshot(coin, rank, at) for rank, coin in enumerate(ordered, 1))


def _snapshot(coin: Coin, rank: int, at: float) -> Snapshot:
    price = coin.price_at(at)
    hour, day, week = (100 * (price / coin.price_at(at - ago) - 1) for ago in (HOUR, DAY, WEEK))
    return Snapshot(coin, rank, price, coin.bar(at - DAY, at), hour, day, week)
