"""Prices are one continuous function of time, and candles of any interval fit it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from feedmux_sandbox.coins import coins, market
from feedmux_sandbox.currency import CODES, per_dollar
from feedmux_sandbox.interval import GRIDS
from feedmux_sandbox.mood import classification, days
from feedmux_sandbox.mood import value as mood_of
from feedmux_sandbox.series import HOUR, leaders
from feedmux_sandbox.ticker import LISTED

NOW = 1_767_237_945.678
LEADERS = ("BTC", "ETH", "SOL")


@pytest.mark.parametrize("leader", LEADERS)
def test_no_hour_opens_far_from_where_the_last_one_closed(leader):
    series = leaders()[leader]
    starts = range(0, (series.period + 2) * HOUR, HOUR)
    jumps = [abs(series.price(start) / series.price(start - 1e-3) - 1) for start in starts]
    assert max(jumps) < 0.01


@pytest.mark.parametrize("leader", LEADERS)
def test_the_price_never_moves_far_in_ten_seconds(leader):
    series = leaders()[leader]
    prices = [series.price(NOW + 10 * step) for step in range(8640)]
    assert max(abs(b / a - 1) for a, b in pairwise(prices)) < 0.01


@pytest.mark.parametrize("leader", LEADERS)
def test_an_hour_shows_exactly_the_recorded_open_high_low_and_close(leader):
    series = leaders()[leader]
    for hour in (0, 1, 998, 999, 1000, 1001, 1999, 2000):
        whole = series.bar(hour * HOUR, (hour + 1) * HOUR)
        halves = [series.bar((hour + part / 2) * HOUR, (hour + (part + 1) / 2) * HOUR) for part in (0, 1)]
        assert max(half.high for half in halves) == whole.high
        assert min(half.low for half in halves) == whole.low
        assert sum(half.volume for half in halves) == pytest.approx(whole.volume)
        assert (halves[0].open, halves[1].close) == (whole.open, whole.close)


def test_the_backward_run_is_the_forward_run_mirrored():
    series = leaders()["BTC"]
    forward, backward = series.bar(999 * HOUR, 1000 * HOUR), series.bar(1000 * HOUR, 1001 * HOUR)
    assert (forward.open, forward.close) == (backward.close, backward.open)
    assert (forward.high, forward.low, forward.volume) == (backward.high, backward.low, backward.volume)


def test_a_long_candle_is_what_its_short_ones_make_together():
    series, start = leaders()["ETH"], 1_767_225_600
    day = series.bar(start, start + 86_400)
    minutes = [series.bar(start + 60 * i, start + 60 * (i + 1)) for i in range(1440)]
    assert max(minute.high for minute in minutes) == day.high
    assert min(minute.low for minute in minutes) == day.low
    assert sum(minute.volume for minute in minutes) == pytest.approx(day.volume)


def test_a_candle_of_no_length_is_flat():
    bar = leaders()["SOL"].bar(NOW, NOW)
    assert bar.open == bar.high == bar.low == bar.close == leaders()["SOL"].price(NOW)
    assert bar.volume == 0


def test_every_quote_inside_a_running_candle_lies_within_it():
    for coin in coins():
        start = NOW - NOW % 86_400
        bar = coin.bar(start, NOW)
        prices = [coin.price_at(start + (NOW - start) * part / 50) for part in range(51)]
        assert bar.low * (1 - 1e-12) <= min(prices)
        assert max(prices) <= bar.high * (1 + 1e-12)
        assert bar.close == pytest.approx(coin.price_at(NOW))


def test_ids_are_unique_and_some_tickers_are_shared():
    table = coins()
    assert len({coin.gecko for coin in table}) == len(table) >= 60
    numbers = [coin.number for coin in table if coin.number is not None]
    assert len(set(numbers)) == len(numbers)
    assert len({coin.symbol for coin in table}) < len(table)


def test_the_market_is_ranked_by_market_cap():
    rows = market(NOW)
    assert [row.rank for row in rows] == list(range(1, len(coins()) + 1))
    assert sorted(rows, key=lambda row: -row.market_cap) == list(rows)
    assert rows[0].coin.gecko == "bitcoin"


def test_every_currency_has_a_rate():
    assert all((per_dollar(code, NOW) or 0) > 0 for code in CODES)
    assert per_dollar("xyz", NOW) is None


@pytest.mark.parametrize("interval", GRIDS)
def test_an_instant_lies_between_the_start_of_its_interval_and_the_next(interval):
    grid = GRIDS[interval]
    for at in (LISTED, NOW, 1_740_787_200.0):
        index = grid.index(at)
        assert grid.start(index) <= at < grid.start(index + 1)
        assert grid.index(grid.start(index)) == index


def test_weeks_open_on_monday_and_months_on_the_first():
    assert GRIDS["1w"].start(GRIDS["1w"].index(NOW)) == 1_766_966_400  # Monday, 2025-12-29
    assert GRIDS["1M"].start(GRIDS["1M"].index(NOW)) == 1_767_225_600  # 2026-01-01


def test_the_mood_stays_within_what_the_upstream_has_ever_shown():
    values = [mood_of(day) for day in days(NOW, 0)]
    assert min(values) >= 5
    assert max(values) <= 95
    assert len({classification(index) for index in values}) == 5


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((5, "Extreme Fear"), (25, "Extreme Fear"), (26, "Fear"), (46, "Fear"), (47, "Neutral")),
        *((54, "Neutral"), (55, "Greed"), (75, "Greed"), (76, "Extreme Greed"), (95, "Extreme Greed")),
    ],
)
def test_the_classes_have_the_limits_of_the_upstream(value, name):
    assert classification(value) == name
