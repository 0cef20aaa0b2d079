"""An item is checked when it is made: no price that is not finite and positive ever exists."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedmux import Candle, FearGreed, GlobalStats, Quote, Quotes, SentimentIndex
from feedmux.answer import Answer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
anything = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=5), st.integers(10**18, 10**400)
)


@given(anything)
def test_a_price_is_finite_and_positive_or_a_value_error(value):
    try:
        quote = Quote(symbol="BTC", price=value)
    except ValueError as refused:
        assert str(refused).startswith("price: ")
        return
    assert type(quote.price) is float
    assert math.isfinite(quote.price)
    assert quote.price > 0


@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
def test_a_candles_open_and_close_lie_between_its_low_and_high(prices):
    opened, high, low, close = prices
    try:
        Candle(
            symbol="BTC",
            interval="1h",
            opened_at=NOW,
            open=opened,
            high=high,
            low=low,
            close=close,
            closed=True,
        )
    except ValueError:
        assert not low <= min(opened, close) <= max(opened, close) <= high
    else:
        assert low <= min(opened, close) <= max(opened, close) <= high


@pytest.mark.parametrize("field", ["volume_24h", "market_cap"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_amounts_are_finite_and_not_negative(field, value):
    with pytest.raises(ValueError, match=field):
        Quote(symbol="BTC", price=1, **{field: value})


def test_a_change_may_be_any_finite_number():
    assert Quote(symbol="BTC", price=1, change_24h=-5).change_24h == -5.0
    with pytest.raises(ValueError, match="change_24h"):
        Quote(symbol="BTC", price=1, change_24h=math.nan)


def test_unknown_is_none():
    assert Quote(symbol="BTC", price=1).volume_24h is None


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="observed_at"):
        Quote(symbol="BTC", price=1, observed_at=datetime(2026, 1, 1))


def test_money_is_a_float():
    assert type(GlobalStats(market_cap=5).market_cap) is float


def test_the_age_of_an_answer_is_that_of_its_oldest_item_and_of_a_series_of_its_newest():
    quotes = tuple(
        Quote(symbol="A", price=1, observed_at=datetime(2026, 1, day, tzinfo=UTC)) for day in (2, 1, 3)
    )
    days = tuple(
        SentimentIndex(value=1, classification="fear", observed_at=datetime(2026, 1, day, tzinfo=UTC))
        for day in (1, 2, 3)
    )

    assert Answer(FearGreed(3), days).observed_at == datetime(2026, 1, 3, tzinfo=UTC)
    assert Answer(Quotes(["A"]), quotes).observed_at == datetime(2026, 1, 1, tzinfo=UTC)
