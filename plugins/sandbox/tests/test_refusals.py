"""What the upstreams refuse, and in which words."""

from __future__ import annotations

import pytest
from msgspec import json

from feedmux_sandbox.call import Call
from feedmux_sandbox.transport import MODELS

NOW = 1_767_237_945.678

REFUSED = [
    ("/ticker/price", {"symbol": "NOPEUSDT"}, -1121),
    ("/ticker/24hr", {"symbols": '["BTCUSDT","NOPEUSDT","ETHUSDT"]'}, -1121),
    ("/exchangeInfo", {"symbol": "NOPEUSDT"}, -1121),
    ("/klines", {"symbol": "NOPEUSDT", "interval": "1h"}, -1121),
    ("/ticker/price", {"symbol": "btcusdt"}, -1100),
    ("/ticker/price", {"symbols": '["BTCUSDT", "ETHUSDT"]'}, -1100),
    ("/ticker/price", {"symbols": "BTCUSDT"}, -1100),
    ("/klines", {"symbol": "btcusdt", "interval": "1h"}, -1100),
    ("/klines", {"symbol": "BTCUSDT", "interval": "1h", "startTime": "yesterday"}, -1100),
    ("/klines", {"interval": "1h"}, -1102),
    ("/klines", {"symbol": "BTCUSDT"}, -1102),
    ("/klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
    ("/ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
    ("/klines", {"symbol": "BTCUSDT", "interval": "1h", "start_time": "1"}, -1104),
]


@pytest.mark.parametrize(("path", "params", "code"), REFUSED)
def test_binance_refuses_with_its_code(ask, recorded, path, params, code):
    body = ask("binance_dt", path, status=400, **params)
    assert body["code"] == code
    assert body.keys() == recorded("binance_error_400_unread_parameters.json").keys()


def test_an_unread_parameter_is_counted_as_recorded(ask, recorded):
    asked = {"symbol": "BTCUSDT", "interval": "1h", "start_time": "1"}
    assert ask("binance_dt", "/klines", status=400, **asked) == recorded(
        "binance_error_400_unread_parameters.json"
    )


def test_a_refused_call_still_costs_its_weight():
    model = MODELS["binance_dt"]()
    incoming = model.answer(Call("h", "/api/v3/klines", NOW, {"symbol": "NOPEUSDT", "interval": "1h"}))
    assert incoming.headers["x-mbx-used-weight-1m"] == "2"


@pytest.mark.parametrize(
    ("path", "params", "file"),
    [
        ("/simple/price", {"vs_currencies": "usd"}, "coingecko_error_422_missing_ids.json"),
        ("/coins/markets", {}, "coingecko_error_422_missing_vs_currency.json"),
    ],
)
def test_coingecko_names_the_missing_parameter_as_recorded(ask, recorded, path, params, file):
    assert ask("coingecko", path, status=422, **params) == recorded(file)


def test_coingecko_refuses_an_unknown_currency_in_the_market_table_only(ask):
    assert ask("coingecko", "/coins/markets", status=400, vs_currency="xyz") == {
        "error": "invalid vs_currency"
    }
    assert ask("coingecko", "/simple/price", ids="bitcoin", vs_currencies="xyz") == {"bitcoin": {}}


def test_coingecko_leaves_out_what_it_does_not_know(ask):
    assert ask("coingecko", "/simple/price", ids="nope", vs_currencies="usd") == {}
    assert ask("coingecko", "/coins/markets", ids="nope", vs_currency="usd") == []


def test_a_space_in_the_ids_loses_every_coin_after_it(ask):
    assert ask("coingecko", "/simple/price", ids="bitcoin, ethereum", vs_currencies="usd").keys() == {
        "bitcoin"
    }


@pytest.mark.parametrize("symbol", ["btc", "sol", "TON"])
def test_coins_that_share_a_ticker_all_come_where_all_are_asked_for(ask, symbol):
    rows = ask("coingecko", "/coins/markets", vs_currency="usd", symbols=symbol, include_tokens="all")
    assert len(rows) == 2
    assert rows[0]["market_cap"] > rows[1]["market_cap"]
    assert ask("coingecko", "/coins/markets", vs_currency="usd", symbols=symbol) == rows[:1]


def test_the_market_table_comes_in_pages(ask):
    whole = ask("coingecko", "/coins/markets", vs_currency="usd", per_page="250")
    pages = [
        ask("coingecko", "/coins/markets", vs_currency="usd", per_page="20", page=str(page))
        for page in (1, 2)
    ]
    assert pages[0] + pages[1] == whole[:40]
    assert ask("coingecko", "/coins/markets", vs_currency="usd", per_page="250", page="2") == []


def test_the_market_table_shows_further_changes_and_a_week_where_asked(ask):
    (row,) = ask(
        "coingecko",
        "/coins/markets",
        vs_currency="usd",
        ids="bitcoin",
        price_change_percentage="1h,24h,7d",
        sparkline="true",
    )
    day = row["price_change_percentage_24h_in_currency"]
    assert day == pytest.approx(row["price_change_percentage_24h"], abs=1e-4)
    assert len(row["sparkline_in_7d"]["price"]) == 168


def test_the_pro_host_wants_a_key(recorded):
    incoming = MODELS["coingecko"]().answer(Call("pro-api.coingecko.com", "/api/v3/ping", NOW))
    assert incoming.status == 401
    ours, theirs = (
        json.decode(incoming.body)["status"],
        recorded("coingecko_error_401_wrong_demo_key.json")["status"],
    )
    assert ours.keys() == theirs.keys()
    assert ours["error_code"] == theirs["error_code"]


@pytest.mark.parametrize(
    ("host", "header", "code"),
    [
        ("pro-api.coingecko.com", "x-cg-demo-api-key", 10011),
        ("api.coingecko.com", "x-cg-pro-api-key", 10010),
    ],
)
def test_a_coingecko_key_belongs_to_its_host(documented, host, header, code):
    incoming = MODELS["coingecko"]().answer(Call(host, "/api/v3/ping", NOW, {}, {header: "k"}))
    ours = json.decode(incoming.body)["status"]
    assert incoming.status == 400
    assert ours["error_code"] == code
    assert ours.keys() == documented("coingecko_error_400_demo_key_on_pro_host_10011.json")["status"].keys()


def test_alternative_me_does_not_find_an_unknown_coin(ask):
    body = ask("alternative_me", "/v2/ticker/999999/", status=404)
    assert body["data"] is None
    assert body["metadata"]["error"] == "id not found"


@pytest.mark.parametrize("name", ["1", "bitcoin", "Bitcoin"])
def test_alternative_me_finds_a_coin_by_id_and_by_slug(ask, name):
    assert list(ask("alternative_me", f"/v2/ticker/{name}/")["data"]) == ["1"]


def test_alternative_me_redirects_where_the_last_slash_is_missing():
    incoming = MODELS["alternative_me"]().answer(Call("h", "/fng", NOW))
    assert (incoming.status, incoming.headers["location"]) == (301, "/fng/")


def test_alternative_me_cuts_its_ticker_by_start_and_limit(ask):
    rows = ask("alternative_me", "/v2/ticker/", structure="array", limit="0")["data"]
    part = ask("alternative_me", "/v2/ticker/", structure="array", start="3", limit="2")["data"]
    assert len(rows) >= 50
    assert part == rows[2:4]
    assert rows[0]["rank"] == 1


def test_alternative_me_does_not_know_the_namesakes(ask):
    symbols = [row["symbol"] for row in ask("alternative_me", "/v2/listings/")["data"]]
    assert len(set(symbols)) == len(symbols)


def test_the_whole_mood_history_lacks_the_days_that_the_upstream_lacks(ask):
    rows = ask("alternative_me", "/fng/", limit="0")["data"]
    days = [int(row["timestamp"]) // 86_400 for row in rows]
    assert days == sorted(days, reverse=True)
    assert days[-1] == 17_563
    assert 20_022 not in days
    assert rows[0]["time_until_update"] == str(86_400 - int(NOW) % 86_400)


@pytest.mark.parametrize(
    ("written", "text"), [("us", "01-01-2026"), ("cn", "2026-01-01"), ("world", "01-01-2026")]
)
def test_the_mood_writes_dates_as_asked(ask, written, text):
    assert ask("alternative_me", "/fng/", date_format=written)["data"][0]["timestamp"] == text


@pytest.mark.parametrize("provider", MODELS)
def test_an_unknown_path_is_not_found(provider):
    assert MODELS[provider]().answer(Call("h", "/nothing/", NOW)).status == 404
