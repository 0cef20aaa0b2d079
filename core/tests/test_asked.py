"""What a plugin is given to read its rows with: those that are asked for, as quotes and candles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct

from feedmux import Asked, Candles, Quotes
from feedmux.listing import Listed

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
BTC = Listed("BTC", "btc-usdt", "USDT", "BTC/USDT", ambiguous=True)
ASKED = Asked(Quotes(["ETH", "BTC"]), NOW, {"BTC": BTC})


class _Row(Struct):
    last: float


class _Candle(Struct):
    open: float = 2.0
    high: float = 4.0
    low: float = 1.0
    close: float = 3.0
    volume: float = 5.0


def test_rows_are_found_by_the_providers_id_in_the_order_of_the_question() -> None:
    rows = [{"id": "btc-usdt", "last": "7.5"}, {"id": "ETH", "last": 3}, {"id": "LTC", "last": 1}]
    assert ASKED.found(rows, "id", _Row) == [("ETH", _Row(3.0)), ("BTC", _Row(7.5))]


def test_a_row_that_is_not_there_is_left_out() -> None:
    assert ASKED.found([{"id": "ETH", "last": 3}, {"last": 4}], "id", _Row) == [("ETH", _Row(3.0))]


def test_an_id_may_be_a_number() -> None:
    asked = Asked(Quotes(["BTC"]), NOW, {"BTC": Listed("BTC", "1")})
    assert asked.found([{"id": 1, "last": 7.5}], "id", _Row) == [("BTC", _Row(7.5))]


def test_a_broken_row_harms_no_other_and_is_an_error_where_it_is_asked_for() -> None:
    rows = [{"id": "ETH", "last": 3}, {"id": "LTC", "last": ""}]
    assert len(ASKED.found(rows, "id", _Row)) == 1
    with pytest.raises(ValueError, match="float"):
        ASKED.found([{"id": "ETH", "last": ""}], "id", _Row)


def test_a_quote_says_what_its_listing_knows() -> None:
    quote = ASKED.quote("BTC", 7.5, NOW, volume_24h=9.0)
    assert (quote.symbol, quote.price, quote.vs, quote.pair) == ("BTC", 7.5, "USD", "BTC/USDT")
    assert (quote.id, quote.ambiguous, quote.observed_at, quote.volume_24h) == ("btc-usdt", True, NOW, 9.0)


def test_a_quote_of_what_is_not_listed_takes_the_symbol_for_its_id() -> None:
    quote = ASKED.quote("ETH", 3.0)
    assert (quote.id, quote.pair, quote.ambiguous, quote.observed_at) == ("ETH", None, False, None)


@pytest.mark.parametrize(("minutes", "closed"), [(0, False), (4, False), (5, True)])
def test_a_candle_is_closed_once_its_interval_is_over(minutes: int, closed: bool) -> None:
    asked = Asked(Candles("BTC", "5m", 10), NOW, {"BTC": BTC})
    candle = asked.candle(NOW - timedelta(minutes=minutes), _Candle())
    assert (candle.closed, candle.interval, candle.pair, candle.volume) == (closed, "5m", "BTC/USDT", 5.0)
    assert (candle.open, candle.high, candle.low, candle.close) == (2.0, 4.0, 1.0, 3.0)
