"""CoinGecko's numbers: the rows of its market table and the figures of the whole market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from feedmux_sandbox.coins import DAY, WEEK, Snapshot
from feedmux_sandbox.currency import CODES, per_dollar
from feedmux_sandbox.series import HOUR

WINDOWS = {
    "1h": HOUR,
    "24h": DAY,
    "7d": WEEK,
    "14d": 2 * WEEK,
    "30d": 30 * DAY,
    "200d": 200 * DAY,
    "1y": 365 * DAY,
}
"""The spans that a price change can be asked for, in seconds."""
HIGHEST_ON, LOWEST_ON = "2021-11-10T14:24:11.849Z", "2015-01-14T00:00:00.000Z"


def shown(price: float) -> int | float:
    """A price as it is written there: whole from 10,000 on, else at least six figures."""
    if price >= 10_000:
        return round(price)
    return round(price, 5 - math.floor(math.log10(price))) if price < 1 else round(price, 4)


def market_row(row: Snapshot, at: float, rate: float) -> dict[str, object]:
    """A coin in a currency of which one US dollar is `rate`."""
    coin, price, before = row.coin, row.price * rate, row.day.open * rate
    cap, highest, lowest = row.market_cap * rate, coin.highest * rate, coin.lowest * rate
    return {
        "id": coin.gecko,
        "symbol": coin.symbol.lower(),
        "name": coin.name,
        "image": image(coin.gecko, "large"),
        "current_price": shown(price),
        "market_cap": round(cap),
        "market_cap_rank": row.rank,
        "fully_diluted_valuation": round(price * coin.total_supply),
        "total_volume": round(row.volume_24h * rate),
        "high_24h": shown(row.day.high * rate),
        "low_24h": shown(row.day.low * rate),
        "price_change_24h": price - before,
        "price_change_percentage_24h": round(row.change_24h, 5),
        "market_cap_change_24h": (price - before) * coin.supply,
        "market_cap_change_percentage_24h": round(row.change_24h, 5),
        "circulating_supply": float(coin.supply),
        "total_supply": float(coin.total_supply),
        "max_supply": coin.max_supply,
        "ath": shown(highest),
        "ath_change_percentage": round(100 * (price / highest - 1), 5),
        "ath_date": HIGHEST_ON,
        "atl": shown(lowest),
        "atl_change_percentage": round(100 * (price / lowest - 1), 5),
        "atl_date": LOWEST_ON,
        "roi": None,
        "last_updated": iso(at),
    }


def changes(row: Snapshot, at: float, windows: Sequence[str]) -> dict[str, object]:
    """The extra columns for these windows, in percent."""
    return {
        f"price_change_percentage_{window}_in_currency": 100
        * (row.price / row.coin.price_at(at - WINDOWS[window]) - 1)
        for window in windows
        if window in WINDOWS
    }


def global_data(rows: Sequence[Snapshot], at: float) -> dict[str, object]:
    cap = sum(row.market_cap for row in rows)
    volume = sum(row.volume_24h for row in rows)
    before = sum(row.market_cap / (1 + row.change_24h / 100) for row in rows)
    rates = {code: per_dollar(code, at) or 1.0 for code in CODES}
    return {
        "active_cryptocurrencies": len(rows),
        "upcoming_icos": 0,
        "ongoing_icos": 0,
        "ended_icos": 0,
        "markets": 3,
        "total_market_cap": {code: cap * rate for code, rate in rates.items()},
        "total_volume": {code: volume * rate for code, rate in rates.items()},
        "market_cap_percentage": {row.coin.symbol.lower(): 100 * row.market_cap / cap for row in rows[:10]},
        "market_cap_change_percentage_24h_usd": 100 * (cap / before - 1),
        "updated_at": int(at),
    }


def image(coin: str, size: str) -> str:
    return f"https://assets.coingecko.com/coins/images/0/{size}/{coin}.png"


def iso(at: float) -> str:
    """An instant in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
