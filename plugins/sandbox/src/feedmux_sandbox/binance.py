"""Binance spot: its market data endpoints, the weight of each, and how it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

import msgspec
from msgspec import Struct

from feedmux.transport import Incoming
from feedmux_sandbox import ticker
from feedmux_sandbox.call import Call, Refusal, answer
from feedmux_sandbox.exchange import exchange_info
from feedmux_sandbox.interval import GRIDS
from feedmux_sandbox.pair import Pair, pairs
from feedmux_sandbox.window import WeightMeter

SYMBOL = "[A-Z0-9-_.]{1,20}"
SYMBOLS = rf'\[("{SYMBOL}"(,"{SYMBOL}"){{0,}}){{0,1}}\]'
INSTANT = "[0-9]{1,16}"
MOST_ROWS = 1000


class Route(Struct, frozen=True):
    """One endpoint: what it costs, which parameters it reads, what it answers."""

    weight: Callable[[Call], int]
    reads: frozenset[str]
    body: Callable[[Call], object]


class Binance:
    """Counts as Binance does: request weight of one address by the minute, refused and faulty calls too."""

    latency = 0.02

    def __init__(self) -> None:
        self._meter = WeightMeter()

    def answer(self, call: Call) -> Incoming:
        try:
            incoming = answer(self._body(call))
        except Refusal as refusal:
            incoming = refusal.incoming
        used = str(self._meter.used)
        headers = {**incoming.headers, "x-mbx-used-weight": used, "x-mbx-used-weight-1m": used}
        return msgspec.structs.replace(incoming, headers=headers)

    def _body(self, call: Call) -> object:
        route = next((route for path, route in ROUTES.items() if call.path.endswith(path)), None)
        self._spend(route.weight(call) if route else 1, call.at)
        if route is None:
            raise Refusal(404, "<html><head><title>404 Not Found</title></head></html>")
        read = len(call.params.keys() & route.reads)
        if read < len(call.params):
            sent = f"read '{read}' parameter(s) but was sent '{len(call.params)}'"
            _refuse(-1104, f"Not all sent parameters were read; {sent}.")
        return route.body(call)

    def _spend(self, weight: int, at: float) -> None:
        wait = self._meter.spend(weight, at)
        if not wait:
            return
        if at < self._meter.banned_until:
            until = int(self._meter.banned_until * 1000)
            status, message = 418, f"Way too much request weight used; IP banned until {until}."
        else:
            limit = f"current limit is {self._meter.limit} request weight per 1 MINUTE"
            status, message = 429, f"Too much request weight used; {limit}."
        hint = "Please use WebSocket Streams for live updates to avoid polling the API."
        raise Refusal(status, {"code": -1003, "msg": f"{message} {hint}"}, {"retry-after": str(wait)})


def _refuse(code: int, message: str) -> NoReturn:
    raise Refusal(400, {"code": code, "msg": message})


def _checked(call: Call, name: str, legal: str) -> str | None:
    """A parameter as it came, None where it did not; refused where it is not made of legal characters."""
    given = call.params.get(name)
    if given is not None and not re.fullmatch(legal, given):
        _refuse(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^{legal}$'.")
    return given


def _instant(call: Call, name: str) -> float | None:
    given = _checked(call, name, INSTANT)
    return None if given is None else int(given) / 1000


def _pair(name: str) -> Pair:
    found = pairs().get(name)
    if found is None:
        _refuse(-1121, "Invalid symbol.")
    return found


def _named(call: Call) -> Pair | list[Pair]:
    """The market asked for, or the list of those asked for (all where none is named): refused whole for one unknown."""
    one, many = _checked(call, "symbol", SYMBOL), _checked(call, "symbols", SYMBOLS)
    if one is not None and many is not None:
        _refuse(-1128, "Combination of optional parameters invalid.")
    if one is not None:
        return _pair(one)
    if many is not None:
        return [_pair(name) for name in msgspec.json.decode(many, type=list[str])]
    return list(pairs().values())


def _each(call: Call, body: Callable[[Pair, float], dict[str, object]]) -> object:
    named = _named(call)
    return [body(pair, call.at) for pair in named] if isinstance(named, list) else body(named, call.at)


def _day(call: Call) -> object:
    return _each(call, ticker.mini if call.params.get("type") == "MINI" else ticker.full)


def _exchange_info(call: Call) -> object:
    named = _named(call)
    return exchange_info(named if isinstance(named, list) else [named], call.at)


def _klines(call: Call) -> object:
    for name in ("symbol", "interval"):
        if not call.params.get(name):
            _refuse(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    _checked(call, "symbol", SYMBOL)
    _checked(call, "limit", INSTANT)
    pair, grid = _pair(call.params["symbol"]), GRIDS.get(call.params["interval"])
    if grid is None:
        _refuse(-1120, "Invalid interval.")
    until = _instant(call, "endTime")
    limit = min(MOST_ROWS, call.number("limit", 500))
    return ticker.klines(
        pair, grid, call.at, _instant(call, "startTime"), call.at if until is None else until, limit
    )


def _weight_by_symbols(one: int, steps: Mapping[int, int], every: int) -> Callable[[Call], int]:
    """The weight of an endpoint that takes a symbol, symbols or none; `steps` are weights by the number of symbols."""

    def weight(call: Call) -> int:
        if "symbol" in call.params:
            return one
        if "symbols" not in call.params:
            return every
        asked = call.params["symbols"].count(",") + 1
        return next((cost for most, cost in steps.items() if asked <= most), every)

    return weight


def _always(weight: int) -> Callable[[Call], int]:
    return lambda call: weight


NAMES = frozenset(("symbol", "symbols", "symbolStatus"))
ROUTES = {
    "/ticker/24hr": Route(_weight_by_symbols(2, {20: 2, 100: 40}, 80), NAMES | {"type"}, _day),
    "/ticker/price": Route(_weight_by_symbols(2, {}, 4), NAMES, lambda call: _each(call, ticker.price)),
    "/klines": Route(
        _always(2),
        frozenset(("symbol", "interval", "startTime", "endTime", "limit")),
        _klines,
    ),
    "/exchangeInfo": Route(_always(20), NAMES | {"permissions", "showPermissionSets"}, _exchange_info),
    "/time": Route(_always(1), frozenset(), lambda call: {"serverTime": int(call.at * 1000)}),
    "/ping": Route(_always(1), frozenset(), lambda call: {}),
}
