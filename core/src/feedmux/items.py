"""What answers are made of: one frozen struct for each kind of thing a provider can say.

Money is a float in the currency named by `vs`, wei and counts are int, instants are aware UTC, changes are in
percent where the name ends in `_pct`. Unknown is None, never 0. Making an item checks it: a price that is not
finite and positive raises ValueError.
"""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from feedmux.cell import Kind, cell, kinds, printable
from feedmux.validation import WrongField, check_fields

Price: TypeAlias = Annotated[float, Meta(gt=0, le=1e18)]
Amount: TypeAlias = Annotated[float, Meta(ge=0, le=1e21)]
Change: TypeAlias = Annotated[float, Meta(ge=-1e18, le=1e18)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Interval: TypeAlias = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]
Classification: TypeAlias = Literal["extreme_fear", "fear", "neutral", "greed", "extreme_greed"]

INTERVALS: dict[str, timedelta] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}


STAMPS = ("provider", "origin", "observed_at", "fetched_at", "stale")
"""The fields that say whose word an item is and how old."""


class Item(Struct, frozen=True, kw_only=True):
    """One thing a provider said, and whose word it is.

    A plugin fills in what the upstream said, `observed_at` being the upstream's own time (None where it gives
    none: the engine then takes the time of the request). The engine stamps `provider`, `fetched_at` and `stale`,
    and `origin` where the plugin left it empty.
    """

    provider: str = ""
    origin: str = ""
    observed_at: Instant | None = None
    fetched_at: Instant | None = None
    stale: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    def row(self) -> dict[str, Any]:
        """A flat mapping of plain values (numbers, texts, aware datetimes, None), as a data frame takes it."""
        plain: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return plain

    def readable(self) -> dict[str, str]:
        """Each field that says something, as a person reads it: its own first, whose word it is last."""
        of, told = kinds(type(self)), {}
        for field in msgspec.structs.fields(type(self)):
            value = getattr(self, field.name)
            usual_flag = value is field.default and isinstance(value, bool)
            if field.name not in STAMPS and not usual_flag:
                told[field.name] = cell(value, of[field.name])
        foreign = self.origin not in ("", self.provider)
        told["provider"] = printable(f"{self.provider} ({self.origin})" if foreign else self.provider)
        told["observed_at"] = cell(self.observed_at, Kind.INSTANT)
        told["stale"] = "STALE" if self.stale else ""
        return {name: text for name, text in told.items() if text}

    def __str__(self) -> str:
        told = ", ".join(f"{name} {text}" for name, text in self.readable().items())
        return f"{type(self).__name__}: {told}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self.readable().items()
        )
        return f"<table><caption>{type(self).__name__}</caption><tbody>{rows}</tbody></table>"


class Quote(Item, frozen=True, kw_only=True):
    """What one unit of `symbol` is worth in `vs`."""

    symbol: str
    price: Price
    vs: str = "USD"
    pair: str | None = None
    """The market that was read, such as BTC/USDT, where the provider quotes one."""
    id: str | None = None
    """The provider's own id for the asset it took."""
    ambiguous: bool = False
    """Several assets share this symbol; the one with the largest market cap was taken."""
    name: str | None = None
    change_24h: Change | None = None
    change_pct_24h: Change | None = None
    high_24h: Price | None = None
    low_24h: Price | None = None
    volume_24h: Amount | None = None
    """Traded in 24 hours, in `vs`."""
    market_cap: Amount | None = None


class Candle(Item, frozen=True, kw_only=True):
    """Open, high, low and close over one interval that began at `opened_at`."""

    symbol: str
    interval: Interval
    opened_at: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount | None = None
    """Traded in the interval, in units of `symbol`."""
    closed: bool
    """False for the candle that is still running."""
    vs: str = "USD"
    pair: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise WrongField("low", "open and close must lie between low and high")

    @property
    def closes_at(self) -> datetime:
        """When its interval ends."""
        return self.opened_at + INTERVALS[self.interval]


class Coin(Item, frozen=True, kw_only=True):
    """A row of the market table."""

    symbol: str
    name: str
    price: Price
    vs: str = "USD"
    id: str | None = None
    rank: Count | None = None
    market_cap: Amount | None = None
    volume_24h: Amount | None = None
    change_pct_24h: Change | None = None
    high_24h: Price | None = None
    low_24h: Price | None = None
    circulating_supply: Amount | None = None


class TrendingCoin(Item, frozen=True, kw_only=True):
    """A coin people look for now; `position` 1 is looked for most."""

    symbol: str
    name: str
    position: Count
    id: str | None = None
    rank: Count | None = None
    price: Price | None = None
    change_pct_24h: Change | None = None


class GlobalStats(Item, frozen=True, kw_only=True):
    """The whole market, in US dollars; dominance in percent."""

    market_cap: Amount
    volume_24h: Amount | None = None
    btc_dominance_pct: Annotated[float, Meta(ge=0, le=100)] | None = None
    change_pct_24h: Change | None = None
    coins: Count | None = None


class SentimentIndex(Item, frozen=True, kw_only=True):
    """The mood of the market, 0 (extreme fear) to 100 (extreme greed)."""

    value: Annotated[int, Meta(ge=0, le=100)]
    classification: Classification


class GasPrice(Item, frozen=True, kw_only=True):
    """What a transaction costs, in gwei per unit of gas."""

    chain: str
    slow: Amount
    standard: Amount
    fast: Amount
    base_fee: Amount | None = None


class SupplyFigure(Item, frozen=True, kw_only=True):
    """How many of an asset's smallest units exist."""

    asset: str
    total: Count
    decimals: Count


class BalanceFigure(Item, frozen=True, kw_only=True):
    """What an address holds, in wei."""

    address: str
    chain: str
    wei: Count


class Headline(Item, frozen=True, kw_only=True):
    """One piece of news; the link is data and is never fetched."""

    title: str
    url: str
    published_at: Instant | None = None


class TextSentiment(Item, frozen=True, kw_only=True):
    """What a model makes of a text."""

    text: str
    label: Literal["bullish", "bearish", "neutral"]
    score: Annotated[float, Meta(ge=0, le=1)]
    confidence: Annotated[float, Meta(ge=0, le=1)]
    model: str


class Resource(Item, frozen=True, kw_only=True):
    """An entry of the resource catalogue."""

    id: str
    name: str
    category: str
    url: str | None = None
