"""Whoever is asked, the answer is about the same."""

from __future__ import annotations

import pytest

INSTANTS = [1_767_225_600 + 9_777.7 * step for step in range(60)]
SHOWN = ("BTC", "ETH", "SOL", "XRP", "DOGE", "USDC", "LINK", "UNI", "SHIB")


@pytest.mark.parametrize("at", INSTANTS)
def test_all_providers_agree_on_prices(ask, at):
    binance = {row["symbol"]: float(row["price"]) for row in ask("binance_dt", "/ticker/price", at)}
    rows = ask("alternative_me", "/v2/ticker/", at, structure="array")
    alternative = {row["symbol"]: row["quotes"]["USD"]["price"] for row in rows["data"]}
    gecko: dict[str, float] = {}
    for row in ask("coingecko", "/coins/markets", at, vs_currency="usd", per_page="250"):
        gecko.setdefault(row["symbol"].upper(), row["current_price"])
    for symbol in SHOWN:
        assert gecko[symbol] == pytest.approx(binance[f"{symbol}USDT"], rel=0.005)
        assert gecko[symbol] == pytest.approx(alternative[symbol], rel=0.005)


def test_all_providers_agree_on_the_day_before(ask):
    binance = ask("binance_dt", "/ticker/24hr", symbol="ETHUSDT")
    (gecko,) = ask("coingecko", "/coins/markets", vs_currency="usd", ids="ethereum")
    alternative = ask("alternative_me", "/v2/ticker/1027/")["data"]["1027"]["quotes"]["USD"]
    assert float(binance["priceChangePercent"]) == pytest.approx(
        gecko["price_change_percentage_24h"], abs=0.01
    )
    assert alternative["percent_change_24h"] == pytest.approx(gecko["price_change_percentage_24h"], abs=0.01)
    assert float(binance["highPrice"]) == pytest.approx(gecko["high_24h"], rel=0.001)
    assert float(binance["quoteVolume"]) == pytest.approx(gecko["total_volume"], rel=0.001)
    assert alternative["volume_24h"] == pytest.approx(gecko["total_volume"], rel=0.001)


def test_other_currencies_agree_too(ask):
    binance = float(ask("binance_dt", "/ticker/price", symbol="BTCEUR")["price"])
    gecko = ask("coingecko", "/simple/price", ids="bitcoin", vs_currencies="eur")["bitcoin"]["eur"]
    alternative = ask("alternative_me", "/v2/ticker/1/", convert="EUR")["data"]["1"]["quotes"]["EUR"]["price"]
    assert gecko == pytest.approx(binance, rel=0.001)
    assert alternative == pytest.approx(binance, rel=0.001)


def test_the_running_kline_closes_at_the_quote(ask):
    for interval in ("1s", "1m", "15m", "1h", "4h", "1d", "1w", "1M"):
        rows = ask("binance_dt", "/klines", symbol="SOLUSDT", interval=interval, limit="2")
        assert rows[-1][4] == ask("binance_dt", "/ticker/price", symbol="SOLUSDT")["price"]


def test_the_same_instant_gives_the_same_answer(ask):
    for provider, path in (
        ("binance_dt", "/ticker/24hr"),
        ("coingecko", "/global"),
        ("alternative_me", "/fng/"),
    ):
        assert ask(provider, path) == ask(provider, path)
