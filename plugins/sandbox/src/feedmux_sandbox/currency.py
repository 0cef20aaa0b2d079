"""Currencies other than the US dollar: fixed rates of our own, and the coins that prices are also quoted in."""

from __future__ import annotations

from functools import cache

from feedmux_sandbox.coins import Coin, coins

PER_DOLLAR = {
    "usd": 1.0,
    "eur": 0.92,
    "gbp": 0.79,
    "jpy": 150.0,
    "cad": 1.42,
    "aud": 1.57,
    "chf": 0.89,
    "cny": 7.2,
    "inr": 86.5,
    "krw": 1440.0,
    "pln": 3.9,
    "rub": 92.0,
    "brl": 5.8,
    "try": 36.0,
}
COINS = ("btc", "eth", "bnb", "xrp", "ltc", "bch", "link", "dot")
CODES = (*COINS, *PER_DOLLAR)


def per_dollar(code: str, at: float) -> float | None:
    """How much of a currency one US dollar is at an instant; None for a currency that is not known."""
    if code in COINS:
        return 1 / _coins()[code].price_at(at)
    return PER_DOLLAR.get(code)


@cache
def _coins() -> dict[str, Coin]:
    return {coin.symbol.lower(): coin for coin in reversed(coins())}
