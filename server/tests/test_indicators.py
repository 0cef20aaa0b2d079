"""Indicators against what others published, and against another implementation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talipp.indicators as other
from hypothesis import given
from hypothesis import strategies as st
from talipp.ohlcv import OHLCV

from feedmux_server import indicators as ta
from feedmux_server.indicators import Series, averages, oscillators
from feedmux_server.indicators.series import exact
from feedmux_server.indicators.signal import Overall, Signal, ordered, together

PUBLISHED = Path(__file__).parent / "published"


def published(name: str) -> Any:
    return json.loads((PUBLISHED / f"{name}.json").read_text())


def series(closes: Any, highs: Any = None, lows: Any = None) -> Series:
    closes = np.array(closes, dtype=float)
    return Series(
        *(closes if given is None else np.array(given, dtype=float) for given in (highs, lows)), closes
    )


def walk(length: int, seed: int = 1) -> Series:
    """Prices as they could be."""
    chance = np.random.default_rng(seed)
    closes = 60_000 * np.exp(np.cumsum(chance.normal(0, 0.01, length)))
    reach = closes * chance.uniform(0.001, 0.01, length)
    return series(closes, closes + reach, closes - reach)


def test_rsi_is_what_chartschool_published() -> None:
    sheet = published("rsi")
    ours = [ta.rsi(series(sheet["closes"][: n + 15]), 14) for n in range(len(sheet["rsi"]))]
    assert ours == pytest.approx(sheet["rsi"], abs=1e-4)


def test_atr_is_what_chartschool_published() -> None:
    """Its sheet counts the first bar's range without a close before: a bar before that adds nothing gives the same."""
    sheet = published("atr")
    highs, lows, closes = ([sheet[name][0], *sheet[name]] for name in ("highs", "lows", "closes"))
    ours = [
        ta.atr(series(closes[: n + 15], highs[: n + 15], lows[: n + 15]), 14).value
        for n in range(len(sheet["atr"]))
    ]
    assert ours == pytest.approx(sheet["atr"], abs=1e-5)


def test_bollinger_bands_are_what_chartschool_published() -> None:
    sheet = published("bollinger")
    ours = [ta.bollinger(series(sheet["closes"][: n + 20]), 20, 2.0) for n in range(len(sheet["middle"]))]
    for name in ("middle", "upper", "lower"):
        assert [getattr(bands, name) for bands in ours] == pytest.approx(sheet[name], abs=1e-5)


def test_the_simple_average_is_what_chartschool_published() -> None:
    sheet = published("averages")
    ours = [ta.bollinger(series(sheet["closes"][: n + 10]), 10, 2.0).middle for n in range(len(sheet["sma"]))]
    assert ours == pytest.approx(sheet["sma"], abs=1e-6)


def test_stoch_rsi_is_what_was_calculated_by_hand() -> None:
    sheet = published("stoch_rsi")
    closes = sheet["closes"]
    ours = [ta.stoch_rsi(series(closes[: n + 1]), 5, 5).value / 100 for n in range(13, len(closes))]
    assert ours == pytest.approx(sheet["stoch_rsi"][4:], abs=1e-4)


def test_another_implementation_comes_to_the_same() -> None:
    candles = walk(600)
    closes = list(candles.closes)
    bars = [
        OHLCV(c, h, low, c, 0.0)
        for h, low, c in zip(candles.highs, candles.lows, candles.closes, strict=True)
    ]
    macd, bands = other.MACD(12, 26, 9, closes)[-1], other.BB(20, 2.0, closes)[-1]
    stoch = other.StochRSI(14, 14, 3, 3, closes)[-1]
    ours = ta.macd(candles, 12, 26, 9)
    assert (ours.macd_line, ours.signal_line, ours.histogram) == pytest.approx(
        (macd.macd, macd.signal, macd.histogram), rel=1e-6
    )
    found = ta.bollinger(candles, 20, 2.0)
    assert (found.upper, found.middle, found.lower) == pytest.approx((bands.ub, bands.cb, bands.lb), rel=1e-9)
    k = ta.stoch_rsi(candles, 14, 14)
    assert (k.k_line, k.d_line) == pytest.approx((stoch.k, stoch.d), rel=1e-6)
    assert ta.rsi(candles, 14) == pytest.approx(other.RSI(14, closes)[-1], rel=1e-9)
    assert ta.atr(candles, 14).value == pytest.approx(other.ATR(14, bars)[-1], rel=1e-9)
    emas = ta.ema(candles)
    assert (emas.ema12, emas.ema26, emas.ema50) == pytest.approx(
        [other.EMA(period, closes)[-1] for period in (12, 26, 50)], rel=1e-9
    )


@pytest.mark.parametrize("period", [2, 14, 46])
def test_with_the_candles_we_ask_for_the_beginning_no_longer_matters(period: int) -> None:
    long = walk(3000)
    enough = oscillators.rsi_candles(period)
    short = Series(*(values[-enough:] for values in (long.highs, long.lows, long.closes)))
    assert ta.rsi(short, period) == pytest.approx(ta.rsi(long, period), abs=1e-6)
    assert ta.atr(short, period).value == pytest.approx(ta.atr(long, period).value, rel=1e-6)


def test_no_more_candles_are_asked_for_than_one_question_may() -> None:
    assert exact(100, 1 / 100) == averages.macd_candles(100, 100) == 1000


def test_too_few_candles_are_said_and_nothing_is_made_up() -> None:
    with pytest.raises(ta.TooFew, match=r"RSI\(14\) takes 15 candles, there are 9"):
        ta.rsi(walk(9), 14)
    assert ta.sma(walk(60)).sma200 is None
    assert ta.ema(walk(30)).ema50 is None


def test_a_price_that_never_moved_has_no_rsi() -> None:
    flat = series([5.0] * 60)
    with pytest.raises(ta.Undefined):
        ta.rsi(flat, 14)
    with pytest.raises(ta.Undefined):
        ta.stoch_rsi(flat, 14, 14)
    assert ta.bollinger(flat, 20, 2.0).percent_b is None


@pytest.mark.parametrize(
    ("value", "signal"),
    [
        (70.1, "overbought"),
        (70, "bullish"),
        (60, "neutral"),
        (40, "neutral"),
        (30, "bearish"),
        (29.9, "oversold"),
    ],
)
def test_what_an_rsi_says(value: float, signal: str) -> None:
    assert oscillators.rsi_signal(value) == signal


@pytest.mark.parametrize(
    ("percent", "signal"),
    [
        (95.1, "overbought"),
        (71, "bullish_caution"),
        (50, "neutral"),
        (29, "bearish_caution"),
        (4, "oversold"),
    ],
)
def test_what_bollinger_bands_say(percent: float, signal: str) -> None:
    assert ta.Bands(1.0, 1.0, 1.0, 0.0, percent).signal == signal


@pytest.mark.parametrize(
    ("histogram", "line", "signal"),
    [
        (1, 1, "strong_bullish"),
        (1, -1, "bullish"),
        (-1, -1, "strong_bearish"),
        (-1, 1, "bearish"),
        (0, 1, "neutral"),
    ],
)
def test_what_a_macd_says(histogram: float, line: float, signal: str) -> None:
    assert ta.Macd(line, 0.0, histogram).signal == signal


@pytest.mark.parametrize(
    ("values", "signal"),
    [
        ((4, 3, 2, 1), "strong_bullish"),
        ((4, 2, 3, 1), "bullish"),
        ((1, 2, 3, 4), "strong_bearish"),
        ((1, 3, 2, None), "bearish"),
        ((2, 1, 3), "neutral"),
    ],
)
def test_what_the_order_of_averages_says(values: Any, signal: str) -> None:
    assert ordered(*values) == signal


@given(st.lists(st.sampled_from(list(Signal)), min_size=7, max_size=7))
def test_four_of_seven_make_a_side_and_five_a_strong_one(signals: list[Signal]) -> None:
    up, down = sum(s.rises for s in signals), sum(s.falls for s in signals)
    verdict = together(signals)
    assert (verdict.overall in (Overall.BUY, Overall.STRONG_BUY)) is (up >= 4)
    assert (verdict.overall in (Overall.SELL, Overall.STRONG_SELL)) is (down >= 4)
    assert verdict.overall.startswith("STRONG") is (max(up, down) >= 5)
    assert 0 < verdict.confidence <= 1
