"""No junk in a body becomes a number: a field dropped, retyped, null or negative gives true items or an error."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.items import Item
from feedmux.query import Candles, GlobalMarket, Markets, Quotes, Trending
from feedmux.request import Asked
from feedmux_coingecko import parse_candles, parse_global, parse_markets, parse_quotes, parse_trending

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
JUNK: tuple[Any, ...] = (None, True, -1, 0, 0.5, 2**64 - 1, "", "NaN", "inf", "-1", "nonsense", [], {}, [[]])
Case = tuple[Callable[[bytes, Asked[Any]], Sequence[Item]], Asked[Any], Any]


def recorded(name: str) -> Any:
    return msgspec.json.decode((RECORDED / name).read_bytes())


TWO = recorded("coins_markets.btc_eth_in_eth.json")
TRENDING = recorded("search_trending.json")["coins"][:2]
for entry in TRENDING:  # one currency is enough of sixty
    entry["item"]["data"]["price_change_percentage_24h"] = {"usd": 1.25}
GLOBAL = recorded("global.json")["data"]
for figure in ("total_market_cap", "total_volume", "market_cap_percentage"):
    GLOBAL[figure] = {key: GLOBAL[figure][key] for key in ("usd", "btc") if key in GLOBAL[figure]}
CASES: dict[str, Case] = {
    "quotes": (parse_quotes, Asked(Quotes(("BTC", "ETH"), "ETH"), NOW), TWO),
    "markets": (parse_markets, Asked(Markets(), NOW), TWO),
    "trending": (parse_trending, Asked(Trending(), NOW), {"coins": TRENDING}),
    "candles": (parse_candles, Asked(Candles("BTC", "4h"), NOW), recorded("coins_ohlc.btc_usd_7d.json")[:3]),
    "global_market": (parse_global, Asked(GlobalMarket(), NOW), {"data": GLOBAL}),
}


def broken(value: Any) -> Iterator[Any]:
    """The same document, once for each place in it and each thing that could go wrong there."""
    yield from JUNK
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {k: v for k, v in value.items() if k != key}
            yield from ({**value, key: bad} for bad in broken(inner))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            yield from ([*value[:at], bad, *value[at + 1 :]] for bad in broken(inner))


def numbers(value: Any) -> Iterator[float]:
    """Every number that a document holds, however it is written."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, str):
        yield from map(float, re.findall(r"-?[0-9]+(?:\.[0-9]+)?", value.replace(",", "")))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def said(item: Item) -> set[float]:
    """Every number that an item holds, but for its place in a list."""
    row = item.row()
    row.pop("position", None)
    return {float(v) for v in row.values() if isinstance(v, int | float) and not isinstance(v, bool)}


@pytest.mark.parametrize("ask", CASES)
def test_junk_never_becomes_a_number(ask: str) -> None:
    parse, asked, document = CASES[ask]
    assert parse(msgspec.json.encode(document), asked)
    for bad in broken(document):
        try:
            items = parse(msgspec.json.encode(bad), asked)
        except ValueError:  # msgspec's errors are ValueErrors
            continue
        assert all(type(item) is type(asked.query).item for item in items), bad
        assert set().union(*map(said, items)) <= set(numbers(bad)), bad


@pytest.mark.parametrize("ask", CASES)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"NaN", b"[" * 100_000, b"<html></html>", b"\xff\xfe", b'[{"id":']
)
def test_a_body_that_is_no_document_is_an_error(ask: str, body: bytes) -> None:
    parse, asked, _ = CASES[ask]
    with pytest.raises((ValueError, RecursionError)):
        parse(body, asked)
