"""Every coin it knows in one request: https://alternative.me/crypto/api/#ticker

Times are Unix seconds, changes are in percent, and a supply or rank of 0 means unknown.
"""

from __future__ import annotations

from msgspec import Struct, convert, json
from msgspec.structs import replace

from feedmux.clock import from_unix
from feedmux.items import Coin, Quote
from feedmux.listing import largest
from feedmux.query import MANY, Markets, Quotes
from feedmux.request import Asked, Request

EVERY_COIN: dict[str, str | int] = {"limit": 0, "structure": "array"}
CURRENCIES = frozenset(
    ["USD", "EUR", "GBP", "RUB", "JPY", "CAD", "KRW", "PLN", "BTC", "ETH", "XRP", "LTC", "BCH"]
)


class _Money(Struct):
    price: float | None = None
    volume_24h: float | None = None
    market_cap: float | None = None
    percentage_change_24h: float | None = None


class _Row(Struct):
    id: int
    name: str
    symbol: str
    quotes: dict[str, _Money]
    last_updated: int | None = None
    rank: int | None = None
    circulating_supply: float | None = None


class _Ticker(Struct):
    data: list[_Row] | dict[str, _Row]


def quotes_request(asked: Asked[Quotes]) -> Request:
    """Every coin, in US dollars and in the currency asked for."""
    vs = asked.query.vs
    return Request("/v2/ticker/", EVERY_COIN if vs == "USD" else {**EVERY_COIN, "convert": vs})


def markets_request(asked: Asked[Markets]) -> Request:
    """Every coin: the same request as for quotes in US dollars."""
    return Request("/v2/ticker/", EVERY_COIN)


def parse_quotes(body: bytes, asked: Asked[Quotes]) -> list[Quote]:
    """For each symbol the coin with the largest market cap, `ambiguous` where others share the symbol."""
    vs, asked_as = asked.query.vs, {asked.id(symbol): symbol for symbol in asked.query.symbols}
    coins = [_coin(row, vs) for row in _largest_first(body, vs)]
    found = largest(
        coins,
        list(asked_as),
        symbol=lambda c: str(c.id) if asked.exact else c.symbol,
        size=lambda c: c.market_cap,
    )
    return [
        replace(convert(coin, Quote, from_attributes=True), symbol=asked_as[name], ambiguous=shared)
        for name, coin, shared in found
    ]


def parse_markets(body: bytes, asked: Asked[Markets]) -> list[Coin]:
    """Largest market cap first."""
    return [_coin(row, "USD") for row in _largest_first(body, "USD")[:MANY]]


def _largest_first(body: bytes, vs: str) -> list[_Row]:
    """The coins with a price, by market cap. Rows go stale one by one: one that does not say its time is left out."""
    data = json.decode(body, type=_Ticker).data
    rows = data.values() if isinstance(data, dict) else data
    known = [row for row in rows if row.last_updated and vs in row.quotes and row.quotes[vs].price]
    return sorted(known, key=lambda row: row.quotes[vs].market_cap or 0, reverse=True)


def _coin(row: _Row, vs: str) -> Coin:
    money = row.quotes[vs]
    return Coin(
        symbol=row.symbol.upper(),
        name=row.name,
        price=money.price or 0,
        vs=vs,
        id=str(row.id),
        rank=row.rank or None,
        market_cap=money.market_cap or None,
        volume_24h=money.volume_24h,
        change_pct_24h=money.percentage_change_24h,
        circulating_supply=row.circulating_supply or None,
        observed_at=from_unix(row.last_updated or 0),
    )
