"""CoinGecko's `/coins/{id}/ohlc`: a row says when its candle closes, the last one is running."""

from __future__ import annotations

from feedmux_sandbox.call import Call, Refusal
from feedmux_sandbox.coins import DAY, coins
from feedmux_sandbox.currency import per_dollar
from feedmux_sandbox.markets import shown
from feedmux_sandbox.series import HOUR

STEPS = {1: HOUR // 2, **dict.fromkeys((7, 14, 30), 4 * HOUR), **dict.fromkeys((90, 180, 365), 4 * DAY)}
"""The days that may be asked for, and how long a candle is then, in seconds."""


def ohlc(call: Call) -> list[list[int | float]]:
    """The candles of so many days, oldest first, without a volume. A call without parameters is a fault there."""
    if not call.params.get("vs_currency") and not call.params.get("days"):
        raise Refusal(500, {"status": 500, "error": "Internal Server Error"})
    wanted = call.path.split("/")[-2]
    coin = next((coin for coin in coins() if coin.gecko == wanted), None)
    if coin is None:
        raise Refusal(404, {"error": "coin not found"})
    rate = per_dollar(call.params.get("vs_currency", "").lower(), call.at)
    if rate is None:
        raise Refusal(400, {"error": "invalid vs_currency"})
    days = call.number("days", 0)
    if days not in STEPS:
        raise Refusal(400, {"error": "Invalid days parameter"})
    step = int(STEPS[days])
    running = int(call.at // step)
    first = running - days * DAY // step + (days > 1)
    rows = []
    for index in range(first, running + 1):
        bar = coin.bar(index * step, min((index + 1) * step, call.at))
        prices = (shown(price * rate) for price in (bar.open, bar.high, bar.low, bar.close))
        rows.append([(index + 1) * step * 1000, *prices])
    return rows
