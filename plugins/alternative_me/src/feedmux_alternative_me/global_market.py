"""The whole market in one row, of the coins that it counts: https://alternative.me/crypto/api/#global"""

from __future__ import annotations

from msgspec import Struct, json

from feedmux.clock import from_unix
from feedmux.items import GlobalStats
from feedmux.query import GlobalMarket
from feedmux.request import Asked, Request

FRACTIONS = 1.5
"""Bitcoin's part is documented in percent and sent as a fraction: what is no more than this is one."""


class _Dollars(Struct):
    total_market_cap: float
    total_volume_24h: float | None = None


class _Quotes(Struct, rename="upper"):
    usd: _Dollars


class _Data(Struct):
    quotes: _Quotes
    last_updated: int
    active_cryptocurrencies: int | None = None
    bitcoin_percentage_of_market_cap: float | None = None


class _Global(Struct):
    data: _Data


def global_request(asked: Asked[GlobalMarket]) -> Request:
    """In US dollars."""
    return Request("/v2/global/")


def parse_global(body: bytes, asked: Asked[GlobalMarket]) -> list[GlobalStats]:
    """One row, none where it says 0, which is unknown. It counts fewer coins than others do: Bitcoin's part is larger."""
    data = json.decode(body, type=_Global).data
    dollars = data.quotes.usd
    if not dollars.total_market_cap:
        return []
    return [
        GlobalStats(
            market_cap=dollars.total_market_cap,
            volume_24h=dollars.total_volume_24h or None,
            btc_dominance_pct=_percent(data.bitcoin_percentage_of_market_cap),
            coins=data.active_cryptocurrencies or None,
            observed_at=from_unix(data.last_updated),
        )
    ]


def _percent(part: float | None) -> float | None:
    return part * 100 if part is not None and part <= FRACTIONS else part
