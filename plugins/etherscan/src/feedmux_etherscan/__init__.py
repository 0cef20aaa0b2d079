"""Etherscan, API v2: gas, ether's price and supply, what an address holds and did. One key serves all chains.

Fields and parameters: https://docs.etherscan.io/api-reference
All of it arrives as text: gwei with decimals, wei beyond 64 bits, times in Unix seconds; errors too, with status 200.
"""

from __future__ import annotations

from msgspec import Struct, json
from msgspec.structs import asdict

from feedmux.endpoint import Endpoint, Key, Plan
from feedmux.errors import FeedmuxError, InvalidQuery, RateLimited, Unauthorized, UnknownSymbol, UpstreamDown
from feedmux.failure import Failure
from feedmux.items import BalanceFigure, GasPrice
from feedmux.limits import DAY, Backoff, Limits, Terms, Window
from feedmux.listing import Listing
from feedmux.provider import Provider
from feedmux.query import Balance, Gas, Quotes, Supply
from feedmux.request import Asked, Request
from feedmux_etherscan.call import Reply, call, no_such_chain
from feedmux_etherscan.ether import (
    MARKETS,
    no_such_asset,
    parse_quotes,
    parse_supply,
    quotes_request,
    supply_request,
)
from feedmux_etherscan.transactions import (
    Transaction,
    Transactions,
    parse_transactions,
    transactions_request,
)

__all__ = ["Transaction", "Transactions", "provider"]

GAS = {
    "slow": "SafeGasPrice",
    "standard": "ProposeGasPrice",
    "fast": "FastGasPrice",
    "base_fee": "suggestBaseFee",
}
"""Its words for a gas price's fields."""


class _Gas(Struct, rename=GAS):
    slow: float
    standard: float
    fast: float
    base_fee: float | None = None


def gas_request(asked: Asked[Gas]) -> Request:
    """The gas oracle."""
    return call("gastracker", "gasoracle", asked.query.chain)


def balance_request(asked: Asked[Balance]) -> Request:
    """What the address holds of the chain's own coin."""
    address = asked.query.address
    return call("account", "balance", asked.query.chain, address=address, tag="latest")


def parse_gas(body: bytes, asked: Asked[Gas]) -> list[GasPrice]:
    """In gwei; they were whole numbers until 2025."""
    gas = json.decode(body, type=Reply[_Gas], strict=False).result
    return [GasPrice(chain=asked.query.chain, **asdict(gas))]


def parse_balance(body: bytes, asked: Asked[Balance]) -> list[BalanceFigure]:
    """In wei."""
    wei = json.decode(body, type=Reply[int], strict=False).result
    return [BalanceFigure(address=asked.query.address, chain=asked.query.chain, wei=wei)]


def _says(error: type[FeedmuxError], text: str) -> Failure:
    """An error by its text, which is a result that is no list or object: those hold what strangers wrote."""
    return Failure(error, status=200, path="result", contains=rf"^[^\[{{]*({text})")


# 3 calls a second and 100,000 a day with a free key, all keys of an account and all chains together:
# https://docs.etherscan.io/rate-limits. It never says until when a refusal holds.
provider = Provider(
    hosts=("https://api.etherscan.io",),
    limits=Limits(
        weight=5,
        windows=(Window(3, per=1), Window(100_000, per=DAY)),
        backoff=Backoff(steps=(1, 5, 30, 300, 3600)),
    ),
    endpoints=(
        Endpoint(Gas, gas_request, parse_gas, Terms(ttl=12), listed=False, refuses=no_such_chain),
        Endpoint(Quotes, quotes_request, parse_quotes, Terms(ttl=60)),
        Endpoint(Supply, supply_request, parse_supply, Terms(ttl=3600), listed=False, refuses=no_such_asset),
        Endpoint(Balance, balance_request, parse_balance, Terms(ttl=12), listed=False, refuses=no_such_chain),
        Endpoint(
            Transactions,
            transactions_request,
            parse_transactions,
            Terms(ttl=12),
            listed=False,
            refuses=no_such_chain,
        ),
    ),
    listing=Listing.of(MARKETS),
    health=call("stats", "ethprice"),
    key=Key(param="apikey", required=True),
    plans={
        "free": Plan(),
        "lite": Plan(windows=(Window(5, per=1), Window(100_000, per=DAY))),
        "standard": Plan(windows=(Window(10, per=1), Window(200_000, per=DAY))),
        "advanced": Plan(windows=(Window(20, per=1), Window(500_000, per=DAY))),
        "professional": Plan(windows=(Window(30, per=1), Window(1_000_000, per=DAY))),
    },
    errors=(  # https://docs.etherscan.io/common-error-messages, in this order
        _says(RateLimited, "rate limit|too many"),
        _says(Unauthorized, "api key"),
        _says(InvalidQuery, "not supported for this chain|chainid parameter|invalid (action|address)"),
        _says(UnknownSymbol, "not verified"),
        Failure(UpstreamDown, status=200, path="message", contains="^(?!OK|No transactions found)"),
        Failure(UpstreamDown, status=403),  # the firewall, in HTML; of a key it speaks with status 200
    ),
    attribution="Powered by Etherscan APIs (https://etherscan.io)",
    docs="https://docs.etherscan.io",
)
