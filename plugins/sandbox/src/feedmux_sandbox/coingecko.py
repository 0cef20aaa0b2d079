"""CoinGecko v3: the public endpoints, its limits with and without a key, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from feedmux.transport import Incoming
from feedmux_sandbox.call import Call, Refusal, answer
from feedmux_sandbox.coins import WEEK, Snapshot, coins, market
from feedmux_sandbox.currency import CODES, per_dollar
from feedmux_sandbox.markets import changes, global_data, iso, market_row, shown
from feedmux_sandbox.ohlc import ohlc
from feedmux_sandbox.series import HOUR
from feedmux_sandbox.trending import trending
from feedmux_sandbox.window import Sliding

KEYLESS, DEMO, PRO = 5, 30, 500
"""Calls a minute."""
PAGE, LONGEST_PAGE = 100, 250
ORDERS: dict[str, Callable[[Snapshot], float | str]] = {
    "market_cap": lambda row: row.market_cap,
    "volume": lambda row: row.volume_24h,
    "id": lambda row: row.coin.gecko,
}


class CoinGecko:
    """Counts calls by key, those without a key by address; the pro host wants a pro key."""

    latency = 0.05

    def __init__(self) -> None:
        self._counts: dict[str, Sliding] = {}

    def answer(self, call: Call) -> Incoming:
        try:
            self._admit(call)
            for path, (kept, body) in ROUTES.items():
                if call.path.endswith(path):
                    cached = f"max-age=30, public, must-revalidate, s-maxage={kept}"
                    return answer(body(call), headers={"cache-control": cached})
            raise Refusal(404, {"error": "Incorrect path. Please check https://www.coingecko.com/api/"})
        except Refusal as refusal:
            return refusal.incoming

    def _admit(self, call: Call) -> None:
        demo, pro = _key(call, "demo"), _key(call, "pro")
        if call.host.startswith("pro-"):
            if demo:
                _refuse(400, 10011, "If you are using Demo API key, please change your root URL")
            if not pro:
                missing = {"timestamp": iso(call.at), "error_code": 10002, "error_message": "API Key Missing"}
                raise Refusal(401, {"status": missing})
        elif pro:
            _refuse(400, 10010, "If you are using Pro API key, please change your root URL")
        limit = PRO if pro else DEMO if demo else KEYLESS
        wait = self._counts.setdefault(pro or demo, Sliding(limit, 60)).count(call.at)
        if wait:
            _refuse(429, 429, "You've exceeded the Rate Limit.", {"retry-after": str(wait)})


def _key(call: Call, kind: str) -> str:
    return call.headers.get(f"x-cg-{kind}-api-key") or call.params.get(f"x_cg_{kind}_api_key", "")


def _refuse(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> NoReturn:
    raise Refusal(status, {"status": {"error_code": code, "error_message": message}}, headers)


def _require(call: Call, *names: str) -> None:
    """Refuse a call that gives none of these parameters, naming the first."""
    if not any(call.params.get(name) for name in names):
        raise Refusal(422, {"error": f"Missing parameter {names[0]}"})


def _selected(call: Call, ids: list[str]) -> list[Snapshot]:
    """The coins asked for by id, else by name or ticker, largest first.

    Of those that share a ticker only the largest, unless include_tokens=all.
    """
    rows = market(call.at)
    if ids:
        return [row for row in rows if row.coin.gecko in ids]
    if names := {word.lower() for word in call.words("names")}:
        return [row for row in rows if row.coin.name.lower() in names]
    tickers = {word.strip().upper() for word in call.words("symbols")}
    found = [row for row in rows if row.coin.symbol in tickers]
    if call.params.get("include_tokens") == "all":
        return found
    largest: dict[str, Snapshot] = {}
    for row in found:
        largest.setdefault(row.coin.symbol, row)
    return list(largest.values())


def _simple_price(call: Call) -> dict[str, dict[str, object]]:
    """Prices by coin id; an id or currency that is not known is absent, and so is an id with a space before it."""
    _require(call, "vs_currencies")
    _require(call, "ids", "names", "symbols")
    return {row.coin.gecko: _simple_row(call, row) for row in _selected(call, call.words("ids"))}


def _simple_row(call: Call, row: Snapshot) -> dict[str, object]:
    found: dict[str, object] = {}
    for code in call.words("vs_currencies"):
        rate = per_dollar(code.lower(), call.at)
        if rate is None:
            continue
        found[code.lower()] = shown(row.price * rate)
        extras = (
            ("market_cap", row.market_cap * rate),
            ("24hr_vol", row.volume_24h * rate),
            ("24hr_change", row.change_24h),
        )
        for extra, value in extras:
            if call.params.get(f"include_{extra}") == "true":
                found[f"{code.lower()}_{extra.replace('24hr', '24h')}"] = value
    if found and call.params.get("include_last_updated_at") == "true":
        found["last_updated_at"] = int(call.at)
    return found


def _markets(call: Call) -> list[dict[str, object]]:
    _require(call, "vs_currency")
    rate = per_dollar(call.params["vs_currency"].lower(), call.at)
    if rate is None:
        raise Refusal(400, {"error": "invalid vs_currency"})
    rows = _ordered(call, _chosen(call))
    size = max(1, min(LONGEST_PAGE, call.number("per_page", PAGE)))
    page = max(1, call.number("page", 1))
    windows = call.words("price_change_percentage")
    return [
        {**market_row(row, call.at, rate), **changes(row, call.at, windows), **_sparkline(call, row)}
        for row in rows[(page - 1) * size : page * size]
    ]


def _chosen(call: Call) -> list[Snapshot]:
    """The rows of the table: all of them where none is named."""
    if not any(call.params.get(name) for name in ("ids", "names", "symbols")):
        return list(market(call.at))
    return _selected(call, [word.strip() for word in call.words("ids")])


def _ordered(call: Call, rows: list[Snapshot]) -> list[Snapshot]:
    by, _, direction = call.params.get("order", "market_cap_desc").rpartition("_")
    return sorted(rows, key=ORDERS.get(by, ORDERS["market_cap"]), reverse=direction != "asc")


def _sparkline(call: Call, row: Snapshot) -> dict[str, object]:
    """The hourly prices of a week in US dollars, where they are asked for."""
    if call.params.get("sparkline") != "true":
        return {}
    hours = range(WEEK // HOUR - 1, -1, -1)
    return {"sparkline_in_7d": {"price": [row.coin.price_at(call.at - hour * HOUR) for hour in hours]}}


def _list(call: Call) -> list[dict[str, object]]:
    return [{"id": coin.gecko, "symbol": coin.symbol.lower(), "name": coin.name} for coin in coins()]


ROUTES: dict[str, tuple[int, Callable[[Call], object]]] = {
    "/ping": (0, lambda call: {"gecko_says": "(V3) To the Moon!"}),
    "/simple/price": (60, _simple_price),
    "/simple/supported_vs_currencies": (60, lambda call: CODES),
    "/coins/markets": (30, _markets),
    "/coins/list": (300, _list),
    "/ohlc": (1800, ohlc),
    "/search/trending": (600, lambda call: trending(market(call.at))),
    "/global": (0, lambda call: {"data": global_data(market(call.at), call.at)}),
}
"""Each endpoint with the seconds that the upstream itself keeps an answer."""
