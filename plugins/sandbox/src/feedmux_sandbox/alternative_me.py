"""alternative.me: the Fear & Greed index, tickers, listings and the whole market, 600 calls in ten minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from feedmux.transport import Incoming
from feedmux_sandbox import mood
from feedmux_sandbox.call import Call, Refusal, answer
from feedmux_sandbox.coins import DAY, Snapshot, coins, market
from feedmux_sandbox.currency import per_dollar
from feedmux_sandbox.window import Sliding

LIMIT, PER = 600, 600
DATES = {"us": "%m-%d-%Y", "cn": "%Y-%m-%d", "kr": "%Y-%m-%d", "world": "%d-%m-%Y"}
CONVERT = ("EUR", "GBP", "RUB", "JPY", "CAD", "KRW", "PLN", "BTC", "ETH", "XRP", "LTC", "BCH")
TICKER = re.compile(r"/v2/ticker/(?:([^/]+)/)?$")
SORTS: dict[str, Callable[[Snapshot], float | str]] = {
    "id": lambda row: row.coin.number or 0,
    "name": lambda row: row.coin.name,
    "price": lambda row: -row.price,
    "volume_24h": lambda row: -row.volume_24h,
    "percent_change_1h": lambda row: -row.change_1h,
    "percent_change_24h": lambda row: -row.change_24h,
    "percent_change_7d": lambda row: -row.change_7d,
    "circulating_supply": lambda row: -row.coin.supply,
}


class AlternativeMe:
    """Counts the calls of one address over ten minutes. How it refuses is not documented: a bare 429."""

    latency = 0.04

    def __init__(self) -> None:
        self._count = Sliding(LIMIT, PER)

    def answer(self, call: Call) -> Incoming:
        try:
            if self._count.count(call.at):
                raise Refusal(429, "Too Many Requests", {"content-type": "text/plain"})
            if not call.path.endswith("/"):
                raise Refusal(301, "", {"location": f"{call.path}/", "content-type": "text/html"})
            return answer(json.dumps(_body(call), indent="\t", ensure_ascii=False))
        except Refusal as refusal:
            return refusal.incoming


def _body(call: Call) -> object:
    for path, body in ROUTES.items():
        if call.path.endswith(path):
            return body(call)
    if found := TICKER.search(call.path):
        return _ticker(call, found.group(1) or "")
    raise Refusal(
        404, "<html><head><title>404 Not Found</title></head></html>", {"content-type": "text/html"}
    )


def _fng(call: Call) -> object:
    """Newest first, every value as text; the first says how long it stands."""
    written = DATES.get(call.params.get("date_format", ""))
    rows = [_mood(day, written) for day in mood.days(call.at, call.number("limit", 1))]
    rows[0]["time_until_update"] = str(DAY - int(call.at % DAY))
    return {"name": "Fear and Greed Index", "data": rows, "metadata": {"error": None}}


def _mood(day: int, written: str | None) -> dict[str, str]:
    value, begins = mood.value(day), day * DAY
    return {
        "value": str(value),
        "value_classification": mood.classification(value),
        "timestamp": datetime.fromtimestamp(begins, UTC).strftime(written) if written else str(begins),
    }


def _ticker(call: Call, wanted: str) -> object:
    """All coins or the one wanted, by id or slug: keyed by id, or a list where structure=array."""
    rows = _sorted(call) if not wanted else _one(call, wanted)
    currencies = _currencies(call)
    found = [_row(row, call.at, currencies) for row in rows]
    data: object = (
        found if call.params.get("structure") == "array" else {str(row["id"]): row for row in found}
    )
    return {"data": data, "metadata": _metadata(call)}


def _listed(at: float) -> list[Snapshot]:
    return [row for row in market(at) if row.coin.number is not None]


def _sorted(call: Call) -> Sequence[Snapshot]:
    rows = _listed(call.at)
    if key := SORTS.get(call.params.get("sort", "")):
        rows.sort(key=key)
    start, limit = max(1, call.number("start", 1)) - 1, call.number("limit", 100)
    return rows[start : start + limit if limit else None]


def _one(call: Call, wanted: str) -> Sequence[Snapshot]:
    for row in _listed(call.at):
        if wanted.lower() in (str(row.coin.number), row.coin.slug):
            return [row]
    missing = {"timestamp": int(call.at), "error": "id not found"}
    raise Refusal(404, {"data": None, "metadata": missing})


def _currencies(call: Call) -> dict[str, float]:
    """What one US dollar is in each currency of the answer: the dollar always, another where it is asked for."""
    code = call.params.get("convert", "").upper()
    rate = per_dollar(code.lower(), call.at) if code in CONVERT else None
    return {"USD": 1.0} if rate is None else {"USD": 1.0, code: rate}


def _row(row: Snapshot, at: float, currencies: dict[str, float]) -> dict[str, object]:
    coin = row.coin
    return {
        "id": coin.number,
        "name": coin.name,
        "symbol": coin.symbol,
        "website_slug": coin.slug,
        "rank": row.rank,
        "circulating_supply": _units(coin.supply),
        "total_supply": _units(coin.total_supply),
        "max_supply": _units(coin.max_supply or 0),
        "quotes": {code: _quote(row, rate) for code, rate in currencies.items()},
        "last_updated": int(at),
    }


def _units(supply: float) -> float | int:
    """A supply without a point where it is whole; unknown is 0 there."""
    return int(supply) if supply == int(supply) else supply


def _quote(row: Snapshot, rate: float) -> dict[str, float]:
    changes = {"1h": row.change_1h, "24h": row.change_24h, "7d": row.change_7d}
    return {
        "price": row.price * rate,
        "volume_24h": row.volume_24h * rate,
        "market_cap": row.market_cap * rate,
        **{f"percentage_change_{window}": change for window, change in changes.items()},
        **{f"percent_change_{window}": change for window, change in changes.items()},
    }


def _listings(call: Call) -> object:
    """Every coin with its id, here as text."""
    data = [
        {"id": str(coin.number), "name": coin.name, "symbol": coin.symbol, "website_slug": coin.slug}
        for coin in coins()
        if coin.number is not None
    ]
    return {"data": data, "metadata": _metadata(call)}


def _global(call: Call) -> object:
    """The whole market as far as it is listed; Bitcoin's part as a fraction, as the upstream sends it now."""
    rows = _listed(call.at)
    cap, volume = sum(row.market_cap for row in rows), sum(row.volume_24h for row in rows)
    bitcoin = next(row.market_cap for row in rows if row.coin.number == 1)
    data = {
        "active_cryptocurrencies": len(rows),
        "active_markets": 3 * len(rows),
        "bitcoin_percentage_of_market_cap": bitcoin / cap,
        "quotes": {
            code: {"total_market_cap": cap * rate, "total_volume_24h": volume * rate}
            for code, rate in _currencies(call).items()
        },
        "last_updated": int(call.at),
    }
    return {"data": data, "metadata": {"timestamp": int(call.at), "error": None}}


def _metadata(call: Call) -> dict[str, object]:
    known = sum(coin.number is not None for coin in coins())
    return {"timestamp": int(call.at), "num_cryptocurrencies": known, "error": None}


ROUTES: dict[str, Callable[[Call], object]] = {
    "/fng/": _fng,
    "/v2/listings/": _listings,
    "/v2/global/": _global,
}
