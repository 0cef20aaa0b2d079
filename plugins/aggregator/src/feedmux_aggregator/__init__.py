"""Several exchanges behind one provider: a quote is the median of three of them, candles are from one. No key.

Each exchange is a member, declared in a module of its own.
"""

from __future__ import annotations

from feedmux.limits import Limits
from feedmux.provider import Provider
from feedmux_aggregator import bybit, coinbase, coinpaprika, kraken, kucoin, okx

EXCHANGES = (
    coinbase.MEMBER,
    kraken.MEMBER,
    okx.MEMBER,
    bybit.MEMBER,
    kucoin.MEMBER,
    coinpaprika.MEMBER,
)

provider = Provider(
    hosts=(),
    members=EXCHANGES,
    limits=Limits(weight=25),
    attribution="Prices by Coinbase Exchange, Kraken, OKX, Bybit, KuCoin and Coinpaprika",
    docs="https://docs.cdp.coinbase.com/exchange/introduction/welcome",
)
