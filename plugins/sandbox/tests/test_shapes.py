"""Every body has the shape of what the upstream really gave: the same keys, the same types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from feedmux_sandbox.call import Call
from feedmux_sandbox.transport import MODELS

HERE = Path(__file__).parent
NOW = 1_767_237_945.678

BY_CURRENCY = {"total_market_cap", "total_volume", "market_cap_percentage"}
BY_CURRENCY |= {"price_change_percentage_24h", "market_cap_change_percentage_24h"}


def kind(value):
    """A value's type as JSON has it."""
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


def shape(value, path="", maps=frozenset()):
    """Every path in a body with the kinds found there. Elements of lists and of maps by key share one path."""
    found = {path: {kind(value)}}
    children = []
    if isinstance(value, dict):
        keyed = path.rpartition(".")[2] in maps
        children = [(f"{path}.{'*' if keyed else key}", child) for key, child in value.items()]
    elif isinstance(value, list):
        children = [(f"{path}[]", child) for child in value]
    for name, child in children:
        for inner, kinds in shape(child, name, maps).items():
            found.setdefault(inner, set()).update(kinds)
    return found


def assert_same_shape(ours, theirs, maps=frozenset(), besides=()):
    """`besides` are paths that the upstream has added since the recording."""
    mine, real = shape(ours, maps=maps), shape(theirs, maps=maps)
    nothing = {path for path, kinds in mine.items() if kinds == {"NoneType"}}
    real = {path: kinds for path, kinds in real.items() if path.rpartition(".")[0] not in nothing - {""}}
    added = {path for path in mine if path.rpartition(".")[2] in besides}
    assert mine.keys() - added == real.keys()
    assert {path: mine[path] - kinds for path, kinds in real.items() if mine[path] - kinds} == {}


BINANCE = [
    ("binance_ping.json", "/ping", {}),
    ("binance_time.json", "/time", {}),
    ("binance_ticker_price_BTCUSDT.json", "/ticker/price", {"symbol": "BTCUSDT"}),
    ("binance_ticker_24hr_BTCUSDT.json", "/ticker/24hr", {"symbol": "BTCUSDT"}),
    ("binance_ticker_24hr_BTC_ETH.json", "/ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}),
    ("binance_exchangeInfo_truncated.json", "/exchangeInfo", {}),
]


@pytest.mark.parametrize(("file", "path", "params"), BINANCE)
def test_binance_bodies_have_the_recorded_shape(ask, recorded, file, path, params):
    assert_same_shape(ask("binance_dt", path, **params), recorded(file))


def test_a_binance_kline_has_the_recorded_types_in_their_order(ask, recorded):
    rows = ask("binance_dt", "/klines", symbol="BTCUSDT", interval="5m", limit="24")
    theirs = recorded("binance_klines_BTCUSDT_5m_last24.json")
    assert len(rows) == len(theirs)
    assert {tuple(map(type, row)) for row in rows} == {tuple(map(type, row)) for row in theirs}
    assert rows[0][6] - rows[0][0] == theirs[0][6] - theirs[0][0]


def test_binance_market_lists_are_arrays_and_one_symbol_is_an_object(ask):
    assert isinstance(ask("binance_dt", "/ticker/price", symbols='["BTCUSDT"]'), list)
    assert isinstance(ask("binance_dt", "/ticker/price", symbol="BTCUSDT"), dict)
    assert len(ask("binance_dt", "/ticker/price")) > 60


def test_the_short_ticker_has_the_documented_shape(ask, documented):
    ours = ask("binance_dt", "/ticker/24hr", symbol="BTCUSDT", type="MINI")
    assert_same_shape(ours, documented("binance_ticker_24hr_mini.json"))


COINGECKO = [
    ("coingecko_ping.json", "/ping", {}),
    ("coingecko_coins_markets.usd_top100.json", "/coins/markets", {"vs_currency": "usd"}),
    ("coingecko_global.json", "/global", {}),
    ("coingecko_search_trending.json", "/search/trending", {}),
    (
        "coingecko_simple_price.multi_eth.json",
        "/simple/price",
        {"ids": "bitcoin,dai,binancecoin", "vs_currencies": "eth"},
    ),
    (
        "coingecko_simple_price.unknown_vs_currency.json",
        "/simple/price",
        {"ids": "bitcoin", "vs_currencies": "ethereum"},
    ),
]


@pytest.mark.parametrize(("file", "path", "params"), COINGECKO)
def test_coingecko_bodies_have_the_recorded_shape(ask, recorded, file, path, params):
    assert_same_shape(ask("coingecko", path, **params), recorded(file), maps=BY_CURRENCY)


def test_the_fear_and_greed_body_has_the_recorded_shape(ask, recorded):
    ours = ask("alternative_me", "/fng/", limit="2")
    assert_same_shape(ours, recorded("alternative_me_fng_limit2.json"))
    assert ["time_until_update" in row for row in ours["data"]] == [True, False]


def test_the_fear_and_greed_body_is_laid_out_as_sent():
    incoming = MODELS["alternative_me"]().answer(Call("h", "/fng/", NOW, {"limit": "2"}))
    theirs = (HERE / "recorded" / "alternative_me_fng_limit2.json").read_bytes()
    values = rb'(?<=: ")[^"]*'
    assert re.sub(values, b"", incoming.body) == re.sub(values, b"", theirs)


def test_tickers_of_alternative_me_have_the_recorded_shape(ask, recorded):
    ours, theirs = ask("alternative_me", "/v2/ticker/"), recorded("alternative_me_v2_ticker_2020.json")
    later = {"percent_change_1h", "percent_change_24h", "percent_change_7d"}
    assert_same_shape(ours, theirs, maps={"data"}, besides=later)
    assert all(key == str(row["id"]) for key, row in ours["data"].items())


ALTERNATIVE = [
    ("alternative_me_v2_ticker_array_convert_EUR.json", "/v2/ticker/", {"structure": "array"}),
    ("alternative_me_v2_global_convert_EUR.json", "/v2/global/", {}),
    ("alternative_me_v2_listings.json", "/v2/listings/", {}),
]


@pytest.mark.parametrize(("file", "path", "params"), ALTERNATIVE)
def test_other_bodies_of_alternative_me_have_the_documented_shape(ask, documented, file, path, params):
    ours = ask("alternative_me", path, convert="EUR", **params)
    later = {"percent_change_1h", "percent_change_24h", "percent_change_7d"}
    assert_same_shape(ours, documented(file), besides=later)
