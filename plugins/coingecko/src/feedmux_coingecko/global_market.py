"""The whole market in one row: https://docs.coingecko.com/v3.0.1/reference/crypto-global"""

from __future__ import annotations

from msgspec import Struct, json

from feedmux.clock import from_unix
from feedmux.items import GlobalStats
from feedmux.query import GlobalMarket
from feedmux.request import Asked, Request


class _Caps(Struct, frozen=True):
    usd: float


class _Volumes(Struct, frozen=True):
    usd: float | None = None


class _Shares(Struct, frozen=True):
    """In percent."""

    btc: float | None = None


class _Data(Struct):
    total_market_cap: _Caps
    updated_at: int
    total_volume: _Volumes = _Volumes()
    market_cap_percentage: _Shares = _Shares()
    market_cap_change_percentage_24h_usd: float | None = None
    active_cryptocurrencies: int | None = None


class _Global(Struct):
    data: _Data


def global_request(asked: Asked[GlobalMarket]) -> Request:
    """In every currency; US dollars are read."""
    return Request("/global")


def parse_global(body: bytes, asked: Asked[GlobalMarket]) -> list[GlobalStats]:
    """One row. A market without a market cap in dollars is no answer."""
    data = json.decode(body, type=_Global).data
    return [
        GlobalStats(
            market_cap=data.total_market_cap.usd,
            volume_24h=data.total_volume.usd,
            btc_dominance_pct=data.market_cap_percentage.btc,
            change_pct_24h=data.market_cap_change_percentage_24h_usd,
            coins=data.active_cryptocurrencies,
            observed_at=from_unix(data.updated_at),
        )
    ]
