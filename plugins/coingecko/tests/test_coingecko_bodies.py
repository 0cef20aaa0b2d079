"""What CoinGecko answered, read: every recorded body that is no error."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from feedmux.items import Candle
from feedmux.listing import Listing
from feedmux.query import Candles, GlobalMarket, Markets, Quotes, Trending
from feedmux.request import Asked
from feedmux_coingecko import parse_global, parse_listing, parse_markets, parse_quotes, parse_trending
from feedmux_coingecko.candles import parse_candles

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def body(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def quotes(*symbols: str, vs: str = "USD") -> Asked[Quotes]:
    return Asked(Quotes(symbols, vs), NOW)


def rows(*changes: dict[str, Any]) -> bytes:
    """Bitcoin's recorded row, once for each change."""
    (bitcoin,) = msgspec.json.decode(body("coins_markets.btc_eth_page1.json"))
    return msgspec.json.encode([{**bitcoin, **change} for change in changes])


def test_a_quote_says_what_the_row_says() -> None:
    (quote,) = parse_quotes(body("coins_markets.btc_eth_page1.json"), quotes("BTC"))
    assert (quote.symbol, quote.id, quote.name, quote.vs) == ("BTC", "bitcoin", "Bitcoin", "USD")
    assert (quote.price, quote.high_24h, quote.low_24h) == (42652, 43088, 41747)
    assert (quote.change_24h, quote.change_pct_24h) == (-339.10884563378204, -0.78878)
    assert (quote.volume_24h, quote.market_cap) == (20679539886, 837025489900)
    assert quote.observed_at == datetime(2024, 1, 15, 8, 54, 30, 919000, tzinfo=UTC)
    assert not quote.ambiguous


def test_quotes_are_in_the_currency_asked_for_and_in_the_callers_order() -> None:
    found = parse_quotes(body("coins_markets.btc_eth_in_eth.json"), quotes("ETH", "BTC", vs="ETH"))
    assert [(q.symbol, q.vs, q.price) for q in found] == [("ETH", "ETH", 1.0), ("BTC", "ETH", 12.666344)]


def test_an_exact_coin_comes_back_under_the_callers_name() -> None:
    (quote,) = parse_quotes(body("coins_markets.btc_eth_page2.json"), quotes("coingecko:ethereum"))
    assert (quote.symbol, quote.id, quote.ambiguous) == ("coingecko:ethereum", "ethereum", False)


def test_a_symbol_that_the_body_lacks_is_left_out() -> None:
    assert parse_quotes(body("coins_markets.btc_eth_page1.json"), quotes("SOL")) == []
    assert parse_quotes(b"[]", quotes("SOL")) == []


def test_of_coins_that_share_a_symbol_the_largest_is_taken_and_said_to_be_ambiguous() -> None:
    shared = rows({"id": "small", "market_cap": 10}, {"id": "none", "market_cap": None}, {"id": "large"})
    (quote,) = parse_quotes(shared, quotes("BTC"))
    assert (quote.id, quote.ambiguous) == ("large", True)
    (exact,) = parse_quotes(shared, quotes("coingecko:small"))
    assert (exact.id, exact.ambiguous) == ("small", False)


def test_where_the_largest_has_no_price_no_other_coin_stands_in() -> None:
    shared = rows({"id": "large", "current_price": None}, {"id": "small", "market_cap": 10})
    assert parse_quotes(shared, quotes("BTC")) == []


def test_what_is_unknown_of_a_thin_coin_is_none_never_zero() -> None:
    thin = rows({"market_cap": 0, "high_24h": None, "low_24h": 0, "price_change_24h": None})
    (quote,) = parse_quotes(thin, quotes("BTC"))
    assert (quote.market_cap, quote.high_24h, quote.low_24h, quote.change_24h) == (None, None, None, None)


def test_the_market_table_keeps_its_order_and_ranks() -> None:
    found = parse_markets(body("coins_markets.usd_top100.json"), Asked(Markets(100), NOW))
    assert [coin.rank for coin in found] == [
        row["market_cap_rank"] for row in msgspec.json.decode(body("coins_markets.usd_top100.json"))
    ]
    assert (found[0].symbol, found[0].name, found[0].price) == ("BTC", "Bitcoin", 42652)
    assert found[0].circulating_supply == 19599200.0


def test_a_coin_without_a_price_is_not_in_the_market_table() -> None:
    assert parse_markets(rows({"current_price": None}), Asked(Markets(), NOW)) == []


def trending(name: str) -> dict[str, float | None]:
    return {coin.symbol: coin.price for coin in parse_trending(body(name), Asked(Trending(), NOW))}


def test_prices_written_for_people_are_read() -> None:
    prices = trending("search_trending.json")
    assert (prices["TIA"], prices["ETH"], prices["BTC"]) == (13.60, 2263.87, 44853.98)


def test_a_price_that_counts_its_zeros_in_a_subscript_is_read_from_its_title() -> None:
    assert trending("search_trending.json")["COQ"] == 0.000001216


def test_trending_coins_keep_their_order() -> None:
    found = parse_trending(body("search_trending.json"), Asked(Trending(), NOW))
    assert [coin.position for coin in found] == list(range(1, 16))
    assert (found[0].id, found[0].rank, found[0].change_pct_24h) == ("celestia", 44, -9.856759102497167)


def test_the_shape_without_prices_has_no_prices() -> None:
    assert set(trending("search_trending.2021.json").values()) == {None}


@pytest.mark.parametrize(
    ("price", "read"),
    [
        (5.9e-06, 5.9e-06),
        ("$0.00", None),
        ("soon", None),
        ("-$5", None),
        (None, None),
        ("$1,234,567.8", 1234567.8),
    ],
)
def test_a_trending_price_is_a_number_a_text_or_unknown(price: object, read: float | None) -> None:
    item = {"id": "x", "symbol": "x", "name": "X", "data": {"price": price}}
    (coin,) = parse_trending(msgspec.json.encode({"coins": [{"item": item}]}), Asked(Trending(), NOW))
    assert coin.price == read


def candles(name: str, interval: Any, at: datetime, vs: str = "USD") -> list[Candle]:
    return parse_candles(body(name), Asked(Candles("BTC", interval, 100, vs), at))


def test_a_candle_began_one_interval_before_the_time_of_its_row() -> None:
    first, *_, last = candles(
        "coins_ohlc.btc_usd_1d.json", "30m", datetime(2024, 1, 15, 8, 54, 43, tzinfo=UTC)
    )
    assert (first.opened_at, first.closes_at) == (
        datetime(2024, 1, 14, 8, 30, tzinfo=UTC),
        datetime(2024, 1, 14, 9, 0, tzinfo=UTC),
    )
    assert (last.open, last.high, last.low, last.close) == (42686.0, 42707.0, 42660.0, 42707.0)
    assert (last.opened_at, last.closed) == (datetime(2024, 1, 15, 8, 30, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("name", "interval", "vs", "rows"),
    [
        ("coins_ohlc.btc_usd_1d.json", "30m", "USD", 49),
        ("coins_ohlc.btc_usd_7d.json", "4h", "USD", 42),
        ("coins_ohlc.btc_myr_30d.json", "4h", "MYR", 180),
    ],
)
def test_the_rows_of_a_series_follow_each_other_by_its_interval_and_have_no_volume(
    name: str, interval: Any, vs: str, rows: int
) -> None:
    found = candles(name, interval, datetime(2024, 1, 15, 8, 54, 43, tzinfo=UTC), vs)
    assert len(found) == rows
    assert all(one.closes_at == other.opened_at for one, other in pairwise(found))
    assert {(candle.volume, candle.vs, candle.pair) for candle in found} == {(None, vs, None)}


def test_a_body_kept_by_coingecko_past_its_last_candles_end_has_that_candle_unfinished_all_the_same() -> None:
    *closed, last = candles("coins_ohlc.btc_usd_1d.json", "30m", datetime(2024, 1, 15, 9, 20, tzinfo=UTC))
    assert not last.closed
    assert all(candle.closed for candle in closed)


def test_the_listing_takes_of_coins_that_share_a_symbol_the_one_that_comes_first() -> None:
    listing = Listing.of(parse_listing(rows({}, {"id": "small"}, {"id": "other", "symbol": "oth"})))
    found = listing.find("BTC", "EUR")
    assert found is not None
    assert (found.id, found.ambiguous) == ("bitcoin", True)
    assert listing.find("coingecko:small", "USD") is not None


def test_the_whole_market_is_read_in_dollars_and_percent() -> None:
    (row,) = parse_global(body("global.json"), Asked(GlobalMarket(), NOW))
    assert (row.observed_at, row.coins) == (datetime(2024, 1, 15, 8, 53, 33, tzinfo=UTC), 12190)
    assert (row.market_cap, row.btc_dominance_pct) == (1760551687555.1335, 47.47639504146603)
    assert row.change_pct_24h == -0.611620316804155
    assert row.volume_24h == msgspec.json.decode(body("global.json"))["data"]["total_volume"]["usd"]


def test_a_whole_market_without_dollars_is_no_answer() -> None:
    with pytest.raises(ValueError, match="usd"):
        parse_global(
            b'{"data":{"total_market_cap":{"eur":1},"updated_at":1705308813}}', Asked(GlobalMarket(), NOW)
        )
