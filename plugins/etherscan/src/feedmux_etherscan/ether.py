"""Ether itself: its price and its supply."""

from __future__ import annotations

from msgspec import Struct, json

from feedmux.clock import from_unix
from feedmux.items import Quote, SupplyFigure
from feedmux.listing import Listed
from feedmux.query import Quotes, Supply
from feedmux.request import Asked, Request
from feedmux_etherscan.call import Reply, call

MARKETS = (Listed("ETH", "ethusd", "USD", "ETH/USD"), Listed("ETH", "ethbtc", "BTC", "ETH/BTC"))
"""All that it quotes, by the names of its fields."""


class _Supply(Struct, rename="pascal"):
    eth_supply: int
    eth2_staking: int
    burnt_fees: int


def no_such_asset(query: Supply) -> str:
    """Why a question about supply is not for Etherscan."""
    return "" if query.asset == "ETH" else f"{query.asset}: it knows ether's supply only"


def quotes_request(asked: Asked[Quotes]) -> Request:
    """Ether's last price, in dollars and in bitcoin at once."""
    return call("stats", "ethprice")


def supply_request(asked: Asked[Supply]) -> Request:
    """Ether's supply in its parts."""
    return call("stats", "ethsupply2")


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """The last price in the currency asked for, with its own time."""
    said = json.decode(body, type=Reply[dict[str, float]], strict=False).result
    return [
        asked.quote(symbol, said[field], from_unix(said[f"{field}_timestamp"]))
        for symbol in asked.query.symbols
        if (field := asked.id(symbol)) in said and f"{field}_timestamp" in said
    ]


def parse_supply(body: bytes, asked: Asked[Supply]) -> list[SupplyFigure]:
    """In wei. `EthSupply` alone lacks what staking has minted and holds what fees have burnt, says the reference."""
    said = json.decode(body, type=Reply[_Supply], strict=False).result
    total = said.eth_supply + said.eth2_staking - said.burnt_fees
    return [SupplyFigure(asset=asked.query.asset, total=total, decimals=18)]
