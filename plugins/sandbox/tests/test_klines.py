"""Binance's klines: aligned, ascending, whole, whatever is asked for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from feedmux_sandbox.interval import GRIDS
from feedmux_sandbox.pair import pairs

NOW = 1_767_237_945.678
HOUR = 3_600_000


@pytest.mark.parametrize("interval", GRIDS)
def test_rows_follow_each_other_and_hold_open_and_close_between_low_and_high(ask, interval):
    rows = ask("binance_dt", "/klines", symbol="BTCUSDT", interval=interval, limit="40")
    assert len(rows) == 40
    assert all(before[6] + 1 == after[0] for before, after in pairwise(rows))
    assert rows[-1][0] <= NOW * 1000 <= rows[-1][6]
    for _, opened, high, low, closed, volume, _, money, trades, taken, _, _ in rows:
        assert (
            float(low)
            <= min(float(opened), float(closed))
            <= max(float(opened), float(closed))
            <= float(high)
        )
        assert float(low) * float(volume) * 0.999 <= float(money) <= float(high) * float(volume) * 1.001
        assert 0 < float(taken) < float(volume)
        assert trades >= 0


def test_every_market_has_candles(ask):
    for name in pairs():
        (row,) = ask("binance_dt", "/klines", symbol=name, interval="1h", limit="1")
        assert 0 < float(row[3]) <= float(row[2])


def test_the_last_row_is_the_unfinished_candle_and_grows(ask):
    early, late = (
        ask("binance_dt", "/klines", NOW + wait, symbol="BTCUSDT", interval="1h", limit="1")[0]
        for wait in (0, 600)
    )
    assert early[0] == late[0]
    assert float(early[5]) < float(late[5])
    assert float(early[2]) <= float(late[2])
    assert float(early[3]) >= float(late[3])


def test_a_finished_candle_never_changes(ask):
    early = ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1h", limit="2")[0]
    late = ask("binance_dt", "/klines", NOW + HOUR / 1000, symbol="BTCUSDT", interval="1h", limit="3")[0]
    assert early == late


def test_a_start_gives_the_oldest_rows_from_there(ask):
    start = int(NOW * 1000) - 100 * HOUR
    asked = {"symbol": "BTCUSDT", "interval": "1h", "startTime": str(start)}
    rows = ask("binance_dt", "/klines", limit="5", **asked)
    assert start <= rows[0][0] < start + HOUR
    assert len(rows) == 5
    assert len(ask("binance_dt", "/klines", **asked)) == 100


def test_an_end_gives_the_rows_up_to_it(ask):
    end = int(NOW * 1000) - 10 * HOUR
    rows = ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1h", limit="3", endTime=str(end))
    assert len(rows) == 3
    assert rows[-1][0] <= end < rows[-1][0] + HOUR


def test_history_begins_when_trading_began_and_the_future_is_empty(ask):
    rows = ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1d", startTime="0", limit="1")
    assert rows[0][0] == 1_502_928_000_000  # 2017-08-17
    for later in (str(int(NOW * 1000) + 1), "9" * 16):
        assert ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1M", startTime=later) == []


def test_at_most_a_thousand_rows_come(ask):
    assert len(ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1m", limit="5000")) == 1000
    assert len(ask("binance_dt", "/klines", symbol="BTCUSDT", interval="1m")) == 500


def test_the_ticker_is_the_candle_of_the_last_24_hours(ask):
    ticker = ask("binance_dt", "/ticker/24hr", 1_767_225_600.0, symbol="BTCUSDT")
    day = ask("binance_dt", "/klines", 1_767_225_600.0, symbol="BTCUSDT", interval="1d", limit="2")[0]
    assert [ticker[name] for name in ("openPrice", "highPrice", "lowPrice")] == day[1:4]
    assert ticker["lastId"] - ticker["firstId"] + 1 == ticker["count"]
    assert float(ticker["bidPrice"]) < float(ticker["lastPrice"]) < float(ticker["askPrice"])
