"""One coin's price as the older service wrote it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from feedmux import Coin, Quote
from feedmux.items import Candle
from feedmux_server.compat.translation import unix_ms

WORDS = {
    "change_24h": "change24h",
    "change_percent_24h": "changePercent24h",
    "volume_24h": "volume24h",
    "market_cap": "marketCap",
    "market_cap_rank": "marketCapRank",
    "high_24h": "high24h",
    "low_24h": "low24h",
    "circulating_supply": "circulatingSupply",
    "last_updated": "lastUpdated",
}
"""What fields of a row are called."""


class PriceRow(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=WORDS):
    """In US dollars, `change_percent_24h` in percent, `volume_24h` in dollars. What nobody said is left out."""

    symbol: str
    price: float
    source: str
    name: str | None = None
    id: str | None = None
    rank: int | None = None
    change_24h: float | None = None
    change_percent_24h: float | None = None
    volume_24h: float | None = None
    market_cap: float | None = None
    high_24h: float | None = None
    low_24h: float | None = None
    circulating_supply: float | None = None
    last_updated: datetime | None = None
    timestamp: int
    """When it was observed, in Unix milliseconds, as `last_updated` is in ISO 8601."""
    stale: bool = False


class CandleRow(Struct, frozen=True, kw_only=True):
    """`timestamp` is when it began, in Unix milliseconds; `volume` is in units of the coin, null where unknown."""

    timestamp: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None


def price_row(item: Quote | Coin) -> PriceRow:
    """The row of a quote or of a line of the market table."""
    if item.observed_at is None:
        raise ValueError("an item without its stamps")
    listed = item if isinstance(item, Coin) else None
    return PriceRow(
        symbol=item.symbol,
        price=item.price,
        source=item.provider,
        name=item.name,
        id=item.id,
        rank=listed.rank if listed else None,
        change_24h=item.change_24h if isinstance(item, Quote) else None,
        change_percent_24h=item.change_pct_24h,
        volume_24h=item.volume_24h,
        market_cap=item.market_cap,
        high_24h=item.high_24h,
        low_24h=item.low_24h,
        circulating_supply=listed.circulating_supply if listed else None,
        last_updated=item.observed_at,
        timestamp=unix_ms(item.observed_at),
        stale=item.stale,
    )


def candle_row(candle: Candle) -> CandleRow:
    """The row of a candle, which has been checked: its open and close lie between its low and high."""
    return CandleRow(
        timestamp=unix_ms(candle.opened_at),
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
    )
